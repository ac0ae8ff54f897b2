"""Whether float32 is good enough before a float64 polish: objectives and optima, beside float64.

    python benchmarks/float32.py

On the 240 Epoch rows, Huber with delta 1e-3 on the logarithm of the loss, 512 starts. The TPU's
exponential and logarithm are powers and logarithms of two with a factor; the second half repeats
everything with these, each step rounded to float32. (The accuracy of the TPU's own powers of two
is not public, so they are taken as correctly rounded.)
"""

import contextlib
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from report import publish

import scaling_jax as sj
from scaling_jax.fitting.coordinates import Coordinates
from scaling_jax.fitting.problem import make_problem
from scaling_jax.fitting.solver import begin, evaluator, solve, stage_thresholds
from scaling_jax.fitting.starts import quasi_random
from scaling_jax.tables import Table

LAWS = ("chinchilla", "kaplan_nd", "skaling", "farseer")
OBJECTIVE = sj.Huber(delta=1e-3)
STARTS, STEPS = 512, 300
_exp, _log = jnp.exp, jnp.log


@jax.custom_jvp
def exp_of_two(x):
    """Return exp(x) as 2**(x log2 e), each step rounded to float32."""
    return jnp.exp2((x * np.float32(1.442695)).astype(jnp.float64)).astype(jnp.float32)


@jax.custom_jvp
def log_of_two(x):
    """Return log(x) as log2(x) ln 2, each step rounded to float32."""
    return jnp.log2(x.astype(jnp.float64)).astype(jnp.float32) * np.float32(0.6931472)


exp_of_two.defjvp(lambda x, t: (exp_of_two(x[0]), t[0] * exp_of_two(x[0])))
log_of_two.defjvp(lambda x, t: (log_of_two(x[0]), t[0] / x[0]))


@contextlib.contextmanager
def powers_of_two():
    """Replace exponential and logarithm of float32 lanes."""

    def instead(special, usual):
        lanes = lambda x: getattr(x, "dtype", None) == jnp.float32 and np.ndim(x) > 0  # noqa: E731
        return lambda x: special(x) if lanes(x) else usual(x)

    jax.clear_caches()
    with (
        mock.patch.object(jnp, "exp", instead(exp_of_two, _exp)),
        mock.patch.object(jnp, "log", instead(log_of_two, _log)),
    ):
        yield
    jax.clear_caches()


def compare(name: str, runs: sj.RunTable) -> dict[str, float]:
    """Return errors of float32, relative to the best objective of float64."""
    law = sj.laws.get(name)
    problem, coordinates = make_problem(law, runs, OBJECTIVE), Coordinates(law)
    low, high = coordinates.box()
    z = (low + (high - low) * quasi_random(STARTS, len(low), 0)).T
    thresholds = stage_thresholds(OBJECTIVE, 1.0)
    evaluate = jax.jit(evaluator(law, OBJECTIVE))

    def arrays(dtype):
        logs = {column: jnp.asarray(log, dtype) for column, log in problem.logs.items()}
        return jnp.asarray(problem.rows, dtype), jnp.asarray(problem.weights, dtype), logs

    def optima(dtype):
        start, stages = begin(jnp.asarray(z, dtype)), jnp.asarray(thresholds, dtype)
        return solve(
            start, *arrays(dtype), stages, jnp.int32(STEPS), law=law, objective=OBJECTIVE
        )[1]  # fmt: skip

    def objective(z, dtype):
        z = jnp.asarray(z, dtype)
        last = jnp.full(z.shape[1], thresholds[-1], dtype)
        return np.asarray(evaluate(z, last, jnp.ones_like(last), *arrays(dtype))[0], np.float64)

    with jax.enable_x64(True):
        double, single = optima(np.float64), optima(np.float32)
        at = np.asarray(double.z)[:, [np.nanargmin(double.value)]].astype(np.float32)
        best = float(np.nanmin(double.value))
        error = abs(objective(at, np.float32) - objective(at, np.float64))[0]
        reached = np.nanmin(objective(single.z, np.float64)) - best
    return {"error_at_optimum": float(error / best), "gap_of_optimum": float(reached / best)}


def main() -> None:
    """Measure, print, write."""
    runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
    measured = {"float32": {name: compare(name, runs) for name in LAWS}}
    with powers_of_two():
        measured["powers of two"] = {name: compare(name, runs) for name in LAWS}
    rows = tuple(
        (name, arithmetic, f"{r['error_at_optimum']:.1e}", f"{r['gap_of_optimum']:.1e}")
        for arithmetic, laws in measured.items()
        for name, r in laws.items()
    )
    header = ("law", "arithmetic", "error of the objective", "optimum above float64's")
    title = "Float32 on the 240 Epoch rows, relative to the float64 optimum"
    publish("float32", Table(title, header, rows), measured)


if __name__ == "__main__":
    main()
