"""Frames and mappings: every way to hand over the same runs gives the same table."""

import datetime
import decimal
import fractions

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

COLUMNS = {
    "params": [70_000_000, 7_000_000_000, 70_000_000_000],
    "tokens": [1.4e9, 1.4e12, 1.5e13],
    "budget": [2**62, 2**60 + 1, -(2**61)],  # beyond the integers that float64 holds exactly
    "loss": [3.5, 2.0, 1.9],
    "family": ["pile", "c4", "pile"],
    "good": [True, False, True],
}


def of_rows(tmp_path):
    lines = [",".join(COLUMNS), *(",".join(map(str, row)) for row in zip(*COLUMNS.values()))]  # noqa: B905
    path = tmp_path / "runs.csv"
    path.write_text("\n".join(lines))
    return path


WAYS = {
    "lists": lambda: COLUMNS,
    "tuples": lambda: {name: tuple(values) for name, values in COLUMNS.items()},
    "numpy": lambda: {name: np.array(values) for name, values in COLUMNS.items()},
    "objects": lambda: {name: np.array(values, object) for name, values in COLUMNS.items()},
    "pandas": lambda: pd.DataFrame(COLUMNS),
    "pandas nullable": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "pandas arrow": lambda: pd.DataFrame(COLUMNS).convert_dtypes(dtype_backend="pyarrow"),
    "pandas categories": lambda: pd.DataFrame(COLUMNS).astype({"family": "category"}),
    "pandas odd index": lambda: pd.DataFrame(COLUMNS, index=[7, 7, 3]),
    "pandas series": lambda: dict(pd.DataFrame(COLUMNS).items()),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars lazy": lambda: pl.LazyFrame(COLUMNS),
    "polars series": lambda: pl.DataFrame(COLUMNS).to_dict(),
    "polars decimals": lambda: pl.DataFrame(COLUMNS).with_columns(
        pl.col("loss").cast(pl.Decimal(10, 4))
    ),
    "pyarrow": lambda: pa.table(COLUMNS),
    "text": lambda: {name: [str(v) for v in values] for name, values in COLUMNS.items()},
}


