"""Draws: one array a parameter, summaries of them, and files that are checked when read."""

import dataclasses
import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

import scaling_jax as sj
from tests.synthetic import STARTS, grid


@pytest.fixture(scope="module")
def draws(noisy_fit):
    return sj.bootstrap(noisy_fit, 64, seed=1)


@pytest.fixture(scope="module")
def noisy_fit():
    return sj.fit("chinchilla", grid(0.01), starts=STARTS)


@pytest.fixture
def saved(draws, tmp_path):
    path = tmp_path / "draws.npz"
    draws.save(path)
    return path


def test_draws_are_a_mapping_in_the_laws_order(draws):
    assert list(draws) == list(draws.fit.law.free_names) == ["E", "A", "B", "alpha", "beta"]
    assert draws["alpha"].shape == (64,) == (draws.count,)
    assert draws["alpha"].dtype == np.float64
    with pytest.raises(sj.errors.FitError, match="no parameter 'alhpa'; did you mean alpha"):
        draws["alhpa"]


def test_a_fit_is_one_draw(noisy_fit):
    one = sj.Draws.of(noisy_fit)
    assert one.count == 1
    assert {name: float(values[0]) for name, values in one.items()} == noisy_fit.params
    assert np.all(np.isnan(one.covariance))
    assert all(np.isnan(error) for error in one.standard_errors.values())
    assert sj.Draws.of(one) is one


def test_quantiles_covariance_and_standard_errors(draws):
    values = np.stack([draws[name] for name in draws])
    np.testing.assert_allclose(draws.covariance, np.cov(values), rtol=1e-12)
    spread = {n: np.std(draws[n], ddof=1) for n in draws}
    assert draws.standard_errors == pytest.approx(spread, rel=1e-12)
    ends = draws.quantile([0.1, 0.9])
    np.testing.assert_allclose(ends["beta"], np.quantile(draws["beta"], [0.1, 0.9]))
    assert np.shape(draws.quantile(0.5)["beta"]) == ()


def test_summary_shows_the_interval_and_what_failed(draws):
    text = str(draws.summary(level=0.8))
    assert "chinchilla: 64 draws by multinomial" in text
    assert "10.0%" in text
    assert "90.0%" in text
    assert "[1]" not in text
    doubtful = dataclasses.replace(draws, failed=3, unconverged=2)
    text = str(doubtful)
    assert "[1] 3 of 67 refits had fewer rows than parameters or no finite objective" in text
    assert "[2] 2 of 67 refits have not converged" in text
    assert "<table>" in draws._repr_html_()


def test_the_jackknifes_spread_is_its_standard_error(noisy_fit):
    jackknife = sj.bootstrap(noisy_fit, scheme="leave_one_out")
    rows = {row[0]: row for row in jackknife.summary().rows}
    assert jackknife.summary().header[2] == "std. error"
    assert rows["alpha"][2] == jackknife.standard_errors["alpha"]
    deviation = jackknife["alpha"] - jackknife["alpha"].mean()
    expected = np.sqrt(47 / 48 * np.sum(deviation**2))
    assert jackknife.standard_errors["alpha"] == pytest.approx(expected, rel=1e-12)


def test_data_frame(draws):
    frame = draws.to_pandas()
    assert frame.shape == (64, 5)
    np.testing.assert_array_equal(frame["beta"], draws["beta"])


def test_xarray(draws):
    pytest.importorskip("xarray", reason="xarray is not installed")
    data = draws.to_xarray()
    assert data["alpha"].dims == ("chain", "draw")
    np.testing.assert_array_equal(data["alpha"].values[0], draws["alpha"])
    assert data.attrs == {"law": "chinchilla", "method": "multinomial"}


def test_without_xarray_the_remedy_is_said(draws, monkeypatch):
    import importlib

    def missing(name, *_):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(sj.errors.FitError, match="to_xarray.. needs xarray; install"):
        draws.to_xarray()


# --- files ---------------------------------------------------------------------------------


def test_round_trip_is_exact(draws, saved):
    loaded = sj.Draws.load(saved, draws.fit)
    for name in draws:
        np.testing.assert_array_equal(loaded[name], draws[name])
    np.testing.assert_array_equal(loaded.objective, draws.objective)
    assert (loaded.method, loaded.failed, loaded.unconverged) == ("multinomial", 0, 0)
    assert str(loaded.summary()) == str(draws.summary())


def test_counts_and_missing_objectives_come_back(draws, tmp_path):
    partial = dataclasses.replace(draws, objective=None, failed=3, unconverged=2, method="laplace")
    partial.save(tmp_path / "draws")  # no ending is added
    loaded = sj.Draws.load(tmp_path / "draws", draws.fit)
    assert loaded.objective is None
    assert (loaded.failed, loaded.unconverged, loaded.method) == (3, 2, "laplace")


