"""The source text of the running Python's own standard library: a corpus that needs no network."""

import io
import os
import platform
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.documents import Found, decoded
from scaling_jax.ladder.corpora.token_corpus import TokenCorpus, token_corpus
from scaling_jax.ladder.corpora.tokenizer import tokenizer_maker

# Not the library's: packages installed beside it, and what a build writes about its machine.
_FOREIGN = ("site-packages", "dist-packages", "__pycache__", "lib-dynload", "config-")
_OF_THE_BUILD = ("_sysconfigdata", "sitecustomize", "usercustomize")


def open_stdlib(
    *,
    context: int,
    tokenizer: str = "bytes",
    vocab_size: int | None = None,
    validation_share: float = 0.03,
    validation_tokens: int = 131_072,
    folder: Path | None = None,
) -> TokenCorpus:
    """Return the corpus of the ``.py`` files of the running Python's standard library.

    Args:
        context: Tokens predicted in an example.
        tokenizer: "bytes" or "bpe".
        vocab_size: Tokens of a "bpe", separator included.
        validation_share: Bytes for validation as a share of all.
        validation_tokens: Tokens predicted in all of the validation examples, at most.
        folder: Where a trained tokenizer is kept; None: nowhere.

    Raises:
        LadderError: The library's files are not there or cannot be read.
    """
    return token_corpus(
        "stdlib",
        sources(Path(sysconfig.get_path("stdlib"))),
        tokenizer=tokenizer_maker(tokenizer, vocab_size, folder),
        context=context,
        validation_share=validation_share,
        validation_tokens=validation_tokens,
        provenance={"python": platform.python_version()},
    )


def sources(root: Path) -> Iterator[Found]:
    """Yield the Python files below a folder.

    Raises:
        LadderError: There are none, as where the library is in an archive.
    """
    found = False
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(_FOREIGN)]
        for name in files:
            if name.endswith(".py") and not name.startswith(_OF_THE_BUILD):
                found, path = True, Path(folder, name)
                yield _source(path, path.relative_to(root).as_posix())
    if not found:
        raise LadderError(
            f"this Python has no source of its standard library in {root}: use another Python, or "
            'a corpus of kind "text"'
        )


def _source(path: Path, name: str) -> Found:
    """Return a file with its text as UTF-8, from the encoding that it declares (PEP 263)."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LadderError(
            f"cannot read {path} of Python's standard library: {error.strerror or error}"
        ) from None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except SyntaxError:  # declares none that exists, or is not in it: a test of just that
        return Found(name, None, len(raw))
    return Found(name, decoded(raw, encoding), len(raw))
