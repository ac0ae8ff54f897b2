import os
import stat

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.runs import RunTable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


WRITE = {"csv": RunTable.to_csv, "parquet": RunTable.to_parquet}


def round_trip(runs, tmp_path, labels=(), ending="csv"):
    path = tmp_path / f"again.{ending}"
    WRITE[ending](runs, path)
    return sj.read_runs(path, labels=labels)


@pytest.fixture(params=WRITE)
def ending(request):
    if request.param == "parquet":
        pytest.importorskip("pyarrow")
    return request.param


def assert_equal(one, other):
    assert one.columns == other.columns
    for name in one.columns:
        np.testing.assert_array_equal(one[name], other[name])
        if name in one.numbers:  # down to the sign of zero
            assert one[name].tobytes() == other[name].tobytes()


@given(
    st.lists(
        st.tuples(
            st.floats(allow_nan=False, allow_infinity=False),
            st.floats(min_value=0, exclude_min=True, allow_infinity=False),
            TEXTS,
            TEXTS,
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_csv_file_reads_back_exactly(tmp_path_factory, rows):
    score, step, family, tag = zip(*rows, strict=True)
    runs = RunTable.from_columns(
        {"family": family, "step": step, "score": score, "tag": tag}, labels=["tag"]
    )
    assert_equal(round_trip(runs, tmp_path_factory.mktemp("csv"), labels=["tag"]), runs)


def test_whole_numbers_are_written_as_such(tmp_path):
    path = tmp_path / "runs.csv"
    RunTable.from_columns({"params": [7e9, 1e24], "loss": [2.1, -0.0]}).to_csv(path)
    assert path.read_text().split() == ["params,loss", "7000000000,2.1", "1e+24,-0.0"]


def test_odd_headers_and_texts_survive(tmp_path, ending):
    runs = RunTable.from_columns({'a "b", c': [1.0, 2.0], "note": ["x\r\ny", 'say "hi", ok']})
    assert_equal(round_trip(runs, tmp_path, ending=ending), runs)


def test_a_parquet_file_reads_back_exactly(tmp_path):
    pytest.importorskip("pyarrow")
    runs = RunTable.from_columns(
        {"params": [7e9, 1e12], "score": [5e-324, -0.0], "tag": ["7", "ü"]}, labels=["tag"]
    )
    assert_equal(round_trip(runs, tmp_path, labels=["tag"], ending="parquet"), runs)


def test_parquet_without_pyarrow_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(RunTableError, match=r"writing .*x.parquet needs pyarrow: pip install"):
        RunTable.from_columns({"loss": [1.0]}).to_parquet(tmp_path / "x.parquet")
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_nothing_behind(tmp_path, ending):
    runs = RunTable.from_columns({"note": ["\ud800"]})
    path = tmp_path / f"runs.{ending}"
    path.write_text("as before")
    with pytest.raises(RunTableError, match=rf"cannot write .*runs.{ending}: .*utf-8"):
        WRITE[ending](runs, path)
    assert path.read_text() == "as before"
    assert os.listdir(tmp_path) == [path.name]


def test_writing_replaces_and_follows_the_umask(tmp_path, ending):
    path = tmp_path / "runs"
    path.write_text("old")
    WRITE[ending](RunTable.from_columns({"loss": [1.0]}), str(path))
    assert path.read_bytes()[:4] in (b"loss", b"PAR1")
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("path", ["absent/runs.csv", ".", "a\0b", "x" * 300])
def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, path, ending):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunTableError, match="cannot write"):
        WRITE[ending](RunTable.from_columns({"loss": [1.0]}), path)
    assert os.listdir(tmp_path) == []


def test_to_dict_and_to_pandas_hold_the_same():
    pytest.importorskip("pandas")
    runs = RunTable.from_columns({"loss": [1.0, 2.0], "family": ["b", "a"]})
    assert list(runs.to_dict()) == ["loss", "family"]
    frame = runs.to_pandas()
    assert frame["loss"].tolist() == [1.0, 2.0]
    assert frame["family"].tolist() == ["b", "a"]
    frame.loc[0, "loss"] = 9.0
    assert runs["loss"][0] == 1.0
    assert_equal(sj.read_runs(frame, {"loss": "loss"}).with_column("loss", [1, 2]), runs)


def test_to_pandas_without_pandas_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(RunTableError, match="needs pandas, which is not installed"):
        RunTable.from_columns({"loss": [1.0]}).to_pandas()
