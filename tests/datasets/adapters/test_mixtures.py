"""Losses of models trained on mixtures of domains."""

import csv

import numpy as np
import pytest

import scaling_jax as sj

load = sj.datasets.load


def shares_of(runs):
    return [name for name in runs.columns if name.startswith("share_")]


def matrix_of(runs):
    return np.stack([runs[name] for name in shares_of(runs)], axis=1)


def ranks(values):
    return np.argsort(np.argsort(values))


def regmix_file(folder, file):
    with (folder / "regmix" / "data" / f"{file}.csv").open(newline="") as stream:
        return {row["index"]: row for row in csv.DictReader(stream)}


@pytest.mark.parametrize(("size", "rows"), [("1m", 768), ("60m", 256), ("1B", 64)])
def test_every_run_of_a_size(shared_data, size, rows):
    runs = load("regmix", size=size)
    assert len(runs) == rows
    assert len(shares_of(runs)) == 17
    runs.check_shares(shares_of(runs))
    assert len(load("regmix", size=size, validation_domain="all")) == 13 * rows


def test_cells_are_joined_by_index(shared_data):
    runs = load("regmix", size="1B", validation_domain="arxiv", normalised=False)
    mixtures, losses = (regmix_file(shared_data, f"test_{x}_1B") for x in ("mixture", "pile_loss"))
    for i, run in enumerate(runs["run"]):
        index = run.removeprefix("test_")
        assert runs["loss"][i] == float(losses[index]["metric/the_pile_arxiv_val_loss"])
        assert runs["share_github"][i] == float(mixtures[index]["train_the_pile_github"])
    assert runs["run"][0] == "test_0"


def test_first_training_run(shared_data):
    runs = load("regmix").where("run == 'train_1'")
    mixture = regmix_file(shared_data, "train_mixture_1m")["1"]
    total = sum(float(value) for name, value in mixture.items() if name != "index")
    share = float(mixture["train_the_pile_pile_cc"]) / total
    assert runs["share_pile_cc"][0] == pytest.approx(share, rel=1e-12)
    loss = regmix_file(shared_data, "train_pile_loss_1m")["1"]["metric/the_pile_pile_cc_val_loss"]
    assert runs["loss"][0] == float(loss)


def test_shares_as_rounded_do_not_quite_sum_to_one(shared_data):
    sums = matrix_of(load("regmix", normalised=False)).sum(axis=1)
    assert sums.min() == pytest.approx(0.996)
    assert sums.max() == pytest.approx(1.003)
    even = matrix_of(load("regmix"))
    np.testing.assert_allclose(even.sum(axis=1), 1.0, rtol=1e-12)


def test_mixtures_are_shared_by_1m_and_60m_but_not_1b(shared_data):
    small = load("regmix", normalised=False).where("split == 'test'")
    middle = load("regmix", size="60m", normalised=False)
    assert small["run"].tolist() == middle["run"].tolist()
    np.testing.assert_array_equal(matrix_of(small), matrix_of(middle))
    known = {tuple(row) for row in matrix_of(load("regmix", normalised=False))}
    large = matrix_of(load("regmix", size="1B", normalised=False))
    assert not {tuple(row) for row in large} & known


def test_domains_with_a_share_and_no_loss(shared_data):
    runs = load("regmix", size="1B", validation_domain="all")
    measured = set(runs["validation_domain"])
    trained = {name.removeprefix("share_") for name in shares_of(runs)}
    unmeasured = {"nih_exporter", "philpapers", "enron_emails", "europarl"}
    assert trained - measured == unmeasured
    assert measured < trained
    github = runs.where("validation_domain == 'github'")
    alone = load("regmix", size="1B", validation_domain="github")
    np.testing.assert_array_equal(github["loss"], alone["loss"])


@pytest.mark.parametrize(("size", "spearman"), [("1m", 0.902), ("60m", 0.893), ("1B", 0.877)])
def test_least_squares_rank_the_unseen_mixtures(shared_data, size, spearman):
    train = load("regmix", normalised=False).where("split == 'train'")
    test = load("regmix", size=size, normalised=False).where("split == 'test'")
    assert len(train) == 512

    def design(runs):
        return np.column_stack([np.ones(len(runs)), matrix_of(runs)])

    weights, *_ = np.linalg.lstsq(design(train), train["loss"], rcond=None)
    predicted, observed = ranks(design(test) @ weights), ranks(test["loss"])
    assert np.corrcoef(predicted, observed)[0, 1] == pytest.approx(spearman, abs=5e-4)


def lines_of(folder, file):
    text = (folder / "mixing_laws" / "data" / file).read_text()
    return [line.split() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("mixture", "last", "every"),
    [("two_domains", 20, 220), ("three_domains", 123, 3227), ("five_domains", 132, 418)],
)
def test_mixtures_of_every_checkpoint(shared_data, mixture, last, every):
    for checkpoints, rows in (("last", last), ("all", every)):
        runs = load("mixing_laws", mixture=mixture, checkpoints=checkpoints)
        assert len(runs) == rows
        runs.check_shares(shares_of(runs))
        np.testing.assert_allclose(runs["tokens"], runs["step"] * 4096 * 256)
        np.testing.assert_allclose(runs["compute_flops"], 6 * runs["params"] * runs["tokens"])


