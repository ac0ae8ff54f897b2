"""Loss curves: every logged point, and a schedule that can be rebuilt at every step."""

import csv
import itertools
import json

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load

SCHEDULE = (
    "warmup_steps",
    "decay_start_step",
    "total_steps",
    "peak_learning_rate",
    "end_learning_rate",
)
TEST_CURVES = {
    "constant_72000",
    "cosine_72000",
    "wsd_20000_24000",
    "wsdld_20000_24000",
    "wsdcon_3",
    "wsdcon_18",
}


def rebuilt(curve, warm_up=lambda t, w: t / (w - 1)) -> np.ndarray:
    """Return the rate of every step, as the descriptions of the columns say."""
    for name in SCHEDULE:
        assert np.ptp(curve[name]) == 0.0
    w, start, total, peak, end = (curve[name][0] for name in SCHEDULE)
    t = np.arange(total)
    u = (t[t >= start] - start) / max(total - start, 1)
    decay = {
        "constant": lambda: peak + 0 * u,
        "cosine": lambda: end + (peak - end) * (1 + np.cos(np.pi * u)) / 2,
        "exponential": lambda: peak ** (1 - u) * end**u,
        "linear": lambda: peak * (1 - u) + end * u,
        "step": lambda: end + 0 * u,
    }[curve["decay_shape"][0]]
    rate = np.where(t < w, peak * warm_up(t, w), peak)
    rate[t >= start] = decay()
    return rate


def curves(runs) -> dict:
    return {run: runs.where(runs["run"] == run) for run in np.unique(runs["run"])}


@pytest.fixture(scope="module")
def mpl(shared_data):
    return load("mpl_curves")


@pytest.mark.parametrize("run", ["25M/cosine_24000", "100M/wsdld_20000_24000", "25M/wsdcon_9"])
def test_mpl_points_are_those_of_the_file(shared_data, mpl, run):
    size, schedule = run.split("/")
    folder = shared_data / "mpl_curves" / "loss_curve_repo" / f"csv_{size.removesuffix('M')}"
    with open(folder / f"{schedule}.csv") as stream:
        rows = [tuple(map(float, row)) for row in itertools.islice(csv.reader(stream), 1, None)]
    curve = mpl.where(mpl["run"] == run)
    assert set(curve["params"]) == {float(size.removesuffix("M")) * 1e6}
    points = zip(curve["step"], curve["learning_rate"], curve["loss"], strict=True)
    assert list(points) == rows


def test_mpl_has_every_point_of_18_curves_by_run_and_step(mpl):
    assert len(mpl) == 4162
    assert len(curves(mpl)) == 18
    by_run = list(zip(mpl["run"], mpl["step"], strict=True))
    assert by_run == sorted(by_run)


def test_mpl_schedules_rebuilt_from_the_columns_give_every_logged_rate(mpl):
    for curve in curves(mpl).values():
        rate = rebuilt(curve)
        np.testing.assert_allclose(rate[curve["step"].astype(int)], curve["learning_rate"], 1e-12)
        assert rate[0] == 0.0
        assert rate[2159] == rate[2160] == 3e-4


def test_mpl_gaps_and_ends_are_the_known_ones(mpl):
    gaps, ends = {}, {}
    for run, curve in curves(mpl).items():
        steps = np.diff(curve["step"])
        gaps[run] = steps[steps != 128].tolist()
        ends[run] = curve["step"][-1]
        assert curve["step"][0] == (2160 if "cosine" in run else 2176)
    for size, gap, end in (("25M", 224, 14144), ("100M", 96, 15936)):
        for k in (3, 9, 18):
            assert gaps.pop(f"{size}/wsdcon_{k}") == [64]
            assert ends[f"{size}/wsdcon_{k}"] == end
        for kind in ("wsd", "wsdld"):
            assert gaps.pop(f"{size}/{kind}_20000_24000") == [gap]
    assert set(map(tuple, gaps.values())) == {()}


