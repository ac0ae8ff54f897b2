"""Procedures that learn losses of mixtures from runs: RegMix and the nested mixing laws.

RegMix ranks mixtures by a regression on small proxy runs (Liu et al., arXiv:2407.01492). The
nested prediction of Ye et al. (arXiv:2403.16952) goes from steps to sizes to mixtures.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scaling_jax.errors import ProtocolError
from scaling_jax.fitting.fit import Fit, fit
from scaling_jax.laws import get
from scaling_jax.objectives import Huber
from scaling_jax.protocols.registry import protocol
from scaling_jax.runs import RunTable

_TREES, _RATE = 1000, 0.01  # as the publication's notebook
_SHARED_EXPONENTS = (0.02, 3.0)
_HUBER = 0.02  # on the raw loss; the notebooks use 0.02 to 0.08


@dataclass(frozen=True)
class MixtureRegression:
    """A regression of a loss on the proportions of a mixture.

    Attributes:
        predict: From proportions ``[mixtures, domains]`` to losses ``[mixtures]``.
        weights: Change of the loss with each proportion ``[domains]``; empty for trees.
        intercept: The rest of a linear regression.
    """

    predict: Callable[[np.ndarray], np.ndarray]
    weights: np.ndarray
    intercept: float

    def rank_correlation(self, proportions: Any, losses: Any) -> float:
        """Return Spearman's rank correlation of predicted and observed losses."""
        from scipy.stats import spearmanr

        found: Any = spearmanr(self.predict(_mixtures(proportions)), np.asarray(losses))
        return float(found.statistic)

    def best_mixture(
        self, prior: Any, *, candidates: int = 100_000, best: int = 128, seed: int = 0
    ) -> np.ndarray:
        """Return the mean of the best of random mixtures around a prior.

        Args:
            prior: Proportions of the tokens at hand ``[domains]``.
            candidates: Mixtures drawn from Dirichlet distributions around the prior, of
                strengths spread over 0.1 to 5 times the number of domains.
            best: How many of the lowest predicted losses are averaged.
            seed: Seed of the draws.

        Returns:
            Proportions ``[domains]`` that sum to one.
        """
        prior = _mixtures([prior])[0]
        rng = np.random.default_rng(seed)
        strengths = np.geomspace(0.1, 5.0, candidates) * len(prior)
        draws = rng.standard_gamma(strengths[:, None] * np.maximum(prior, 1e-12))
        totals = draws.sum(axis=1)
        usable = draws[totals > 0.0] / totals[totals > 0.0, None]
        order = np.argsort(self.predict(usable), kind="stable")[:best]
        return usable[order].mean(axis=0)


@protocol("regmix")
def mixture_regression(
    proportions: Any, losses: Any, *, model: str = "linear", penalty: float = 0.0
) -> MixtureRegression:
    """Return the regression of a loss on the proportions of training mixtures.

    Args:
        proportions: ``[runs, domains]``; rows need not sum to one exactly.
        losses: Loss of each run on one validation domain ``[runs]``.
        model: ``"linear"`` for ridge regression with an intercept, or ``"trees"`` for gradient
            boosting by LightGBM, or by scikit-learn where LightGBM is not installed.
        penalty: Penalty of the squared weights of the ridge.

    Raises:
        ProtocolError: The arrays do not fit together, or no library of trees is installed.

    Reference:
        Liu et al., arXiv:2407.01492, section 3.

    Example:
        >>> shares = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5], [0.2, 0.8]])
        >>> found = mixture_regression(shares, shares @ [2.0, 3.0])
        >>> round(float(found.weights[1] - found.weights[0]), 6)
        1.0
        >>> round(found.rank_correlation(shares, shares @ [2.0, 3.0]), 6)
        1.0
    """
    x, y = _mixtures(proportions), np.asarray(losses, np.float64)
    if y.shape != x.shape[:1] or not np.all(np.isfinite(y)):
        raise ProtocolError(
            f"regmix needs one finite loss a mixture: proportions have shape {x.shape}, losses "
            f"{y.shape}"
        )
    if model == "linear":
        return _ridge(x, y, penalty)
    if model == "trees":
        return MixtureRegression(_boosted_trees(x, y).predict, np.array([]), 0.0)
    raise ProtocolError(f"regmix has the models 'linear' and 'trees', not {model!r}")


def _ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> MixtureRegression:
    if not penalty >= 0.0:
        raise ProtocolError(f"a ridge needs a penalty of 0 or more, not {penalty}")
    # Least squares with the penalty as further rows; of equally good weights, which exist when
    # proportions sum to one exactly, the shortest.
    centre, level = x.mean(axis=0), y.mean()
    rows = np.concatenate([x - centre, np.sqrt(penalty) * np.eye(x.shape[1])])
    targets = np.concatenate([y - level, np.zeros(x.shape[1])])
    weights = np.linalg.lstsq(rows, targets, rcond=None)[0]
    intercept = float(level - centre @ weights)
    return MixtureRegression(lambda at: at @ weights + intercept, weights, intercept)


