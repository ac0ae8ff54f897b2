"""Run tables with known truth, for tests of several folders."""

import numpy as np

import scaling_jax as sj

TRUTH = {"E": 1.8, "A": 480.0, "B": 2100.0, "alpha": 0.35, "beta": 0.37}
STARTS = 32  # one compiled width for most tests


def grid(noise: float = 0.0, seed: int = 0) -> sj.RunTable:
    """Return 48 chinchilla runs on an 8 x 6 grid with log-normal noise."""
    params, tokens = np.meshgrid(np.geomspace(1e7, 1e10, 8), np.geomspace(1e9, 1e12, 6))
    params, tokens = params.ravel(), tokens.ravel()
    t = TRUTH
    loss = t["E"] + t["A"] / params ** t["alpha"] + t["B"] / tokens ** t["beta"]
    loss = loss * np.exp(noise * np.random.default_rng(seed).normal(size=loss.size))
    return sj.RunTable.from_columns(
        {"params": params, "tokens": tokens, "loss": loss}, source="grid"
    )


def bits(noise: float, *replicates: int, seed: int = 0) -> list:
    """Return a fit and its draws as hexadecimal text: equal text is equal bits.

    Args:
        noise: Of the grid.
        *replicates: How many draws, each time.
        seed: Of the draws.
    """
    fit = sj.fit("chinchilla", grid(noise), starts=STARTS)
    assert fit.starts is not None
    draws = {str(n): sj.bootstrap(fit, n, seed=seed).params for n in replicates}
    return [
        _hexadecimal([fit.objective, *fit.params.values(), *fit.starts.objective]),
        {n: {name: _hexadecimal(x) for name, x in d.items()} for n, d in draws.items()},
    ]


def _hexadecimal(values) -> list[str]:
    return [float(x).hex() for x in values]
