"""Where every law goes as an input grows without end, by the formula as it is printed.

The formula is evaluated at infinity itself, the code where the powers have died away: they must
agree, or run away in the same direction.
"""

import dataclasses

import jax
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax import atlas
from tests.laws.test_formula_text import NOT_EXPRESSIONS, both_sides, coefficients, outcome, texts

FAR = 1e300
POINTS = 4
AGREE = 1e-3  # 1e300 to a small power is still a number: exponents of 0.01 leave a thousandth
GONE = 1e-2  # of what it was: a law that falls to zero need not have arrived

# Laws whose text has no value at infinity: (column, why). Tests of their own have these limits.
NO_VALUE: dict[str, tuple[str, str]] = {
    "clark_routed": ("params", "a sum of logarithms with both signs"),
    "data_constrained_geometric": ("unique_tokens", "the share of an endless set that is seen"),
    "levi_inference_model": ("attempts", "a ratio of Gamma functions"),
    "mccandlish_cbs": ("batch_examples", "steps and examples in one product: nothing times all"),
    "zsl_bnsl": ("step", "a vanishing power times an endless one"),
}
# Laws that move as the logarithm of an input, or as a power of 0.01 or less.
SLOW = {"parscale", "sae_loss_compute", "stacking_growth"}

LAWS = [name for name in sj.laws.names() if name not in NOT_EXPRESSIONS]


@dataclasses.dataclass(frozen=True, eq=False)
class Limit:
    """What the code gives far out, the formula at infinity, and the code before ``[points]``."""

    code: np.ndarray
    text: np.ndarray
    usual: np.ndarray

    @property
    def known(self) -> bool:
        """Whether the formula has a value at infinity."""
        return not np.any(np.isnan(self.text) | np.isnan(self.code))

    @property
    def holds(self) -> bool:
        """Whether the limit is reached, or both run away in the same direction."""
        away = np.isinf(self.text)
        aim = np.where(away, 0.0, self.text)
        near = np.where(aim == 0.0, GONE * np.abs(self.usual), AGREE * np.abs(aim))
        reached = np.abs(np.where(away, 0.0, self.code) - aim) <= near
        followed = np.sign(self.text) * (self.code - self.usual) > 0.0
        return bool(np.all(np.where(away, followed, reached)))

    @property
    def approached(self) -> bool:
        """Whether the code has come nearer to the limit."""
        return bool(np.all(np.abs(self.code - self.text) < np.abs(self.usual - self.text)))


def endless(law: sj.Law) -> list[tuple[str, ...]]:
    """Return the columns to send to infinity: each monotone one, and all that lower the output."""
    open_ended = {v.column for v in law.inputs if np.isinf(v.domain[1])} - set(law.simplex)
    single = [(c,) for c in (*law.decreasing, *law.increasing) if c in open_ended]
    together = tuple(c for c in law.decreasing if c in open_ended)
    return [*single, *([together] if len(together) > 1 else [])]


def limit(law: sj.Law, text: str, columns: tuple[str, ...], theta: dict[str, float]) -> Limit:
    """Send columns to infinity, in the code and in the formula."""
    usual = atlas.usual_points(law, POINTS, seed=3)
    far, infinite = (usual | {c: np.full(POINTS, x) for c in columns} for x in (FAR, np.inf))
    with jax.enable_x64(True), np.errstate(all="ignore"):
        code, text_value = both_sides(law, text, theta, infinite, np.asarray(law(theta, far)))[0]
        before, _ = both_sides(law, text, theta, usual, np.asarray(law(theta, usual)))[0]
    return Limit(
        *(np.broadcast_to(np.asarray(x, float), POINTS) for x in (code, text_value, before))
    )


def wrong_limits(law: sj.Law, text: str) -> list[str]:
    """Return what is wrong at two sets of coefficients."""
    found = []
    for columns in endless(law):
        label = " and ".join(columns)
        for theta in coefficients(law)[:2]:
            there = limit(law, text, columns, theta)
            if not there.known:
                # Ratios of columns that grow together have no limit; a column alone should.
                found += [f"no value for {label}"] if len(columns) == 1 else []
            elif not there.holds:
                found.append(f"{'slow' if there.approached else 'wrong'} in {label}")
    return sorted(set(found))


def expected(name: str) -> set[str]:
    """Return what the lists above say of a law."""
    if name in NO_VALUE:
        return {f"no value for {NO_VALUE[name][0]}"}
    return {"slow"} if name in SLOW else set()


@pytest.mark.parametrize("name", LAWS)
def test_limits_are_those_of_the_printed_formula(name):
    found = set()
    for law in atlas.members(name):
        (text, *_) = [text for text in texts(law) if outcome(law, text) == ""]
        found |= set(wrong_limits(law, text))
    assert {"slow" if note.startswith("slow") else note for note in found} == expected(name)


def test_a_wrong_limit_is_found():
    law = sj.laws.get("chinchilla")
    assert wrong_limits(law, law.formula) == []
    both = ["wrong in params", "wrong in params and tokens", "wrong in tokens"]
    assert wrong_limits(law, law.formula.replace("B / D**beta", "B")) == both


def test_most_laws_have_a_limit():
    assert sum(bool(endless(law)) for name in LAWS for law in atlas.members(name)) > 150
