"""The source text of the running Python's own standard library: a corpus that needs no network."""

import io
import os
import platform
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.documents import decoded
from scaling_jax.ladder.corpora.token_corpus import TokenCorpus, token_corpus
from scaling_jax.ladder.corpora.tokenizer import Bytes

# Not the library's: packages installed beside it, and what a build writes about its machine.
_FOREIGN = ("site-packages", "dist-packages", "__pycache__", "lib-dynload", "config-")
_OF_THE_BUILD = ("_sysconfigdata", "sitecustomize", "usercustomize")


def open_stdlib(
    *, context: int, validation_share: float = 0.03, validation_tokens: int = 131_072
) -> TokenCorpus:
    """Return the corpus of the ``.py`` files of the running Python's standard library.

    Args:
        context: Tokens predicted in an example.
        validation_share: Bytes for validation as a share of all.
        validation_tokens: Tokens predicted in all of the validation examples, at most.

    Raises:
        LadderError: The library's files are not there or cannot be read.
    """
    root = Path(sysconfig.get_path("stdlib"))
    return token_corpus(
        "stdlib",
        sources(root),
        tokenizer=lambda _: Bytes(),
        context=context,
        validation_share=validation_share,
        validation_tokens=validation_tokens,
        provenance={
            "python": platform.python_version(),
            "python_build": platform.python_build()[0],
        },
    )


def sources(root: Path) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and the text of the Python files below a folder, None where it is no text."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(_FOREIGN)]
        for name in files:
            if name.endswith(".py") and not name.startswith(_OF_THE_BUILD):
                path = Path(folder, name)
                yield path.relative_to(root).as_posix(), _source(path)


def _source(path: Path) -> bytes | None:
    """Return a file's text as UTF-8, from the encoding that it declares (PEP 263)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LadderError(
            f"cannot read {path} of Python's standard library: {error.strerror or error}"
        ) from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except SyntaxError:  # declares none that exists, or is not in it: a test of just that
        return None
    return decoded(raw, encoding)
