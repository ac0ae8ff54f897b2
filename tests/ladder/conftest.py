"""One tiny ladder on a small folder of text, shared by the tests: few shapes, few programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaling_jax.ladder import Ladder

TINY = {"width": 16}
TRAINING: dict[str, Any] = {
    "batch_tokens": 64, "learning_rate": 0.01, "tokens": [6400], "warmup_steps": 5,
}  # fmt: skip


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty files of lines of numbers, different enough not to be taken for copies."""
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(40):
        rows = [f"{k}: " + " ".join(str(k * m % 9973) for m in range(1, 30))
                for k in range(20 * number, 20 * number + 20)]  # fmt: skip
        (folder / f"{number}.txt").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny(corpus_folder: Path) -> Callable[..., Ladder]:
    """Return a function that makes a ladder of the tiny recipe, with other training options."""

    def make(*rungs: dict[str, Any], **training: Any) -> Ladder:
        corpus = {"kind": "text", "path": str(corpus_folder), "validation_tokens": 512}
        return Ladder.of(
            {
                "name": "tiny",
                "corpus": corpus,
                "recipe": {"depth": 1, "context": 16},
                "training": TRAINING | training,
                "rungs": list(rungs) or [TINY],
            }
        )

    return make


def losses_of(folder: Path) -> dict[str, float | None]:
    """Return the final loss of every run in a ladder's folder."""
    from scaling_jax.ladder.running import Site

    site = Site.open(folder)
    lines = [line for group in site.ladder.groups for line in site.lines(group)]
    return {line["run"]: line["loss"] for line in lines if line["status"] != "running"}


@pytest.fixture(scope="session")
def final_losses() -> Callable[[Path], dict[str, float | None]]:
    return losses_of
