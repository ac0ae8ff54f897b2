"""Whatever comes in: a valid table or the library's own error, and the same table every way."""

import gzip
import json
import math
import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings

import scaling_jax as sj
from scaling_jax.errors import ScalingError
from scaling_jax.runs import CANONICAL, RunTable, RunTableWarning
from scaling_jax.runs.columns import ALIASES, FRACTION, LABEL, POSITIVE, WEIGHT

# One folder serves all examples of a property: each overwrites its file.
many = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def assert_valid(runs):
    """The promises of a RunTable."""
    assert isinstance(runs, RunTable)
    assert len(runs) >= 1
    assert len(set(runs.columns)) == len(runs.columns) >= 1
    for name in runs.columns:
        values = runs[name]
        assert values.shape == (len(runs),)
        kind = CANONICAL[name].kind if name in CANONICAL else None
        if values.dtype.kind == "U":
            assert kind in (None, LABEL)
            continue
        assert values.dtype == np.float64
        assert np.all(np.isfinite(values))
        assert kind != LABEL
        assert kind != POSITIVE or np.all(values > 0)
        assert kind != FRACTION or np.all((values >= 0) & (values <= 1))
        assert kind != WEIGHT or (np.all(values >= 0) and np.any(values > 0))
    assert str(runs)
    assert runs._repr_html_()