def _boosted_trees(x: np.ndarray, y: np.ndarray) -> Any:
    """Return a model with `predict`, fitted with the settings of the publication's notebook."""
    try:
        import lightgbm  # type: ignore[import-not-found]

        settings = {"objective": "regression", "learning_rate": _RATE, "seed": 42, "verbosity": -1}
        return lightgbm.train(settings, lightgbm.Dataset(x, label=y), num_boost_round=_TREES)
    except ImportError:
        pass
    try:
        from sklearn.ensemble import (  # type: ignore[import-not-found]
            GradientBoostingRegressor,
        )
    except ImportError:
        raise ProtocolError(
            "gradient-boosted trees need lightgbm or scikit-learn, and neither is installed; "
            "install scaling-jax[trees], or use model='linear'"
        ) from None
    trees = GradientBoostingRegressor(n_estimators=_TREES, learning_rate=_RATE, random_state=42)
    return trees.fit(x, y)


def _mixtures(proportions: Any) -> np.ndarray:
    mixtures = np.asarray(proportions, np.float64)
    if mixtures.ndim != 2 or not np.all(np.isfinite(mixtures)) or np.any(mixtures < 0.0):
        raise ProtocolError(
            f"proportions are numbers of 0 or more [mixtures, domains], not an array of shape "
            f"{mixtures.shape}" + (" with others" if mixtures.ndim == 2 else "")
        )
    return mixtures


@dataclass(frozen=True)
class TwoDomainFit:
    """Coefficients of L(r) = c + exp(t*r + b).

    Attributes:
        c: Loss that no mixture reduces.
        t: Effect of the domain on itself.
        b: Intercept.
    """

    c: float
    t: float
    b: float

    def critical_share(self, loss: float) -> float:
        """Return the proportion at which the law has a loss, such as the one before."""
        if not loss > self.c:
            raise ProtocolError(f"no proportion gives a loss of {loss:g}: the floor is {self.c:g}")
        return float((np.log(loss - self.c) - self.b) / self.t)


@protocol("data_mixing_law_two_domain")
def straightest_fit(proportions: Any, losses: Any, *, floors: int = 1000) -> TwoDomainFit:
    """Fit the two-domain law: the floor that makes log(L - c) straightest, then t and b.

    Args:
        proportions: Proportion of the domain in each mixture ``[runs]``.
        losses: Loss on that domain ``[runs]``.
        floors: Candidates for c, evenly spread from 0 to the lowest loss.

    Raises:
        ProtocolError: Fewer than three runs, or losses that are not positive.

    Reference:
        Ye et al., arXiv:2403.16952; mix_2_domains.ipynb of yegcjs/mixinglaws.

    Example:
        >>> shares = np.linspace(0.1, 0.9, 5)
        >>> found = straightest_fit(shares, 2.0 + np.exp(-1.5 * shares - 1.0))
        >>> round(found.t, 1), round(found.b, 1)
        (-1.5, -1.0)
    """
    from scipy.optimize import least_squares

    r, y = np.asarray(proportions, np.float64), np.asarray(losses, np.float64)
    if r.shape != y.shape or r.size < 3 or not np.all(y > 0.0):
        raise ProtocolError(
            f"the two-domain law needs three runs with positive losses, not {r.size} proportions "
            f"and {y.size} losses"
        )
    candidates = np.linspace(0.0, y.min(), floors)[:-1]  # at the lowest loss there is no log
    straightness = [abs(np.corrcoef(r, np.log(y - c))[0, 1]) for c in candidates]
    floor = float(candidates[np.argmax(straightness)])
    start = np.polyfit(r, np.log(y - floor), 1)
    found = least_squares(
        lambda tb: np.exp(tb[0] * r + tb[1]) + floor - y, start, loss="huber", f_scale=_HUBER,
        xtol=1e-12, ftol=1e-12, gtol=1e-12,
    )  # fmt: skip
    return TwoDomainFit(floor, float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True)
class NestedPrediction:
    """Losses at a scale that was not trained, and the mixing laws through them.

    Attributes:
        proportions: The mixtures ``[mixtures, domains]``.
        losses: Predicted loss of each mixture on each validation domain, ``[mixtures]`` each.
        laws: The mixing law fitted to those losses for each validation domain.
        size_exponent: Exponent of the model size, shared by all; NaN if there is one size.
    """

    proportions: np.ndarray
    losses: dict[str, np.ndarray]
    laws: dict[str, Fit]
    size_exponent: float


