"""The user's own text: a file, a folder of files, or JSON lines."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scaling_jax.errors import LadderError, did_you_mean
from scaling_jax.ladder.corpora.documents import Found, decoded, normal
from scaling_jax.ladder.corpora.token_corpus import TokenCorpus, token_corpus
from scaling_jax.ladder.corpora.tokenizer import tokenizer_maker

_LINES = (".jsonl", ".ndjson")  # one JSON object a line
_SECTIONS = 128  # of a corpus that is one file: enough to choose a few per cent from
_SECTION_BYTES = 1024, 65_536  # the shortest and the longest


def open_text(
    *,
    context: int,
    path: str | Sequence[str],
    pattern: str = "*",
    field: str = "text",
    tokenizer: str = "bytes",
    vocab_size: int | None = None,
    validation_share: float = 0.03,
    validation_tokens: int = 131_072,
    folder: Path | None = None,
) -> TokenCorpus:
    """Return the corpus of some files.

    A file is one document; each line of a JSON-lines file (.jsonl, .ndjson) is one. A corpus of a
    single text file is cut at line ends into some hundred sections, so that there is something to
    choose the validation part from.

    Args:
        context: Tokens predicted in an example.
        path: A file or a folder, searched at any depth without hidden files; or several.
        pattern: Which files of a folder, as in ``"*.md"``.
        field: The field of a JSON line that holds its text.
        tokenizer: "bytes" or "bpe".
        vocab_size: Tokens of a "bpe", separator included.
        validation_share: Bytes for validation as a share of all.
        validation_tokens: Tokens predicted in all of the validation examples, at most.
        folder: Where a trained tokenizer is kept; None: nowhere.

    Raises:
        LadderError: A file is missing, unreadable or not what its name says, or there is too
            little text.
    """
    paths = [path] if isinstance(path, str) else list(path)
    return token_corpus(
        _name(paths),
        documents(paths, pattern, field),
        tokenizer=tokenizer_maker(tokenizer, vocab_size, folder),
        context=context,
        validation_share=validation_share,
        validation_tokens=validation_tokens,
        provenance={"paths": paths},
    )


def documents(paths: Sequence[str], pattern: str = "*", field: str = "text") -> Iterator[Found]:
    """Yield the documents in some files and folders.

    Names are relative to the paths, and begin with their last parts where there are several.
    """
    files = [pair for path in paths for pair in _files(path, pattern, len(paths) > 1)]
    for name, count in Counter(name for name, _ in files).items():
        if count > 1:
            raise LadderError(
                f"{count} files of the corpus would be called {name}: give the folder above them"
            )
    if len(files) == 1 and not files[0][1].name.endswith(_LINES):
        yield from _sections(*files[0])
        return
    for name, file in files:
        if file.name.endswith(_LINES):
            yield from _json_lines(name, file, field)
        else:
            raw = _read(file)
            yield Found(name, decoded(raw), len(raw))


def _name(paths: list[str]) -> str:
    return "+".join(Path(path).stem or str(path) for path in paths)


def _files(given: str, pattern: str, several: bool) -> list[tuple[str, Path]]:
    """Return name and path of the files that a path stands for."""
    path = Path(given).expanduser()
    head = (path.resolve().name,) if several else ()
    if path.is_file():
        return [(path.name, path)]
    if not path.is_dir():
        raise LadderError(f"the corpus {given} is not there: give a file or a folder of text")
    found = []
    for file in sorted(path.rglob(pattern)):
        parts = file.relative_to(path).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            found.append(("/".join((*head, *parts)), file))
    if not found:
        raise LadderError(f"the folder {given} has no file {pattern!r} that is not hidden")
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LadderError(f"cannot read {path}: {error.strerror or error}") from None


def _sections(name: str, path: Path) -> Iterator[Found]:
    """Yield a file in sections of equal size that end with a line where there are lines."""
    text = decoded(_read(path))
    if text is None:
        raise LadderError(f"{path} is no UTF-8 text: convert it, or leave it out")
    size = min(max(len(text) // _SECTIONS, _SECTION_BYTES[0]), _SECTION_BYTES[1])
    begin = 0
    while begin < len(text):
        end = _cut(text, begin, min(begin + size, len(text)))
        yield Found(f"{name}#{begin:012d}", text[begin:end], end - begin)
        begin = end


def _cut(text: bytes, begin: int, end: int) -> int:
    """Return the last line end up to `end`, or else the last place between two characters."""
    line = text.rfind(b"\n", begin, end) + 1
    if end == len(text) or line > begin:
        return end if end == len(text) else line
    while text[end] & 0xC0 == 0x80:  # within a character
        end -= 1
    return end


def _json_lines(name: str, path: Path, field: str) -> Iterator[Found]:
    for number, line in enumerate(_read(path).split(b"\n"), 1):
        if line.strip():
            text = normal(_field(line, field, f"{path}, line {number}"))
            yield Found(f"{name}:{number:09d}", text, len(line))


def _field(line: bytes, field: str, where: str) -> str:
    try:
        record: Any = json.loads(line)
    except ValueError as error:  # no JSON, or no UTF-8
        raise LadderError(
            f"{where} is no JSON ({error}): give one object a line, or name the file .txt"
        ) from None
    if not isinstance(record, dict):
        raise LadderError(f'{where} is no JSON object: give lines like {{"{field}": "..."}}')
    if field not in record:
        raise LadderError(
            f"{where} has no field {field!r}: {did_you_mean(field, record)} "
            '(set field = "..." in the corpus)'
        )
    if not isinstance(record[field], str):
        raise LadderError(f"{where}: the field {field!r} is no text but {record[field]!r:.40}")
    return record[field]
