"""Run tables from files: CSV, TSV, JSON lines (also gzipped) and Parquet.

Text files are read here and not by a frame library, because only then can a message name the
line and the text of a cell that is wrong.
"""

import csv
import gzip
import io
import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scaling_jax.errors import RunTableError, did_you_mean
from scaling_jax.runs.cells import cells_of, reason
from scaling_jax.runs.columns import tidied
from scaling_jax.runs.frames import raw_of_frame
from scaling_jax.runs.raw import RawTable, make_raw

_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def raw_of_file(path: str | os.PathLike[str]) -> RawTable:
    """Return the cells of a file, whose name's ending says what it is.

    Raises:
        RunTableError: The file is absent, of another kind, damaged or empty, or its rows and
            headers do not fit together.
    """
    try:
        file = Path(path)
        readable = file.is_file()
    except (ValueError, TypeError, OSError) as error:  # a NUL in the name, a name too long
        raise RunTableError(f"{path!r} is not the name of a file: {error}") from None
    if "://" in str(path):
        raise RunTableError(f"{path} is an address; download the file first and give its path")
    if not readable:
        raise RunTableError(_no_file(file))
    plain = file.name.lower().removesuffix(".gz")
    reader = _READERS.get(Path(plain).suffix)
    if reader is None or (plain != file.name.lower() and reader is _parquet):
        raise RunTableError(_unknown_kind(file))
    return reader(file)


def _no_file(file: Path) -> str:
    if file.is_dir():
        return f"{file} is a folder; give the path of one file in it"
    try:
        near = sorted(other.name for other in file.parent.iterdir())
    except OSError:
        near = []
    hint = did_you_mean(file.name, near) if near else ""
    hint = hint if hint.startswith("did you mean") else "check the path"
    return f"there is no file {file}; {hint}"


def _unknown_kind(file: Path) -> str:
    advice = {
        ".json": "write one JSON object a line and name it .jsonl",
        ".xlsx": "export the sheet as CSV",
        ".xls": "export the sheet as CSV",
        ".txt": "name it .csv if commas separate the columns, .tsv if tabs do",
    }.get(file.suffix.lower(), "the ending says how a file is read")
    return f"{file.name} is none of {', '.join(_READERS)} (or .csv.gz and the like); {advice}"


def _text(file: Path) -> str:
    """Return the text of a file, unzipped if its name ends in .gz."""
    try:
        data = file.read_bytes()
        if file.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise RunTableError(f"cannot read {file.name}: {error}") from None
    if data.startswith(_UTF16):
        raise RunTableError(f"{file.name} is UTF-16; save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RunTableError(
            f"{file.name}, line {line}: the byte {data[error.start]:#04x} is not UTF-8; save the "
            "file as UTF-8"
        ) from None
    if not text.strip():
        raise RunTableError(f"{file.name} is empty; it needs a line of headers and runs below it")
    return text


def _csv(file: Path) -> RawTable:
    return _delimited(file, ",")


def _tsv(file: Path) -> RawTable:
    return _delimited(file, "\t")


def _delimited(file: Path, delimiter: str) -> RawTable:
    header: list[str] | None = None
    rows: list[list[str]] = []
    lines: list[int] = []
    # Old Mac line ends would be part of a cell: csv breaks lines only where its input does.
    text = io.StringIO(_text(file), newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if header is None and any(cell.strip() for cell in row):
                _check_header(file.name, row, delimiter)
                header = [tidied(cell) for cell in row]
            elif header is not None and not _blank(row, len(header)):
                _check_width(file.name, row, header, len(rows) + 1, line)
                rows.append(row)
                lines.append(line)
            line = reader.line_num + 1
    except csv.Error as error:
        raise RunTableError(
            f"{file.name}, line {reader.line_num}: {error}; check the quotes of that line"
        ) from None
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in header or []]
    return make_raw(file.name, header or [], columns, lines)


def _blank(row: list[str], width: int) -> bool:
    return not row or (width > 1 and len(row) == 1 and not row[0].strip())


def _check_header(source: str, header: list[str], delimiter: str) -> None:
    for other, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas")):
        if len(header) == 1 and other != delimiter and other in header[0]:
            ending = "it .tsv" if other == "\t" else "it .csv" if other == "," else ""
            advice = f"name {ending}" if ending else "save it with commas (and decimal points)"
            raise RunTableError(f"{source}: {name} separate the columns; {advice}")
    cells = [cell.strip() for cell in header if cell.strip()]
    if all(_is_number(cell) for cell in cells):
        raise RunTableError(
            f"{source} has numbers in its first line, {', '.join(cells[:3])}, and so no headers; "
            "put the names of the columns there"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().casefold() not in ("nan", "inf", "infinity")  # could be names


def _check_width(source: str, row: list[str], header: list[str], number: int, line: int) -> None:
    if len(row) != len(header):
        raise RunTableError(
            f"{source}, row {number} (line {line}) has {len(row)} cells, but there are "
            f"{len(header)} headers; correct the row, and quote text that holds commas"
        )


def _json_lines(file: Path) -> RawTable:
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    for number, line in enumerate(_text(file).split("\n"), start=1):
        if line.strip():
            records.append(_record(file.name, line, number))
            lines.append(number)
    headers = list(dict.fromkeys(key for record in records for key in record))
    columns = [cells_of([record.get(key) for record in records]) for key in headers]
    return make_raw(file.name, headers, columns, lines)


def _record(source: str, line: str, number: int) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            keys = [key for key, _ in pairs]
            repeated = next(key for key in keys if keys.count(key) > 1)
            raise RunTableError(
                f"{source}, line {number} has the key {repeated!r} more than once; remove all "
                "but one"
            )
        return record

    try:
        record = json.loads(line, object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        if isinstance(error, RunTableError):
            raise
        raise RunTableError(f"{source}, line {number} is not JSON: {error}; correct it") from None
    if not isinstance(record, dict):
        raise RunTableError(
            f"{source}, line {number} holds {type(record).__name__}, not an object; write one "
            'object a line, such as {"params": 7e9, "loss": 2.1}'
        )
    return record


def _parquet(file: Path) -> RawTable:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RunTableError(
            f"reading {file.name} needs pyarrow: pip install 'scaling-jax[parquet]', or convert "
            "the file to CSV"
        ) from None
    try:
        table = pq.ParquetFile(file).read()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RunTableError(f"{file.name} is not a sound Parquet file: {reason(error)}") from None
    return raw_of_frame(table, file.name)


_READERS: dict[str, Callable[[Path], RawTable]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".parquet": _parquet,
}