def test_shares_stand_in_the_name_of_the_run(shared_data):
    runs = load("mixing_laws")
    assert shares_of(runs) == ["share_github", "share_books3", "share_pile_cc"]
    for name, shares in zip(runs["run"], matrix_of(runs), strict=True):
        assert [float(part) for part in name.split("-")[1:]] == shares.tolist()


def test_cells_of_each_file(shared_data):
    for file, mixture in (
        ("2Mix/160M.txt", "two_domains"),
        ("3Mix/410M.txt", "three_domains"),
        ("5Mix/1B.txt", "five_domains"),
    ):
        checkpoint, validation, loss = lines_of(shared_data, file)[-1]
        run, step = checkpoint.rstrip("/").split("/")[-2:]
        domain = validation.split(".")[-2].lower().replace("-", "_")
        runs = load("mixing_laws", mixture=mixture, checkpoints="all")
        size = file.split("/")[1].removesuffix(".txt")
        name = run if run.startswith(size) else f"{size}_{run}"
        found = runs.where(
            f"run == '{name}' and step == {step} and validation_domain == '{domain}'"
        )
        assert found["loss"].tolist() == [float(loss)]


def test_last_is_a_copy_of_a_numbered_checkpoint(shared_data):
    copied = []
    for file in ("3Mix/70M.txt", "3Mix/160M.txt"):
        losses = {}
        for checkpoint, validation, loss in lines_of(shared_data, file):
            run, step = checkpoint.rstrip("/").split("/")[-2:]
            losses[run, step, validation] = loss
        for (run, step, validation), loss in losses.items():
            if step == "last":
                other = "34500" if run.startswith("70M_14") else "60000"
                assert losses[run, other, validation] == loss
                copied.append(run)
    assert len(copied) == 27


def test_repeated_lines_are_read_once(shared_data):
    lines = lines_of(shared_data, "3Mix/70M.txt")
    assert len(lines) - len({tuple(line) for line in lines}) == 6
    runs = load("mixing_laws", checkpoints="all")
    keys = list(zip(runs["run"], runs["step"], runs["validation_domain"], strict=True))
    assert len(set(keys)) == len(keys)


def test_last_checkpoints(shared_data):
    assert set(load("mixing_laws", mixture="two_domains")["step"]) == {30000.0}
    runs = load("mixing_laws")
    assert set(runs["step"]) == {60000.0}
    mixtures = {size: len(set(group["run"])) for size, group in runs.group("params").items()}
    assert mixtures == {"18915328": 3, "85056000": 6, "302311424": 32}
    five = load("mixing_laws", mixture="five_domains")
    held_out, fitted = five.split("held_out == 1")
    assert set(held_out["step"]) == {90000.0, 100000.0}
    assert set(fitted["step"]) == {20000.0}
    assert len(set(five["validation_domain"])) == 22


def test_largest_model_of_three_domains_has_two_checkpoints(shared_data):
    runs = load("mixing_laws", checkpoints="all").where("params > 3e8")
    early = runs.where("step == 30000")
    assert len(early) == 8
    assert set(early["validation_domain"]) == {"github"}
    counts = {name: len(group) for name, group in runs.group("validation_domain").items()}
    assert counts == {"github": 40, "books3": 32, "pile_cc": 32}


def test_mixtures_of_five_domains_are_those_of_the_list(shared_data):
    text = (shared_data / "mixing_laws/data/5Mix/proportions.txt").read_text()
    listed = {tuple(map(float, line.split("-"))) for line in text.split()}
    fitted = load("mixing_laws", mixture="five_domains").where("held_out == 0")
    assert {tuple(row) for row in matrix_of(fitted)} <= listed


@pytest.mark.parametrize(("domain", "k", "b"), [
    ("github", (-2.4381, -1.5473, -1.6405), (-0.5978, -0.6506, -0.6819)),
    ("pile_cc", (-2.9041, -2.2959, -2.5189), (-0.5333, -0.5862, -0.6257)),
])  # fmt: skip
def test_printed_slopes_of_two_domains(shared_data, domain, k, b):
    # Least squares on the logarithm, where the authors minimise a Huber loss of the losses:
    # the two agree to 0.02.
    runs = load("mixing_laws", mixture="two_domains", checkpoints="all")
    runs = runs.where(f"params < 2e7 and validation_domain == '{domain}'")
    for step, slope, intercept in zip((10000, 20000, 30000), k, b, strict=True):
        cell = runs.where(f"step == {step}")
        share, loss = cell[f"share_{domain}"], cell["loss"]
        floors = np.linspace(0.0, loss.min(), 1000, endpoint=False)
        straight = [abs(np.corrcoef(share, np.log(loss - c))[0, 1]) for c in floors]
        fitted = np.polyfit(share, np.log(loss - floors[np.argmax(straight)]), 1)
        np.testing.assert_allclose(fitted, [slope, intercept], atol=0.02)
