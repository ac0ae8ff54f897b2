"""Each table has the rows, flags and published facts that its source states."""

import math

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.datasets.adapters import ADAPTERS, pretraining
from scaling_jax.errors import DatasetError

load = sj.datasets.load

# The least that a call needs where an option has no default.
GIVEN = {"open_athena_isoflops": {"experiment": "llama_3__raw_loss"}}


@pytest.fixture
def no_downloads(monkeypatch):
    """Neither a local folder nor the network."""
    monkeypatch.delenv("SCALING_JAX_DATA", raising=False)
    monkeypatch.setattr("pooch.create", lambda **_: pytest.fail("something was fetched"))


@pytest.mark.parametrize("name", sj.datasets.names())
def test_columns_are_those_described(shared_data, name):
    runs = load(name, **GIVEN.get(name, {}))
    dataset = sj.datasets.describe(name)
    assert set(runs.columns) <= set(dataset.columns)
    if ADAPTERS[name].__module__ == pretraining.__name__:
        assert {"params", "tokens", "loss"} <= set(runs.columns)
    if name not in GIVEN:
        assert len(runs) == dataset.rows
    assert name in runs.source


TABLES = [
    (dataset.name, choice)
    for dataset in sj.datasets.list()
    if "table" in dataset.options
    for choice in dataset.options["table"].choices
]


@pytest.mark.parametrize(("name", "table"), TABLES)
def test_columns_of_every_table_are_described(shared_data, name, table):
    runs = load(name, **GIVEN.get(name, {}), table=table)
    assert set(runs.columns) <= set(sj.datasets.describe(name).columns)


@pytest.mark.parametrize("name", sj.datasets.names())
def test_every_choice_gives_described_columns(shared_data, name):
    dataset = sj.datasets.describe(name)
    for option in dataset.options.values():
        for choice in option.choices:
            runs = load(name, **GIVEN.get(name, {}) | {option.name: choice})
            assert set(runs.columns) <= set(dataset.columns)


def test_parscale_needs_neither_network_nor_folder(no_downloads):
    runs = load("parscale")
    assert len(runs) == 48
    assert set(runs["tokens"]) == {42e9}
    stack = runs.where("family == 'stack_v2_python'")
    assert len(stack) == 24
    # The corners of the published table.
    corner = stack.where("streams == 1 and params == 535813376")
    assert corner["loss"].tolist() == [1.1722]
    assert runs.where("family == 'pile' and streams == 8")["loss"].min() == 1.7772
    for family in ("stack_v2_python", "pile"):
        for streams in (1, 2, 4, 8):
            losses = runs.where(f"family == '{family}' and streams == {streams}").sort("params")
            assert (np.diff(losses["loss"]) < 0).all()


def test_embedded_parscale_equals_the_transcription(shared_data):
    path = shared_data / "parscale" / "parscale_losses.csv"
    if not path.is_file():
        pytest.skip(f"no second transcription to compare with: {path}")
    rows = [line.split(",") for line in path.read_text().split()[1:]]
    runs = load("parscale")
    embedded = zip(runs["family"], runs["streams"], runs["params"], runs["loss"], strict=True)
    assert list(embedded) == [(a, float(b), float(c), float(d)) for a, b, c, d in rows]


def test_nothing_is_fetched_before_load(no_downloads):
    for dataset in sj.datasets.list():
        str(dataset)


def test_epoch_chinchilla_flags_its_five_highest_losses(shared_data):
    runs = load("epoch_chinchilla")
    assert len(runs) == 245
    assert runs["loss"].max() == pytest.approx(5.0056, abs=1e-4)
    kept = load("epoch_chinchilla", keep_outliers=False)
    assert len(kept) == 240
    assert runs.where("outlier == 1")["loss"].min() > kept["loss"].max()
    np.testing.assert_allclose(runs["compute_flops"], 6 * runs["params"] * runs["tokens"])


def test_llama_3_points_and_flags(shared_data):
    runs = load("open_athena_isoflops", experiment="llama_3__raw_loss")
    assert len(runs) == 133
    exp = load("open_athena_isoflops", experiment="llama_3__exp_loss")
    by_point = ["params", "tokens"]
    np.testing.assert_allclose(exp.sort(by_point)["loss"], np.exp(runs.sort(by_point)["loss"]))
    kept = load("open_athena_isoflops", experiment="llama_3__raw_loss", keep_outliers=False)
    assert len(kept) == 133 - runs["outlier"].sum() == 116
    assert set(kept["outlier_reason"]) == {"none"}


def test_all_experiments_hold_947_points_of_which_197_are_flagged(shared_data):
    experiments = sj.datasets.describe("open_athena_isoflops").options["experiment"].choices
    tables = [load("open_athena_isoflops", experiment=name) for name in experiments]
    assert sum(map(len, tables)) == 947
    assert sum(table["outlier"].sum() for table in tables) == 197