def read(data, **arguments):
    """Return the table, checked, or None where the library refused in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", RunTableWarning)
        try:
            runs = sj.read_runs(data, **arguments)
        except ScalingError as error:
            refusal = str(error)
        else:
            assert_valid(runs)
            return runs
    assert refusal
    if r"\n" not in repr((data, arguments)):  # what the caller wrote is repeated as it is
        assert "\n" not in refusal
    return None


def accepted(data, **arguments) -> RunTable:
    runs = read(data, **arguments)
    assert runs is not None
    return runs


HEADERS = st.sampled_from([*CANONICAL, *ALIASES, "N", "D", "C", "note", "x", "D/N", "{}", ""])
NAMES = HEADERS | st.text(max_size=5)
NUMBERS = st.floats() | st.integers() | st.floats(1e-3, 1e15) | st.floats(0, 1)
WORDS = st.sampled_from(
    ["7B", "1.4T", "1e24", "1,000", "1,5", "nan", "-inf", "NA", "", " ", "-", "0", "-1", "1e999",
     "0x10", "1_0", "true", "pile", "'", '"', "{}", "%s", "\0", "é", "1 2", "9" * 400]
)  # fmt: skip
CELLS = NUMBERS | WORDS | st.text(max_size=5)
OBJECTS = CELLS | st.none() | st.booleans() | st.complex_numbers() | st.binary(max_size=3) | (
    st.lists(st.integers(), max_size=2) | st.dates() | st.decimals() | st.fractions()
)  # fmt: skip


@many
@given(st.binary(max_size=80))
@example(b"\xef\xbb\xbf")
@example(b"N\n\x00")
@example(b'"')
@example(b"N\r1\r\r2")
@example(b"a,b\n\xff")
def test_any_bytes_as_a_text_file(tmp_path, data):
    for name in ("runs.csv", "runs.tsv", "runs.jsonl", "runs.csv.gz"):
        (tmp_path / name).write_bytes(data)
        read(tmp_path / name)
    (tmp_path / "zipped.csv.gz").write_bytes(gzip.compress(data))
    read(tmp_path / "zipped.csv.gz")


@settings(many, max_examples=40)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 400))
def test_any_damage_to_a_parquet_file(tmp_path, data, start, stop):
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    path = tmp_path / "runs.parquet"
    pq.write_table(pa.table({"N": [1e9, 2e9], "family": ["a", "b"]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:start] + data + whole[stop:])
    read(path)


# Rows of the right and of the wrong width, most of them with cells that could be numbers.
ROWS = st.lists(st.lists(CELLS.map(str), max_size=4), max_size=5)


@many
@given(st.lists(NAMES, max_size=4), ROWS, st.sampled_from([",", ";", "\t"]))
def test_any_table_as_csv(tmp_path, headers, rows, delimiter):
    path = tmp_path / "runs.csv"
    text = "\n".join(delimiter.join(row) for row in [headers, *rows])
    path.write_text(text, encoding="utf-8", errors="replace", newline="")
    read(path)


@many
@given(st.integers(1, 4).flatmap(
    lambda n: st.dictionaries(NAMES, st.lists(OBJECTS, min_size=n, max_size=n), max_size=4)
))  # fmt: skip
def test_any_mapping_of_lists(columns):
    read(columns)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            assert_valid(RunTable.from_columns(columns))
        except ScalingError as error:
            assert str(error)  # noqa: PT017 - any table at all may come out instead


DTYPES = st.sampled_from(
    ["?", "i1", "u8", "i8", "f2", "f4", ">f8", "g", "c16", "U3", "S2", "O", "M8[s]", "m8[D]", "V2"]
)


@many
@given(NAMES, DTYPES, st.lists(st.integers(-2, 100), max_size=4), st.integers(0, 2))
def test_any_dtype_and_shape(name, dtype, values, extra_axes):
    array = np.array(values, "i8").astype(dtype) if dtype != "V2" else np.zeros(len(values), "V2")
    read({name: array.reshape(array.shape + (1,) * extra_axes)})


@many
@given(st.recursive(
    st.none() | st.integers() | st.text(max_size=4) | st.binary(max_size=4) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
))  # fmt: skip
def test_any_object(data):
    read(data)


@many
@given(st.lists(st.recursive(
    st.none() | st.booleans() | CELLS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
), max_size=4))  # fmt: skip
def test_any_json_lines(tmp_path, records):
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in records))
    read(path)


GOOD = {"N": ["7B", 1e9], "loss": [2.0, 3.0], "note": ["a", "b"], "gap": [1.0, None]}


@many
@given(
    st.dictionaries(NAMES, NAMES | st.integers(), max_size=2),
    st.dictionaries(NAMES, st.floats() | WORDS | st.none(), max_size=2),
    st.text(max_size=8) | st.sampled_from(["loss < 3", "gap == gap", "note < 'b'", "params"]),
    st.lists(NAMES | st.sampled_from(["x = loss", "tokens = C/6N", "="]), max_size=2),
)
def test_any_arguments(columns, units, where, derive):
    read(GOOD, columns=columns)
    read(GOOD, units=units)
    read(GOOD, where=where)
    read(GOOD, derive=derive)
    read(GOOD, shares=columns, labels=[], ignore=list(units))
    read(GOOD, columns=columns, units=units, where=where, derive=derive)


# Invariances

POSITIVE_FLOATS = st.floats(1e3, 1e14)
RUNS = st.lists(
    st.tuples(
        POSITIVE_FLOATS,
        st.integers(10**4, 2**63 - 1),
        st.floats(-10, 10),
        st.sampled_from(["pile", "c4", "", "x, y", 'a "b"', "é"]),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    min_size=1,
    max_size=6,
)


def columns_of(rows):
    names = ("params", "tokens", "loss", "family", "own column")
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}


def assert_same(one, other):
    assert set(one.columns) == set(other.columns)
    for name in one.columns:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@settings(many, max_examples=40)
@given(RUNS)
def test_every_file_and_frame_gives_the_same_table(tmp_path, rows):
    pa, pd, pl = (pytest.importorskip(name) for name in ("pyarrow", "pandas", "polars"))
    from pyarrow import parquet

    columns = columns_of(rows)
    reference = accepted(columns)
    pd.DataFrame(columns).to_csv(tmp_path / "pandas.csv", index=False)
    pl.DataFrame(columns).write_csv(tmp_path / "polars.csv")
    pl.DataFrame(columns).write_ndjson(tmp_path / "runs.jsonl")
    parquet.write_table(pa.table(columns), tmp_path / "runs.parquet")
    reference.to_csv(tmp_path / "own.csv")
    for name in ("pandas.csv", "polars.csv", "runs.jsonl", "runs.parquet", "own.csv"):
        assert_same(accepted(tmp_path / name), reference)
    for frame in (pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns)):
        assert_same(accepted(frame), reference)


@many
@given(RUNS, st.randoms(use_true_random=False))
def test_the_order_of_columns_and_rows_does_not_matter(rows, random):
    columns = columns_of(rows)
    names = list(columns)
    random.shuffle(names)
    reference = accepted(columns)
    assert_same(accepted({name: columns[name] for name in names}), reference)
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = accepted(columns_of([rows[i] for i in order]))
    assert_same(shuffled, reference.take(order))
    assert shuffled.categories == reference.categories


@many
@given(RUNS, st.floats(-10, 10))
def test_split_and_group_lose_and_invent_no_run(rows, bound):
    runs = accepted(columns_of(rows))
    groups = runs.group("family")
    assert sorted(row for table in groups.values() for row in table.rows) == runs.rows.tolist()
    mask = runs["loss"] < bound
    if mask.any() and not mask.all():
        below, above = runs.split(f"loss < {bound!r}")
        np.testing.assert_array_equal(below.rows, runs.rows[mask])
        np.testing.assert_array_equal(
            below.concat(above).sort("loss")["loss"], np.sort(runs["loss"])
        )


@many
@given(RUNS, st.floats(1e-3, 1e9))
def test_units_commute_with_reading(rows, factor):
    columns = columns_of(rows)
    runs = accepted(columns, units={"params": factor})
    np.testing.assert_array_equal(runs["params"], np.array(columns["params"]) * factor)


@many
@given(POSITIVE_FLOATS, POSITIVE_FLOATS)
def test_tokens_and_compute_are_inverse(params, tokens):
    runs = RunTable.from_columns({"params": [params], "tokens": [tokens]}).derive("compute_flops")
    back = runs.drop("tokens").derive("tokens")["tokens"][0]
    assert math.isclose(back, tokens, rel_tol=1e-15)
