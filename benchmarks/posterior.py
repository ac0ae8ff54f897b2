"""The posterior of chinchilla on the 240 Epoch rows beside plain NumPyro and blackjax.

    python benchmarks/posterior.py

Every program runs in a process of its own, with four chains of 1,000 draws after 1,000 of warm-up,
Student-t residuals of the logarithm of the loss and weak priors, in float64. `plain NumPyro` is the
script one would write: five named parameters, vectorised chains, default NUTS. `blackjax` has the
same density, window adaptation and a vmap over chains. Without a compilation cache, so times are a
new user's. Beside the wall time stand the processors' time and the load of the machine before the
process, which say what else it was doing. blackjax is no dependency: `pip install blackjax` beside
the library.
"""

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
from report import publish

from scaling_jax.tables import Table

CHAINS, DRAWS, WARMUP = 4, 1000, 1000


def ours() -> np.ndarray:
    """Return draws of E, alpha and beta ``[chains, draws, 3]`` by this library."""
    import scaling_jax as sj

    runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
    draws = sj.posterior("chinchilla", runs, chains=CHAINS, draws=DRAWS, warmup=WARMUP)
    return np.stack([draws[n].reshape(CHAINS, DRAWS) for n in ("E", "alpha", "beta")], axis=-1)


def _columns() -> list[np.ndarray]:
    import scaling_jax as sj

    runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
    return [np.log(np.asarray(runs[name])) for name in ("params", "tokens", "loss")]


def _numpyro_model(log_n, log_d, log_loss):
    import jax
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist

    a = numpyro.sample("a", dist.Normal(6.0, 3.0))
    b = numpyro.sample("b", dist.Normal(6.0, 3.0))
    e = numpyro.sample("e", dist.Normal(0.5, 0.5))
    alpha = numpyro.sample("alpha", dist.LogNormal(np.log(0.27), 1.0))
    beta = numpyro.sample("beta", dist.LogNormal(np.log(0.27), 1.0))
    sigma = numpyro.sample("sigma", dist.LogNormal(np.log(0.01), 1.15))
    df = numpyro.sample("df", dist.Gamma(2.0, 0.1))
    terms = jnp.stack([a - alpha * log_n, b - beta * log_d, jnp.full_like(log_n, e)])
    mean = jax.nn.logsumexp(terms, axis=0)
    numpyro.sample("log_loss", dist.StudentT(df, mean, sigma), obs=log_loss)


def plain_numpyro() -> np.ndarray:
    """Return draws by a plain NumPyro script."""
    import jax
    from numpyro.infer import MCMC, NUTS

    with jax.enable_x64(True):
        mcmc = MCMC(
            NUTS(_numpyro_model), num_warmup=WARMUP, num_samples=DRAWS, num_chains=CHAINS,
            chain_method="vectorized", progress_bar=False,
        )  # fmt: skip
        mcmc.run(jax.random.key(0), *_columns())
        found = mcmc.get_samples(group_by_chain=True)
    return np.stack([np.exp(found["e"]), found["alpha"], found["beta"]], axis=-1)


def with_blackjax() -> np.ndarray:
    """Return draws by blackjax on the density of the plain NumPyro script."""
    import jax
    import jax.numpy as jnp
    from numpyro.infer.util import initialize_model

    blackjax: Any = importlib.import_module("blackjax")
    with jax.enable_x64(True):
        model = initialize_model(jax.random.key(0), _numpyro_model, model_args=_columns())
        start = model.param_info.z

        def log_density(position):
            return -model.potential_fn(position)

        @jax.jit
        def chain(key):
            first, second = jax.random.split(key)
            adapt = blackjax.window_adaptation(blackjax.nuts, log_density)
            (state, settings), _ = adapt.run(first, start, num_steps=WARMUP)
            kernel = blackjax.nuts(log_density, **settings).step

            def step(state, key):
                state, _ = kernel(key, state)
                return state, state.position

            return jax.lax.scan(step, state, jax.random.split(second, DRAWS))[1]

        found = jax.vmap(chain)(jax.random.split(jax.random.key(1), CHAINS))
        columns = [jnp.exp(found["e"]), jnp.exp(found["alpha"]), jnp.exp(found["beta"])]
        return np.asarray(jnp.stack(columns, axis=-1))


def laplace() -> np.ndarray:
    """Return draws by this library's fast path, which has no chains to compare."""
    import scaling_jax as sj

    runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
    draws = sj.posterior("chinchilla", runs, method="laplace", chains=CHAINS, draws=DRAWS)
    return np.stack([draws[n].reshape(CHAINS, DRAWS) for n in ("E", "alpha", "beta")], axis=-1)


PROGRAMS = {
    "scaling_jax": ours,
    "scaling_jax, laplace": laplace,
    "plain NumPyro": plain_numpyro,
    "blackjax": with_blackjax,
}


def processor_seconds() -> float:
    """Return the processors' time that ended child processes have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def one(name: str) -> None:
    """Run one program and print what its chains are worth, as JSON."""
    arviz_stats: Any = importlib.import_module("arviz_stats")
    draws = PROGRAMS[name]()
    axes = {"chain_axis": 0, "draw_axis": 1}
    each = [draws[:, :, k] for k in range(draws.shape[-1])]
    print(
        json.dumps(
            {
                "rhat": max(float(arviz_stats.rhat(x, **axes)) for x in each),
                "ess_bulk": min(float(arviz_stats.ess(x, method="bulk", **axes)) for x in each),
                "ess_tail": min(
                    float(arviz_stats.ess(x, method="tail", prob=(0.05, 0.95), **axes))
                    for x in each
                ),
                "median": np.median(draws, axis=(0, 1)).tolist(),
            }
        )
    )


def main() -> None:
    """Run every program in a new process, measure and publish."""
    measured, rows = {}, []
    for name in PROGRAMS:
        load, used = os.getloadavg()[0], processor_seconds()
        begun = time.perf_counter()
        # fmt: off
        done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True,
                              env={**os.environ, "JAX_COMPILATION_CACHE_DIR": ""}, check=False)
        # fmt: on
        seconds = time.perf_counter() - begun
        if done.returncode:
            rows.append((name, "failed: " + done.stderr.strip().splitlines()[-1], *[""] * 6))
            continue
        found = json.loads(done.stdout.splitlines()[-1]) | {
            "seconds": seconds,
            "processor_seconds": processor_seconds() - used,
            "load_before": load,
        }
        measured[name] = found
        ess = min(found["ess_bulk"], found["ess_tail"])
        rows.append(
            (name, round(seconds, 1), round(found["processor_seconds"], 1), round(load, 1),
             round(found["rhat"], 4), round(found["ess_bulk"]), round(found["ess_tail"]),
             round(ess / found["processor_seconds"]))
        )  # fmt: skip
    table = Table(
        f"{CHAINS} chains of {DRAWS} draws after {WARMUP}, whole process",
        ("program", "seconds", "CPU s", "load", "R-hat", "ESS bulk", "ESS tail", "ESS a CPU s"),
        tuple(rows),
    )
    publish("posterior", table, measured)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        one(sys.argv[1])
    else:
        main()