def test_files_of_version_1_are_read(draws, tmp_path):
    """A file as the first version wrote it: its checksum is of the parameters' own names."""
    digest = hashlib.sha256()
    for name, values in draws.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values, "<f8").tobytes())
    about = {
        "format": "scaling_jax.draws", "version": 1, "law": "chinchilla", "method": "laplace",
        "failed": 0, "unconverged": 0, "parameters": list(draws), "checksum": digest.hexdigest(),
    }  # fmt: skip
    stored = {f"param_{name}": values for name, values in draws.items()}
    text = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(tmp_path / "old.npz", about=text, **stored)
    loaded = sj.Draws.load(tmp_path / "old.npz", draws.fit)
    np.testing.assert_array_equal(loaded["alpha"], draws["alpha"])
    assert loaded.noise is loaded.sampler is loaded.discrepancy is None


def test_files_hold_no_pickle(saved):
    with np.load(saved, allow_pickle=False) as archive:
        assert all(archive[name].dtype.kind in "fu" for name in archive.files)


def with_about(path, **changes):
    """Write the file again with other words about it, as a later version might."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    about = json.loads(arrays.pop("about").tobytes()) | changes
    about = {key: value for key, value in about.items() if value is not None}
    stream = io.BytesIO()
    np.savez(stream, about=np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays)
    path.write_bytes(stream.getvalue())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"version": 99},
            "has format version 99, this library reads versions 1, 2 and 3; make",
        ),
        ({"format": "other"}, "is not saved draws; write them with draws.save"),
        ({"format": None}, "is not saved draws"),
        ({"version": None}, "damaged or not saved draws"),
        ({"failed": None}, "damaged or not saved draws"),
        ({"checksum": "0"}, "is damaged .its checksum does not match"),
        ({"law": "kaplan_nd"}, "holds draws of kaplan_nd .*; the fit is of chinchilla with E, A"),
        ({"parameters": ["E", "A"]}, "holds draws of chinchilla with E, A; the fit is of"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_files_of_another_kind_are_refused(draws, saved, changes, message):
    with_about(saved, **changes)
    with pytest.raises(sj.errors.ArtifactError, match=message):
        sj.Draws.load(saved, draws.fit)


def test_draws_of_a_law_with_held_parameters_are_not_those_of_the_free_one(draws, tmp_path):
    held = sj.fit(sj.laws.get("chinchilla").fix(E=1.8), grid(0.01), starts=STARTS)
    sj.bootstrap(held, 8).save(tmp_path / "draws.npz")
    with pytest.raises(sj.errors.ArtifactError, match="with A, B, alpha, beta; the fit is of"):
        sj.Draws.load(tmp_path / "draws.npz", draws.fit)


def damaged(content: bytes):
    """Yield the file cut short, with a byte changed in its arrays, and other things."""
    yield "half", content[: len(content) // 2]
    yield "empty", b""
    yield "text", b"params,loss\n1,2\n"
    yield "one byte", content[:400] + bytes([content[400] ^ 1]) + content[401:]
    yield "end", content[:-30]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("about.npy", b"not an array")
    yield "zip", stream.getvalue()


def test_damaged_files_are_refused(draws, saved):
    for what, content in damaged(saved.read_bytes()):
        saved.write_bytes(content)
        with pytest.raises(sj.errors.ArtifactError, match="damaged|not saved draws"):
            pytest.fail(f"{what} was read: {sj.Draws.load(saved, draws.fit)}")


def test_a_pickle_is_not_opened(draws, tmp_path):
    path = tmp_path / "draws.npz"
    np.savez(path, about=np.array([{"format": "scaling_jax.draws"}], dtype=object))
    with pytest.raises(sj.errors.ArtifactError, match="damaged or not saved draws"):
        sj.Draws.load(path, draws.fit)


def test_a_missing_file_and_a_missing_folder_are_named(draws, tmp_path):
    with pytest.raises(sj.errors.ArtifactError, match=r"absent.npz: no such file"):
        sj.Draws.load(tmp_path / "absent.npz", draws.fit)
    with pytest.raises(sj.errors.ArtifactError, match="nothing was written"):
        draws.save(tmp_path / "absent" / "draws.npz")


# --- derived quantities --------------------------------------------------------------------


def test_derived_quantities_are_draws(draws):
    found = draws.derive(
        lambda p: {
            "exponent": p["beta"] / (p["alpha"] + p["beta"]),
            "both": np.stack([p["alpha"], p["beta"]], axis=1),
        }
    )
    np.testing.assert_allclose(
        found["exponent"], draws["beta"] / (draws["alpha"] + draws["beta"]), rtol=1e-15
    )
    assert found["both"].shape == (64, 2)


def test_derived_quantities_see_held_and_tied_parameters():
    law = sj.laws.get("chinchilla").fix(E=1.8).tie(beta="alpha")
    one = sj.Draws.of(sj.fit(law, grid(0.01), starts=STARTS))
    assert one.derive(lambda p: p["E"] + p["beta"] - p["alpha"]).tolist() == [1.8]


def test_derived_quantities_that_are_none_are_refused(draws):
    with pytest.raises(sj.errors.FitError, match="one value for each of 64 draws"):
        draws.derive(lambda p: p["alpha"].mean())
    with pytest.raises(sj.errors.FitError, match="a is not finite at draw 1, where E = "):
        draws.derive(lambda p: {"a": p["alpha"] * np.nan})
