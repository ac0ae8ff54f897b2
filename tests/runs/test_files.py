"""Files: what is read, and the sentence for each thing that can be wrong with one."""

import gzip
import json
import re

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError

CSV = "N,D,loss,family\n1e8,2e9,3.5,pile\n1e9,2e10,2.75,c4\n"


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="runs.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def expect(path, message, **settings):
    with pytest.raises(RunTableError, match=message) as caught:
        sj.read_runs(path, **settings)
    assert "\n" not in str(caught.value)


def check(runs):
    assert set(runs.columns) == {"params", "tokens", "loss", "family"}
    np.testing.assert_array_equal(runs["params"], [1e8, 1e9])
    np.testing.assert_array_equal(runs["tokens"], [2e9, 2e10])
    np.testing.assert_array_equal(runs["loss"], [3.5, 2.75])
    np.testing.assert_array_equal(runs["family"], ["pile", "c4"])
    np.testing.assert_array_equal(runs.rows, [1, 2])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (CSV, "runs.csv"),
        (CSV, "RUNS.CSV"),
        (CSV.replace("\n", "\r\n"), "runs.csv"),
        (CSV.replace("\n", "\r"), "runs.csv"),
        ("\ufeff" + CSV, "runs.csv"),
        ("\n\n" + CSV.replace("3.5,pile\n", "3.5,pile\n\n \n") + "\n\n", "runs.csv"),
        (CSV.rstrip("\n"), "runs.csv"),
        (CSV.replace(",", " , "), "runs.csv"),
        (CSV.replace("1e8", '"100,000,000"').replace("2e10", "20B"), "runs.csv"),
        (re.sub(r"([^,\n]+)", r'"\1"', CSV), "runs.csv"),
        (CSV.replace(",", "\t"), "runs.tsv"),
        (gzip.compress(CSV.encode()), "runs.csv.gz"),
        ("," + CSV.rstrip("\n").replace("\n", "\n0,"), "runs.csv"),
    ],
    ids=["plain", "upper", "crlf", "cr", "bom", "blank lines", "no end", "blanks", "sizes",
         "quoted", "tsv", "gz", "index column"],
)  # fmt: skip
def test_delimited_text(write, content, name):
    check(sj.read_runs(write(content, name)))


JSON = (
    '{"N": 1e8, "D": "2B", "loss": 3.5, "family": "pile"}\n\n'
    '{"family": "c4", "loss": 2.75, "D": 20000000000, "N": 1000000000}\n'
)


@pytest.mark.parametrize("name", ["runs.jsonl", "runs.ndjson", "runs.jsonl.gz"])
def test_json_lines(write, name):
    content = gzip.compress(JSON.encode()) if name.endswith("gz") else JSON
    check(sj.read_runs(write(content, name)))