@protocol("data_mixing_nested")
def nested_mixing_laws(
    runs: RunTable, domains: Iterable[str], *, tokens: float, params: float
) -> NestedPrediction:
    """Predict losses of mixtures at more tokens and parameters than were trained.

    For each mixture and size a power law with a floor in the tokens, its exponent shared by the
    validation domains; then, on its predictions, one in the parameters with an exponent shared by
    all; then a mixing law of the proportions for each validation domain.

    Args:
        runs: Checkpoints with the columns `domains`, params, tokens, loss and, if there are
            several, the label validation_domain.
        domains: The columns that hold the proportions.
        tokens: Training tokens to predict for.
        params: Parameters to predict for.

    Raises:
        ProtocolError: A mixture lacks a size or validation domain, or a curve has fewer than
            three points.

    Reference:
        Ye et al., arXiv:2403.16952, Algorithm 1.
    """
    domains = tuple(domains)
    runs.require((*domains, "params", "tokens", "loss"), for_="the nested mixing laws")
    shares = np.stack([np.asarray(runs[name]) for name in domains], axis=1)
    mixtures, mixture_of = np.unique(shares, axis=0, return_inverse=True)
    labels, label_of = _validation_domains(runs)
    sizes, size_of = np.unique(np.asarray(runs["params"]), return_inverse=True)
    at_tokens = np.full((len(mixtures), len(sizes), len(labels)), np.nan)
    for m, n in np.ndindex(at_tokens.shape[:2]):
        rows = (mixture_of.ravel() == m) & (size_of == n)
        curves = [_curve(runs, rows & (label_of == k), "tokens") for k in range(len(labels))]
        at_tokens[m, n], _ = _with_shared_exponent(curves, tokens, "tokens")
    if len(sizes) == 1:
        at_size, exponent = at_tokens[:, 0], np.nan
    else:
        curves = [(sizes, losses) for losses in at_tokens.swapaxes(1, 2).reshape(-1, len(sizes))]
        predicted, exponent = _with_shared_exponent(curves, params, "params")
        at_size = predicted.reshape(len(mixtures), len(labels))
    losses = {label: at_size[:, k] for k, label in enumerate(labels)}
    laws = {label: _mixing_law(mixtures, domains, found) for label, found in losses.items()}
    return NestedPrediction(mixtures, losses, laws, exponent)


def _validation_domains(runs: RunTable) -> tuple[list[str], np.ndarray]:
    if "validation_domain" not in runs:
        return ["loss"], np.zeros(len(runs), int)
    labels, positions = np.unique(np.asarray(runs["validation_domain"]), return_inverse=True)
    return [str(label) for label in labels], positions


def _curve(runs: RunTable, rows: np.ndarray, x: str) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(runs[x])[rows], np.asarray(runs["loss"])[rows]


def _with_shared_exponent(
    curves: list[tuple[np.ndarray, np.ndarray]], target: float, x: str
) -> tuple[np.ndarray, float]:
    """Return the values at `target` of ``c + (k/x)**a`` through each curve, and the shared a.

    For a given exponent the rest is linear with coefficients that are not negative, so that one
    search over the exponent fits all curves.
    """
    from scipy.optimize import minimize_scalar, nnls

    if min(len(np.unique(at)) for at, _ in curves) < 3:
        raise ProtocolError(
            f"a power law with a floor needs three values of {x} in each curve; add checkpoints "
            "or sizes, for every mixture and validation domain"
        )

    def linear(exponent: float) -> list[tuple[np.ndarray, float]]:
        found = []
        for at, losses in curves:
            # In units of the target, so that both coefficients are losses.
            terms = np.stack([np.ones(len(at)), (target / at) ** exponent], axis=1)
            found.append(nnls(terms, losses))
        return found

    result: Any = minimize_scalar(
        lambda log: sum(rest**2 for _, rest in linear(np.exp(log))),
        bounds=tuple(np.log(_SHARED_EXPONENTS)),
        method="bounded",
        options={"xatol": 1e-8},
    )
    exponent = float(np.exp(result.x))
    return np.array([sum(coefficients) for coefficients, _ in linear(exponent)]), exponent


def _mixing_law(mixtures: np.ndarray, domains: tuple[str, ...], losses: np.ndarray) -> Fit:
    law = get("data_mixing_law", domains=domains).fix(k=1.0)
    columns: Mapping[str, Any] = dict(zip(domains, mixtures.T, strict=True))
    table = RunTable.from_columns({**columns, "loss": losses})
    return fit(law, table, Huber(_HUBER, scale="natural"))