def test_experiments_are_never_pooled():
    with pytest.raises(DatasetError, match="needs experiment= .*llama_3__raw_loss"):
        load("open_athena_isoflops")


def test_datablations_flags_the_182_runs_of_the_published_law(shared_data):
    runs = load("datablations", table="all_runs")
    assert len(runs) == 296
    assert runs["in_published_fit"].sum() == 182
    assert (runs["unique_tokens"] <= runs["tokens"]).all()


def test_datablations_public_file_agrees_with_all_runs(shared_data):
    runs, every = load("datablations"), load("datablations", table="all_runs")
    position = {run: i for i, run in enumerate(every["run"])}
    same = every.take([position[run] for run in runs["run"]])
    for column in ("params", "unique_tokens", "loss"):
        np.testing.assert_allclose(runs[column], same[column], rtol=2e-3)


def test_gadre_overtrain_losses_fall_with_size_and_tokens(shared_data):
    runs = load("gadre_overtrain")
    assert len(runs) == 104
    assert len(runs.where("family == 'c4_original'")) == 34  # lacks the 411M run at 32x
    np.testing.assert_allclose(
        runs["tokens"], 20 * runs["token_multiplier"] * runs["params"], rtol=1e-3
    )
    small = runs.where("family == 'rpj' and params < 2e7").sort("tokens")
    assert (np.diff(small["loss"]) < 0).all()
    german = load("gadre_overtrain", validation_set="de-en")
    assert not np.allclose(german["loss"], runs["loss"])


def test_gadre_overtrain_errors_are_those_of_the_printed_prediction(shared_data):
    """The notebook prints 0.4716 and 0.4752 for these two models, to which it extrapolates."""
    runs = load("gadre_overtrain", errors="tasks_17").where("family == 'rpj'")
    large = runs.where("params > 6e9")
    assert large["error"] == pytest.approx([0.4716], abs=5e-5)
    overtrained = runs.where("params > 1e9 and params < 2e9 and token_multiplier > 20")
    assert overtrained["error"] == pytest.approx([0.4752], abs=5e-5)
    everything = load("gadre_overtrain", errors="tasks_46").where("family == 'rpj'")
    able = runs["params"] > 4e8  # small models are at chance in the 17 tasks too
    assert (everything["error"] > runs["error"])[able].all()
    assert "error" not in load("gadre_overtrain").columns


def test_misfitting_compute_does_not_overflow(shared_data):
    runs = load("misfitting", table="checkpoints")
    assert len(runs) == 4852 - 2  # exact copies
    assert runs["compute_flops"].max() > 2**63
    np.testing.assert_allclose(runs["compute_flops"], 6 * runs["params"] * runs["tokens"])


def test_misfitting_best_of_sweep_is_the_minimum_of_each_cell(shared_data):
    runs, best = load("misfitting"), load("misfitting", best_of_sweep=True)
    assert len(best) == 81
    for params, tokens, loss in zip(best["params"], best["tokens"], best["loss"], strict=True):
        cell = (runs["params"] == params) & (runs["tokens"] == tokens)
        assert loss == runs["loss"][cell].min()


def test_misfitting_first_campaign_has_its_222_runs(shared_data):
    assert len(load("misfitting", table="first_campaign")) == 222


def test_steplaw_flags_its_diverged_runs(shared_data):
    runs = load("steplaw_dense")
    assert len(runs) == 1911
    assert runs["outlier"].sum() == 177
    assert len(load("steplaw_dense", keep_outliers=False)) == 1911 - 177
    assert len(load("steplaw_dense", best_of_sweep=True)) == 17
    steps = runs["tokens"] / runs["batch_tokens"]
    # Tokens are nominal: at most 0.22 % from batch times steps.
    np.testing.assert_allclose(steps, runs["step"], rtol=2.5e-3)


def test_opt_trajectories_are_plain_numbers_in_nats(shared_data):
    runs = load("opt_trajectories")
    first = runs.where("family == '125m'").sort("tokens").take([0])
    assert first["tokens"][0] == pytest.approx(1e9)
    assert first["loss"][0] == pytest.approx(math.log(67.52265444))
    np.testing.assert_allclose(
        runs["compute_flops"], 6 * runs["params"] * runs["tokens"], rtol=1e-6
    )


def test_gpt3_curves_split(shared_data):
    assert len(load("gpt3_curves", split="train")) == 5591
    assert len(load("gpt3_curves", split="validation")) == 6506


def test_wrong_options_are_refused_with_what_there_is():
    with pytest.raises(DatasetError, match="no option 'experiments'; did you mean experiment"):
        load("open_athena_isoflops", experiments="llama_3__raw_loss")
    with pytest.raises(DatasetError, match="'llama' is not a choice .*'llama_3__raw_loss'"):
        load("open_athena_isoflops", experiment="llama")
    with pytest.raises(DatasetError, match="parscale has no option 'split'; it takes none"):
        load("parscale", split="train")
