"""RegMix, the two-domain fit and the nested mixing laws on data with a known answer."""

import sys
import types

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import ProtocolError
from scaling_jax.protocols.mixture_regression import (
    mixture_regression,
    nested_mixing_laws,
    straightest_fit,
)

DOMAINS: tuple[str, ...] = ("share_web", "share_books", "share_code")


@pytest.fixture
def shares() -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(3), 60)


def test_linear_regression_finds_linear_losses(shares):
    losses = shares @ [2.0, 3.0, 5.0]
    found = mixture_regression(shares, losses)
    np.testing.assert_allclose(found.predict(shares), losses, rtol=1e-10)
    np.testing.assert_allclose(np.diff(found.weights), [1.0, 2.0], rtol=1e-8)
    assert found.rank_correlation(shares, losses) == pytest.approx(1.0)


def test_the_penalty_is_that_of_the_normal_equations(shares):
    losses = shares @ [2.0, 3.0, 5.0] + np.random.default_rng(1).normal(0.0, 0.1, 60)
    found = mixture_regression(shares, losses, penalty=0.7)
    x, y = shares - shares.mean(axis=0), losses - losses.mean()
    expected = np.linalg.solve(x.T @ x + 0.7 * np.eye(3), x.T @ y)
    np.testing.assert_allclose(found.weights, expected, rtol=1e-8)


def test_the_best_mixture_leans_to_the_best_domain(shares):
    found = mixture_regression(shares, shares @ [2.0, 3.0, 5.0])
    best = found.best_mixture([0.2, 0.3, 0.5], candidates=5000, best=50)
    assert best.sum() == pytest.approx(1.0)
    assert best[0] > 0.9
    again = found.best_mixture([0.2, 0.3, 0.5], candidates=5000, best=50)
    np.testing.assert_array_equal(best, again)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        (([0.5, 0.5], [1.0]), {}, r"\[mixtures, domains\], not an array of shape \(2,\)"),
        (([[0.5, 0.5]], [1.0, 2.0]), {}, "one finite loss a mixture"),
        (([[0.5, -0.5]], [1.0]), {}, "numbers of 0 or more"),
        (([[0.5, 0.5]], [1.0]), {"model": "forest"}, "'linear' and 'trees', not 'forest'"),
        (([[0.5, 0.5]], [1.0]), {"penalty": -1.0}, "a penalty of 0 or more, not -1"),
    ],
)
def test_what_is_no_regression_is_refused(arguments, keywords, message):
    with pytest.raises(ProtocolError, match=message):
        mixture_regression(*arguments, **keywords)


def test_trees_need_a_library(shares, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(ProtocolError, match="need lightgbm or scikit-learn"):
        mixture_regression(shares, shares[:, 0], model="trees")


class Trees:
    """Stands in for a fitted model: the first proportion is the loss."""

    def __init__(self, **settings):
        self.settings = settings

    def fit(self, x, y):
        return self

    def predict(self, x):
        return x[:, 0]


def test_trees_are_those_of_the_publication(shares, monkeypatch):
    asked = {}

    def train(settings, data, num_boost_round):
        asked.update(settings, rounds=num_boost_round, data=data)
        return Trees()

    module = types.ModuleType("lightgbm")
    module.__dict__.update(train=train, Dataset=lambda x, label: (x, label))
    monkeypatch.setitem(sys.modules, "lightgbm", module)
    found = mixture_regression(shares, shares[:, 0], model="trees")
    assert (asked["rounds"], asked["learning_rate"]) == (1000, 0.01)
    assert asked["data"][1] is not None
    assert found.rank_correlation(shares, shares[:, 0]) == pytest.approx(1.0)


def test_trees_of_scikit_learn_serve_as_well(shares, monkeypatch):
    module = types.ModuleType("sklearn.ensemble")
    module.__dict__.update(GradientBoostingRegressor=Trees)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", module)
    found = mixture_regression(shares, shares[:, 0], model="trees")
    assert found.rank_correlation(shares, shares[:, 0]) == pytest.approx(1.0)


def test_regmix_ranks_the_larger_models(shared_data):
    """Published for the linear regression: 90.08, 89.26 and 88.01 times 0.01."""
    train = sj.datasets.load("regmix").where("split == 'train'")
    domains = [name for name in train.order if name.startswith("share_")]

    def table(runs):
        return np.stack([runs[name] for name in domains], axis=1), runs["loss"]

    found = mixture_regression(*table(train))
    for size, published in (("1m", 0.9008), ("60m", 0.8926), ("1B", 0.8801)):
        test = sj.datasets.load("regmix", size=size).where("split == 'test'")
        assert found.rank_correlation(*table(test)) == pytest.approx(published, abs=2e-3)


def test_the_straightest_floor_is_found():
    shares = np.array([0.25, 0.375, 0.5, 0.625, 0.75])
    found = straightest_fit(shares, 1.3 + np.exp(-2.4 * shares - 0.6), floors=2001)
    assert found.c == pytest.approx(1.3, abs=2e-3)
    assert (found.t, found.b) == pytest.approx((-2.4, -0.6), abs=0.02)
    before = found.c + np.exp(found.t * 0.3 + found.b)
    assert found.critical_share(before) == pytest.approx(0.3)
    with pytest.raises(ProtocolError, match="no proportion gives a loss of 1"):
        found.critical_share(1.0)


def test_two_domains_need_three_runs():
    with pytest.raises(ProtocolError, match="three runs with positive losses"):
        straightest_fit([0.1, 0.2], [1.0, 1.0])


def nested_runs(sizes) -> sj.RunTable:
    """Return checkpoints of a loss that is separable in tokens, size and mixture."""
    mixtures = np.random.default_rng(4).dirichlet(np.ones(3), 8).round(3)
    mixtures[:, 2] = 1.0 - mixtures[:, :2].sum(axis=1)
    rows = []
    for mixture in mixtures:
        for n in sizes:
            for d in (1e10, 2e10, 3e10):
                for k, domain in enumerate(("web", "code")):
                    rows.append((*mixture, n, d, domain, nested_loss(mixture, n, d, k)))
    columns = dict(zip((*DOMAINS, "params", "tokens", "validation_domain", "loss"),
                       map(list, zip(*rows, strict=True)), strict=True))  # fmt: skip
    return sj.RunTable.from_columns(columns)


def nested_loss(mixture, n, d, k):
    floor = 1.5 + 0.3 * k + 0.4 * np.exp(-2.0 * mixture[k])
    return floor + (3e8 / d) ** 0.5 + (2e6 / n) ** 0.4


def test_nested_laws_reach_scales_that_were_not_trained():
    found = nested_mixing_laws(nested_runs((2e7, 8e7, 2e8, 3e8)), DOMAINS, tokens=1e11, params=1e9)
    assert found.size_exponent == pytest.approx(0.4, rel=1e-4)
    for k, domain in enumerate(("web", "code")):
        expected = [nested_loss(mixture, 1e9, 1e11, k) for mixture in found.proportions]
        np.testing.assert_allclose(found.losses[domain], expected, rtol=1e-6)
        fitted = found.laws[domain]
        unseen = np.array([0.2, 0.5, 0.3])
        assert float(fitted(proportions=unseen)) == pytest.approx(
            nested_loss(unseen, 1e9, 1e11, k), rel=1e-4
        )


def test_nested_laws_refuse_curves_of_two_points():
    runs = nested_runs((2e7, 8e7)).where("tokens < 2.5e10")
    with pytest.raises(ProtocolError, match="three values of tokens in each curve"):
        nested_mixing_laws(runs, DOMAINS, tokens=1e11, params=1e9)