def test_mpl_split_is_the_authors(shared_data, mpl):
    test = load("mpl_curves", split="test", size="25M")
    assert set(test["family"]) == TEST_CURVES
    assert set(load("mpl_curves", split="fit")["family"]) == set(mpl["family"]) - TEST_CURVES
    assert set(test["params"]) == {25e6}


def test_mpl_copies_tell_which_parts_of_curves_are_one_run(mpl):
    small = curves(mpl.where("params == 25e6"))
    assert small["25M/wsd_20000_24000"]["loss"][0] == 4.0723
    assert small["25M/constant_24000"]["loss"][0] == 4.1010
    # Until the switch of wsdcon six curves of 25M are one run, then three, then each is its own.
    shared = small["25M/wsd_20000_24000"]
    assert set(shared.where("step < 8000")["copies"]) == {6}
    assert set(shared.where("step >= 20000")["copies"]) == {1}
    source = small["25M/constant_72000"].where("step < 8000")
    np.testing.assert_array_equal(source["loss"], shared.where("step < 8000")["loss"])
    # At 100M the shared part is that of constant_24000.
    large = curves(mpl.where("params == 1e8"))
    source = large["100M/constant_24000"].where("step < 19000")
    assert source["copies"].min() == 3
    np.testing.assert_array_equal(
        source["loss"], large["100M/wsdld_20000_24000"].where("step < 19000")["loss"]
    )


def multi_power(curve, L0, A, alpha, B, C, beta, gamma) -> np.ndarray:
    """Evaluate the law at the logged steps; only steps at which the rate changes have a term."""
    rate = rebuilt(curve)
    area = np.cumsum(rate)
    drop = -np.diff(rate, prepend=0.0)
    at = np.flatnonzero(drop)
    losses = []
    for step in curve["step"].astype(int):
        k = at[at <= step]
        reach = C * rate[k] ** -gamma * (area[step] - area[k - 1])
        losses.append(B * np.sum(drop[k] * (1 - (1 + reach) ** -beta)))
    return L0 + A * area[curve["step"].astype(int)] ** -alpha - np.array(losses)


@pytest.mark.parametrize(("size", "entry"), [("25M", 0), ("100M", 1)])
def test_published_metrics_come_out_of_the_rebuilt_schedules(shared_data, size, entry):
    published = sj.datasets.describe("mpl_curves").published
    law, metrics = published[entry]["values"], published[entry + 2]["values"]
    found = []
    for curve in curves(load("mpl_curves", size=size, split="test")).values():
        loss = curve["loss"]
        residual = multi_power(curve, **law) - loss
        relative = np.abs(residual) / loss
        found.append(
            {
                "R2": 1 - np.sum(residual**2) / np.sum((loss - loss.mean()) ** 2),
                "MAE": np.mean(np.abs(residual)),
                "RMSE": np.sqrt(np.mean(residual**2)),
                "PredE": relative.mean(),
                "WorstE": relative.max(),
            }
        )
    for name, printed in metrics.items():
        mean = np.mean([metric[name] for metric in found])
        half_a_digit = 5e-5 if name == "R2" else 5e-6
        assert mean == pytest.approx(printed, abs=half_a_digit), name


@pytest.fixture(scope="module")
def cooldowns(shared_data):
    return load("wsd_cooldowns")


def raw_cooldowns(shared_data) -> dict:
    paths = (shared_data / "wsd_cooldowns" / "data").glob("*.json")
    return {run["name"]: run for run in (json.loads(path.read_text()) for path in paths)}


def test_cooldown_runs_are_those_of_the_files(shared_data, cooldowns):
    raw = raw_cooldowns(shared_data)
    assert len(cooldowns) == len(raw) == 25
    for i, name in enumerate(cooldowns["run"]):
        config, summary = raw[name]["config"], raw[name]["summary"]
        assert cooldowns["family"][i] == config["dataset"]
        assert cooldowns["loss"][i] == summary["final-val/loss"]
        assert cooldowns["params"][i] == summary["parameters"]
        assert cooldowns["step"][i] == config["iterations"] == summary["iter"]
        assert cooldowns["learning_rate"][i] == config["lr"]


