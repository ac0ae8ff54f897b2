"""Coefficients of pictures, where nobody published a complete set and generic ones mislead.

Generic coefficients lie amid the starts of a fit. For a line whose slope may have either sign, or
for a polynomial, that may be a curve which no publication means: an accuracy that falls with
compute, a loss with its maximum at a middling rate. The pictures of these laws are drawn at round
numbers that give the shape described. They are no estimates.
"""

import math

from scaling_jax.atlas.examples import Example


def _two_steps(steepness: str, centre: str) -> dict[str, float]:
    """Return a loss of the answer from 1.3 to 0.4 between 1e18 and 1e27 FLOP, and its sigmoid."""
    return {"c0": 3.1, "c1": -0.1, "lo": 0.25, "hi": 0.95, steepness: 8.0, centre: 0.8}


def _bowl(learning_rate: float, batch_tokens: float) -> dict[str, float]:
    """Return a log loss that is lowest at a rate and a batch, larger batches at higher rates."""
    x, y = math.log(learning_rate), math.log(batch_tokens)
    xx, yy, xy, by_size = 0.02, 0.012, -0.01, -0.05
    constant = xx * x * x + yy * y * y + xy * x * y + 3.2
    none = dict.fromkeys(f"theta_{a}_{b}" for a in ("lr", "bsz", "D") for b in ("D", "N"))
    return dict.fromkeys([*none, "theta_N_N"], 0.0) | {
        "theta_0": constant,
        "theta_lr": -2.0 * xx * x - xy * y,
        "theta_bsz": -2.0 * yy * y - xy * x,
        "theta_lr_lr": xx,
        "theta_bsz_bsz": yy,
        "theta_lr_bsz": xy,
        "theta_D": by_size,
        "theta_N": by_size,
    }


ILLUSTRATIONS: dict[str, dict[str, float]] = {
    "annealing_momentum_law_n": dict(
        L0=1.8, A=0.43, alpha=0.55, B=150.0, beta=0.25, C=0.4, gamma=0.0
    ),
    "densing_law": dict(A=0.007, B=-2.0),
    "llama3_downstream": _two_steps("s", "m"),
    "llama3_two_step": _two_steps("k", "x0"),
    "obs_capability_loglinear": dict(theta=0.35, nu=-17.0),
    "projektor": dict(L0=3.0, L1=2.7),
    "skywork_swe": dict(a=-0.05, b=0.04),
    "sld_lr_bsz": _bowl(2e-3, 5e5),
    # Easy questions: a score that falls with compute before it rises.
    "u_shape_slice_sandwich": dict(e0=-0.15, e1=-0.02, e2=0.004, e3=0.0015, e4=0.0, e5=0.0),
}


def illustrated(found: list[Example]) -> list[Example]:
    """Return the examples of a law, generic coefficients replaced where they mislead.

    Example:
        >>> import scaling_jax as sj
        >>> from scaling_jax.atlas.examples import examples
        >>> illustrated(examples(sj.laws.get("skywork_swe")))[0].theta
        {'a': -0.05, 'b': 0.04}
    """
    first = found[0]
    theta = ILLUSTRATIONS.get(first.law.name)
    if first.estimate or theta is None or set(theta) != set(first.theta):
        return found
    return [Example(first.law, "", theta)]