def assert_same(runs, reference):
    assert set(runs.columns) == set(reference.columns)
    for name in runs.columns:
        np.testing.assert_array_equal(runs[name], reference[name], err_msg=name)
        assert runs[name].dtype.kind == reference[name].dtype.kind


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_table(way, tmp_path):
    reference = sj.read_runs(of_rows(tmp_path))
    assert reference["good"].tolist() == ["True", "False", "True"]
    runs = sj.read_runs(WAYS[way]())
    assert_same(runs, reference)
    assert runs.numbers["budget"].dtype == np.float64
    np.testing.assert_array_equal(runs.rows, [1, 2, 3])


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_missing_cell_is_named(library):
    columns = {"params": [1e9, None, 1e10], "family": ["a", None, "b"]}
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[library](columns)
    with pytest.raises(RunTableError, match=f"the {library} frame, row 2: params is (NaN|empty)"):
        sj.read_runs(frame)
    assert sj.read_runs(frame, ignore="params")["family"].tolist() == ["a", "", "b"]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"step": pd.array([10, None, 30], "Int64")}),
        pl.DataFrame({"step": [10, None, 30]}),
        pa.table({"step": pa.array([10, None, 30])}),
        {"step": np.ma.masked_array([10, 20, 30], [False, True, False])},
        {"step": pd.array([10, None, 30], "Int64")},
        {"step": ["10", " ", "30"]},
    ],
    ids=["pandas", "polars", "pyarrow", "masked", "extension", "text"],
)
def test_missing_integers_are_not_filled(frame):
    with pytest.raises(RunTableError, match="row 2: step is (NaN|empty)"):
        sj.read_runs(frame)
    np.testing.assert_array_equal(sj.read_runs(frame, where="step > 0")["step"], [10, 30])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2], np.int8),
        np.array([1, 2], np.uint64),
        np.array([1, 2], np.float16),
        np.array([1, 2], np.longdouble),
        np.array([1.0, 2.0], ">f8"),
        jnp.array([1.0, 2.0]),
        jnp.array([1, 2], jnp.bfloat16),
        range(1, 3),
        [1, 2.0],
        [np.float32(1), np.int64(2)],
        [decimal.Decimal(1), fractions.Fraction(2)],
        ["1", 2],
    ],
    ids=lambda values: f"{type(values).__name__}-{getattr(values, 'dtype', '')}",
)
def test_any_real_numbers_become_float64(values):
    runs = sj.read_runs({"loss": values})
    assert runs["loss"].dtype == np.float64
    np.testing.assert_array_equal(runs["loss"], [1.0, 2.0])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1j, 2], "row 1: loss holds a value of type complex"),
        (np.array([1j, 2]), "loss holds a value of type complex"),
        ([True, 2.0], "row 1: loss is True, not a number"),
        (np.array([False, True]), "row 1: loss is False, not a number"),
        ([1.0, object()], "row 2: loss holds a value of type object"),
        ([1.0, [2.0]], "row 2: loss holds a value of type list"),
        ([1.0, {}], "row 2: loss holds a value of type dict"),
        ([1.0, b"2"], "row 2: loss holds a value of type bytes"),
        ([1.0, 10**400], "row 2: loss is beyond the range of float64"),
        (np.array(["2026-01-01"], "M8[D]"), "loss holds a value of type date"),
        ([datetime.datetime(2026, 1, 1)], "loss holds a value of type datetime"),
        (np.array([1.0, np.inf]), "row 2: loss is infinite"),
        (np.array([[1.0], [2.0]]), r"'loss' has the shape \(2, 1\), not one value a run"),
        (3.0, "'loss' is of type float, not an array"),
        ("pile", "'loss' is of type str, not an array"),
        (None, "'loss' is of type NoneType"),
        ([], "has the headers loss but no rows"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(values, message):
    with pytest.raises(RunTableError, match=message):
        sj.read_runs({"loss": values})


def test_traced_arrays_are_refused():
    @jax.jit
    def inside(x):
        return sj.read_runs({"loss": x})["loss"]

    with pytest.raises(RunTableError, match="'loss' is traced by JAX; make the run table outside"):
        inside(jnp.ones(3))


def test_an_array_that_fails_on_conversion_is_refused():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise OSError("device lost")

    with pytest.raises(RunTableError, match="'loss' cannot be read as an array: device lost"):
        sj.read_runs({"loss": Broken()})


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame([[1.0, 2.0]], columns=["loss", "loss"]),
        pa.table([pa.array([1.0]), pa.array([2.0])], names=["loss", "loss"]),
        {"loss": [1.0], " loss ": [2.0]},
        {1: [1.0], "1": [2.0]},
    ],
    ids=["pandas", "pyarrow", "blanks", "types"],
)
def test_a_column_that_comes_twice_is_refused(frame):
    with pytest.raises(RunTableError, match="more than once|unique|duplicate"):
        sj.read_runs(frame)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "cannot read runs from NoneType; give the path of a file, a frame"),
        (b"runs.csv", "cannot read runs from bytes"),
        ([{"loss": 3.0}], "cannot read runs from list"),
        (np.ones((3, 2)), "cannot read runs from ndarray"),
        (pd.Series([1.0]), "cannot read runs from Series"),
        (pd.DataFrame(), "the pandas frame has no named columns"),
        (pl.DataFrame({"loss": []}), "the polars frame has the headers loss but no rows"),
        ({}, "the mapping has no named columns"),
        ({"loss": [1.0], "params": [1e9, 2e9]}, "'params' has 2 rows but 'loss' has 1"),
        (pl.LazyFrame({"loss": [1]}).select("absent"), "the polars frame cannot be read"),
    ],
)
def test_what_is_no_table_is_refused(data, message):
    with pytest.raises(RunTableError, match=message) as caught:
        sj.read_runs(data)
    assert "\n" not in str(caught.value)


def test_frames_with_number_headers_are_read_by_position():
    runs = sj.read_runs(pd.DataFrame([[1e9, 3.0]]), {"params": "0", "loss": "1"})
    assert runs["params"].tolist() == [1e9]


def test_the_source_can_be_named():
    frame = pd.DataFrame({"loss": [0.5, None]})
    with pytest.raises(RunTableError, match="^sweep 12, row 2: loss"):
        sj.read_runs(frame, source="sweep 12")


def test_the_table_is_a_copy():
    values = np.array([3.0, 2.0])
    runs = sj.RunTable.from_columns({"loss": values})
    values[:] = np.nan
    np.testing.assert_array_equal(runs["loss"], [3.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        runs["loss"][0] = np.nan
