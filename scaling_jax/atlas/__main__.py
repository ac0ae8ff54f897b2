"""Write the atlas: `python -m scaling_jax.atlas docs [SUBJECT ...]`.

Without subjects all pictures are drawn again; with some, only theirs. The text is always written.
"""

import sys
from pathlib import Path

from scaling_jax import literature
from scaling_jax.atlas.pictures import contact_sheet
from scaling_jax.atlas.text import FOLDER, pictured, written
from scaling_jax.files import write_atomically


def main(docs: Path, subjects: list[str]) -> None:
    """Write the page and the pictures into the folder of the documentation."""
    (docs / FOLDER).mkdir(exist_ok=True)
    for subject in subjects or literature.subjects():
        if names := pictured(subject):
            picture = contact_sheet(names)
            write_atomically(docs / FOLDER / f"{subject}.png", picture)
            print(f"{subject}: {len(names)} laws, {len(picture) / 1024:.0f} kB", file=sys.stderr)
    write_atomically(docs / "atlas.md", written(docs))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"), sys.argv[2:])