def test_cooldown_batches_and_tokens(cooldowns):
    largest = cooldowns["params"] > 3e8
    np.testing.assert_array_equal(cooldowns["batch_tokens"], np.where(largest, 204800, 102400))
    np.testing.assert_array_equal(
        cooldowns["tokens"], cooldowns["step"] * cooldowns["batch_tokens"]
    )


def test_cooldown_sizes_are_those_of_the_architecture_with_one_embedding(cooldowns):
    depth, width = cooldowns["depth"], cooldowns["width"]
    hidden = 256 * np.ceil(8 * width / 3 / 256)  # of the gated feed-forward layer
    layers = depth * (4 * width**2 + 3 * width * hidden + 2 * width) + width
    np.testing.assert_array_equal(cooldowns["params_no_embed"], layers)


@pytest.mark.parametrize(("table", "rows"), [("training_curves", 1983), ("validation_curves", 501)])
def test_cooldown_rates_follow_from_the_schedule_columns(shared_data, table, rows):
    runs, raw = load("wsd_cooldowns", table=table), raw_cooldowns(shared_data)
    assert len(runs) == rows
    for name, curve in curves(runs).items():
        rate = rebuilt(curve, lambda t, w: t / w + (1 - t / w) / 100)
        step = curve["step"].astype(int)
        assert (np.diff(step) > 0).all()
        assert step[0] > curve["warmup_steps"][0]
        np.testing.assert_allclose(curve["learning_rate"], rate[step - 1], 1e-12)
        # The logs hold the rate of the next update, and 0 when there is none.
        logged = raw[name]["history"]["train"]
        after = np.append(rate, 0.0)[logged["iter"]]
        np.testing.assert_allclose(after, logged["train_lr"], 1e-9)


def test_cooldown_losses_of_a_curve_are_those_of_its_file(shared_data):
    name = (
        "ann0.2_openwebtext2_llama_norm_nlayers12_nhead14_lr0.0005_sched_wsd_warmup300_iter30000"
        "_bs50x2_ws2_seed0_data_seed1337"
    )
    history = raw_cooldowns(shared_data)[name]["history"]
    for table, key in (("training_curves", "train"), ("validation_curves", "val")):
        runs = load("wsd_cooldowns", table=table)
        curve = runs.where(runs["run"] == name)
        assert curve["step"].tolist() == history[key]["iter"]
        assert curve["loss"].tolist() == history[key][f"{key}_loss"]
    assert 25000 not in history["val"]["iter"]  # the full set was evaluated there
    assert history["final-val"]["final_val_loss"][0] == pytest.approx(3.1302, abs=5e-5)


def test_cooldown_curves_begin_at_a_checkpoint_of_the_parent(shared_data, cooldowns):
    runs = load("wsd_cooldowns", table="validation_curves")
    for curve in curves(runs).values():
        assert curve["step"][0] == curve["resumed_at_step"][0] <= curve["decay_start_step"][0]
    parents = set(zip(cooldowns["parent"], cooldowns["params"], cooldowns["family"], strict=True))
    assert len(parents) == len(set(cooldowns["parent"])) == 11


def test_cooldown_validation_sets_differ_by_the_known_amounts(cooldowns):
    runs = cooldowns
    gap = runs["loss"] - runs["loss_32_batches"]
    pajama = runs["family"] == "slimpajama"
    short = runs["step"] == 3000
    assert np.abs(gap[~pajama]).max() < 0.0065
    np.testing.assert_allclose(gap[pajama & ~short], 0.033, atol=0.006)
    assert gap[short] == pytest.approx(0.0021, abs=1e-4)