def test_parquet(write, tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(
        {
            "N": pa.array([10**8, 10**9], pa.int64()),
            "D": pa.array([2e9, 2e10], pa.float32()),
            "loss": [3.5, 2.75],
            "family": pa.array(["pile", "c4"]).dictionary_encode(),
        }
    )
    pq.write_table(table, tmp_path / "runs.parquet")
    runs = sj.read_runs(tmp_path / "runs.parquet")
    check(runs)
    assert runs.source == "runs.parquet"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "runs.csv is empty"),
        (" \n\n", "runs.csv is empty"),
        ("N,D\n", "runs.csv has the headers N and D but no rows"),
        ("1e9,2e10,3.1\n1e9,2e11,2.9\n", "numbers in its first line, 1e9, 2e10, 3.1"),
        ("N;D\n1e9;2e9\n", "semicolons separate the columns; save it with commas"),
        ("N\tD\n1e9\t2e9\n", "tabs separate the columns; name it .tsv"),
        ("N,D,N\n1,2,3\n", r"header 'N' more than once \(columns 1 and 3\)"),
        ("N,D, N\n1,2,3\n", "header 'N' more than once"),
        ("N,D\n1e9,2e9\n1e9\n", r"row 2 \(line 3\) has 1 cells, but there are 2 headers"),
        ("N,D\n1e9,1,000\n", r"row 1 \(line 2\) has 3 cells.*quote text that holds commas"),
        ('N,D\n1e9,"2\n', "line 2: unexpected end of data; check the quotes"),
        ("x" * 140_000 + ",D\n1,2\n", "field larger than field limit"),
        (b"N,D\n1,2\n1,\xe9\n", "line 3: the byte 0xe9 is not UTF-8"),
        ("N,D\n1,2\n".encode("utf-16"), "is UTF-16; save it as UTF-8"),
    ],
)  # fmt: skip
def test_a_csv_file_that_is_not_one(write, content, message):
    expect(write(content), message)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("7X,2e9,3", r"row 2 \(line 3\): params \(header 'N'\) holds the text '7X', not a number"),
        ("1e9,,3", r"tokens \(header 'D'\) is empty"),
        ("1e9,2e9,nan", r"row 2 \(line 3\): loss is NaN"),
        ("1e9,2e9,-inf", "loss is infinite"),
        ("1e9,2e9,1e999", "loss is infinite"),
        ("0,2e9,3", r"params \(header 'N'\) is 0, but a scale is positive"),
        ("-1B,2e9,3", "holds the text '-1B'"),
        ("-1e9,2e9,3", "is -1e.09, but a scale is positive"),
        ('1e9,"1,5",3', "tokens .* holds the text '1,5'"),
        ('1e9,2e9,"3,5"', "loss holds the text '3,5'"),
        ("1e9,2e9,3B", "loss holds the text '3B'"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named_with_a_remedy(write, row, message):
    path = write(f"N,D,loss\n1e9,2e10,3\n{row}\n")
    expect(path, f"^runs.csv, .*{message}")
    with pytest.raises(RunTableError) as caught:
        sj.read_runs(path)
    condition = re.search(r"where='([^']*)'", str(caught.value))
    assert condition, "the message offers a filter"
    assert len(sj.read_runs(path, where=condition[1])) == 1


def test_further_rows_with_the_same_fault_are_counted(write):
    expect(write("N\n1\n0\n-1\n0\n"), r"row 2 .*\(and so in 2 more rows\)")


def test_line_numbers_count_what_an_editor_counts(write):
    path = write('N,note\n1e9,"two\nlines"\n\n0,x\n')
    expect(path, r"row 2 \(line 5\)")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "line 1 holds list, not an object"),
        ('{"N": 1}\n{"N": \n', "line 2 is not JSON"),
        ('{"N": 1, "N": 2}', "line 1 has the key 'N' more than once"),
        ('{"N": 1}\n{"N": [1]}', r"row 2 \(line 2\): params .* holds a value of type list"),
        ('{"N": 1}\n\n{"D": 1}', r"row 2 \(line 3\): params .* is empty"),
        ('{"N": NaN}', "is empty|is NaN"),
        ('{"N": true}', "is True, not a number"),
        ('{"N": 1' + "0" * 400 + "}", "beyond the range of float64"),
        ('{"N": ' + "9" * 5000 + "}", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("{}", "has no named columns"),
    ],
)  # fmt: skip
def test_json_lines_that_are_not(write, content, message):
    expect(write(content, "runs.jsonl"), message)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("x", "runs.parquet", "runs.parquet is not a sound Parquet file"),
        ("", "runs.parquet", "runs.parquet is not a sound Parquet file"),
        ("PAR1" + "x" * 100 + "PAR1", "runs.parquet", "is not a sound Parquet file"),
        ("x", "runs.parquet.gz", "runs.parquet.gz is none of"),
        ("x", "runs.xlsx", "export the sheet as CSV"),
        ("x", "runs.json", "one JSON object a line"),
        ("x", "runs", "runs is none of .csv, .tsv"),
        ("N,D\n1,2\n", "runs.csv.gz", "cannot read runs.csv.gz: Not a gzipped file"),
        (gzip.compress(CSV.encode())[:-9], "runs.csv.gz", "cannot read runs.csv.gz"),
    ],
)
def test_a_file_of_the_wrong_kind(write, content, name, message):
    expect(write(content, name), message)


def test_a_path_that_leads_nowhere(write, tmp_path):
    write(CSV, "runs.csv")
    expect(tmp_path / "rusn.csv", "there is no file .*; did you mean runs.csv")
    expect(tmp_path / "absent" / "runs.csv", "there is no file .*; check the path")
    expect(tmp_path, "is a folder")
    expect("", "is a folder")
    expect("a\0b.csv", "there is no file|not the name of a file")
    expect("x" * 5000 + ".csv", "there is no file|not the name of a file")
    expect("https://example.org/runs.csv", "is an address; download")


def test_parquet_without_pyarrow_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    expect(write("x", "runs.parquet"), r"needs pyarrow: pip install 'scaling-jax\[parquet\]'")


def test_nested_json_in_a_column_nobody_asked_for_is_left_out(write):
    record = json.dumps({"N": 1e9, "config": {"depth": 3}})
    runs = sj.read_runs(write(record, "runs.jsonl"))
    assert runs.columns == ("params",)
    with pytest.raises(RunTableError, match="'config' was left out because .*type dict.* in row 1"):
        runs["config"]
