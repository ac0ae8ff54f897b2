"""Models with routed experts."""

import csv
import gzip

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load


@pytest.fixture(scope="module")
def final(shared_data):
    return load("routed_moe")


@pytest.fixture(scope="module")
def raw(shared_data):
    with gzip.open(shared_data / "routed_moe" / "data" / "curves.csv.gz", "rt") as stream:
        return list(csv.DictReader(stream))


def test_final_rows_are_the_last_with_a_loss(final, raw):
    last = {}
    for row in raw:  # of one setting by increasing step
        if row["loss_validation"]:
            last[f"setting {int(row['hyper_id']):03d}"] = row
    assert len(final) == len(last) == 223
    for i, run in enumerate(final["run"]):
        row = last[run]
        assert final["loss"][i] == float(row["loss_validation"])
        assert final["step"][i] == float(row["step"])
        assert final["params"][i] == float(row["dense_parameter_count"])
        assert final["params_total"][i] == float(row["total_parameter_count"])
        assert final["experts"][i] == float(row["num_experts"])
        assert final["family"][i] == row["router_type"]
    steps, counts = np.unique(final["step"], return_counts=True)
    assert dict(zip(steps, counts, strict=True)) == {248000: 1, 249000: 221, 250000: 1}


def test_curves_leave_out_untrained_models_and_missing_losses(shared_data, raw):
    assert len(raw) == 5799
    assert len(load("routed_moe", table="curves")) == 5799 - 223 - 8
    assert {row["step"] for row in raw if not row["loss_validation"]} == {"248000"}
    pile = load("routed_moe", table="curves", validation_set="pile")
    assert len(pile) == 5799 - 223 - 15
    # A setting whose last evaluation lacks this loss gives the one before.
    assert load("routed_moe", validation_set="c4").where("run == 'setting 128'")["step"] == 248000


def test_other_validation_sets_are_other_losses(final):
    raw = load("routed_moe", validation_set="wikitext103")
    assert raw.where("run == 'setting 000'")["loss"] == pytest.approx(2.513776, abs=5e-7)
    assert final.where("run == 'setting 000'")["loss"] == pytest.approx(2.463254, abs=5e-7)


def test_rows_of_the_main_laws(final):
    main = final.where("experts_per_token == 1 and routing_frequency == 0.5")
    routers, counts = np.unique(main["family"], return_counts=True)
    assert dict(zip(routers, counts, strict=True)) == {
        "Dense": 8,
        "Hash": 51,
        "RL-R": 54,
        "S-Base": 53,
    }
    fitted = final.where("in_published_fit == 1")
    assert len(fitted) == 163
    dense = fitted.where("family == 'Dense'")
    assert set(dense["experts"]) == {1}
    assert sorted(dense["size"]) == ["1.3B", "15M", "25M", "370M", "55M"]


def test_repeated_settings_are_four_pairs(final):
    pairs = final.where("repeats == 2")
    assert len(pairs) == 8
    gaps = []
    for experts in (64, 256):
        for frequency in set(pairs["routing_frequency"]):
            mask = (pairs["experts"] == experts) & (pairs["routing_frequency"] == frequency)
            if mask.any():
                first, second = pairs["loss"][mask]
                gaps.append(abs(first - second))
    assert len(gaps) == 4
    assert 0.01 < min(gaps) < max(gaps) < 0.09
    assert set(final["repeats"]) == {1, 2}


def test_dense_models_with_larger_layers_keep_the_smaller_count(final):
    larger = final.where("family == 'Dense' and feed_forward_factor > 1")
    assert (larger["params_total"] > 1.2 * larger["params"]).all()
    plain = final.where("family == 'Dense' and feed_forward_factor == 1")
    np.testing.assert_array_equal(plain["params"], plain["params_total"])


def test_published_constants_are_as_far_off_as_stated(final):
    main = final.where("experts_per_token == 1 and routing_frequency == 0.5")
    published = sj.datasets.describe("routed_moe").published
    for entry, off in zip(published, (0.0038, 0.0081, 0.0055), strict=False):
        runs = main.where(main["family"] == entry["what"].partition(":")[0].partition(",")[0])
        v = entry["values"]
        start = 1 / (1 / v["E_start"] - 1 / v["E_max"])
        saturated = 1 / (1 / (runs["experts"] - 1 + start) + 1 / v["E_max"])
        n, e = np.log10(runs["params"]), np.log10(saturated)
        found = v["a"] * n + v["b"] * e + v["c"] * n * e + v["d"]
        rms = np.sqrt(np.mean((found - np.log10(runs["loss"])) ** 2))
        assert rms == pytest.approx(off, abs=5e-5)


def test_published_dense_law_is_near_the_dense_runs(final):
    law = sj.datasets.describe("routed_moe").published[3]["values"]
    dense = final.where("in_published_fit == 1 and family == 'Dense'")
    np.testing.assert_allclose(
        (law["N_c"] / dense["params"]) ** law["alpha_N"], dense["loss"], rtol=0.02
    )
