"""Laws over whole schedules against sums over every step, one by one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LawError
from scaling_jax.laws import lr_schedules

PEAK, WARM, TOTAL = 3e-4, 60, 700
THETA: dict[str, dict[str, float]] = {
    "annealing_momentum_law": dict(L0=2.5, A=0.6, alpha=0.45, C=0.5),
    "annealing_momentum_law_n": dict(L0=2.0, A=0.6, alpha=0.45, B=50.0, beta=0.3, C=2.0, gamma=0.1),
    "forward_momentum_law": dict(L0=2.0, A=0.6, alpha_S=0.45, B=50.0, alpha_N=0.3, C=0.01),
    "multi_power_law": dict(L0=3.0, A=0.5, alpha=0.5, B=360.0, C=2.0, beta=0.58, gamma=0.64),
    "functional_scaling_law": dict(s=0.7, beta=2.0, sigma=0.3),
    "convex_schedule_bound": dict(D=2.0, G=3.0, gamma=0.5),
}
OTHERS: dict[str, dict[str, float]] = {
    "annealing_momentum_law_n": dict(params=1e8),
    "forward_momentum_law": dict(params=1e8),
    "functional_scaling_law": dict(width=100.0, batch_examples=4.0),
}


def every_step() -> tuple[np.ndarray, np.ndarray]:
    """Return steps and rates of a warm-up, a stable phase and a decay."""
    step = np.arange(1.0, TOTAL + 1.0)
    with jax.enable_x64(True):
        rate = lr_schedules.wsd(
            step, peak=PEAK, end=3e-5, decay_start_step=400, total_steps=TOTAL, warmup_steps=WARM
        )
    return step, np.asarray(rate)


def columns(name: str, step: Any, rate: Any) -> dict[str, Any]:
    given = dict(step=step, learning_rate=rate) | OTHERS.get(name, {})
    return given if name == "forward_momentum_law" else given | dict(warmup_steps=float(WARM))


# The sums as printed, step by step


def annealing_by_steps(rate, t):
    area, momentum, annealing, before = 0.0, 0.0, 0.0, 0.0
    for i in range(t):
        momentum = 0.999 * momentum + (before - rate[i] if i >= WARM else 0.0)
        area, annealing, before = area + rate[i], annealing + momentum, rate[i]
    return area, annealing


def annealing_momentum(rate, t, L0, A, alpha, C):
    area, annealing = annealing_by_steps(rate, t)
    return L0 + A * area**-alpha - C * annealing


def annealing_momentum_n(rate, t, L0, A, alpha, B, beta, C, gamma):
    area, annealing = annealing_by_steps(rate, t)
    return L0 + A * area**-alpha + B * 1e8**-beta - C * annealing * 1e8**-gamma


def multi_power(rate, t, L0, A, alpha, B, C, beta, gamma):
    before, drop = np.concatenate([[0.0], rate]), 0.0
    for k in range(t):
        x = rate[k] ** -gamma * rate[k:t].sum()
        drop += (before[k] - rate[k]) * (1.0 - (C * x + 1.0) ** -beta)
    return L0 + A * rate[:t].sum() ** -alpha - B * drop


def functional(rate, t, s, beta, sigma):
    now, risk = rate[:t].sum(), 0.5 * sigma**2 + 100.0 ** (-s * beta)
    risk += (1.0 + now) ** -s
    for k in range(t):
        z = rate[:k].sum() + 0.5 * rate[k]
        kernel = (1.0 + now - z) ** -(2.0 - 1.0 / beta)
        risk += kernel * ((1.0 + z) ** -s + sigma**2) * rate[k] ** 2 / 4.0
    return risk


def convex(rate, t, D, G, gamma):
    eta = gamma * rate[:t]
    tail = [eta[k:].sum() for k in range(t)]
    noise = [(eta[k:] ** 2).sum() * G**2 for k in range(t)]
    value = D**2 / (2.0 * tail[0]) + noise[0] / (2.0 * tail[0])
    return value + 0.5 * sum(eta[k] / tail[k + 1] / tail[k] * noise[k] for k in range(t - 1))


BY_STEPS = {
    "annealing_momentum_law": annealing_momentum,
    "annealing_momentum_law_n": annealing_momentum_n,
    "multi_power_law": multi_power,
    "functional_scaling_law": functional,
    "convex_schedule_bound": convex,
}
PLACES = [0, 1, 30, 59, 60, 61, 200, 399, 401, 640, 699]  # in warm-up, stable phase and decay
RECORDED = np.array([60, 100, 200, 300, 400, 460, 550, 640, 700])
BREAKPOINTS = np.array([60, 400, 700])


@pytest.fixture(scope="module")
def by_steps() -> dict[str, dict[int, float]]:
    _, rate = every_step()
    places = sorted({p + 1 for p in PLACES} | set(RECORDED.tolist()))
    return {n: {t: f(rate, t, **THETA[n]) for t in places} for n, f in BY_STEPS.items()}


@pytest.mark.parametrize("name", BY_STEPS)
def test_every_step_recorded_is_exact(name, by_steps):
    step, rate = every_step()
    with jax.enable_x64(True):
        found = sj.laws.get(name)(THETA[name], columns(name, step, rate), at=np.array(PLACES))
    expected = [by_steps[name][p + 1] for p in PLACES]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("steps", [RECORDED, BREAKPOINTS], ids=["recorded", "breakpoints"])
@pytest.mark.parametrize("name", BY_STEPS)
def test_sparse_records_give_the_sums_over_every_step(name, steps, by_steps):
    step, rate = every_step()
    some = columns(name, step[steps - 1], rate[steps - 1])
    with jax.enable_x64(True):
        found = sj.laws.get(name)(THETA[name], some)
    expected = [by_steps[name][t] for t in steps]
    tolerance = 1e-4 if name == "convex_schedule_bound" else 1e-6  # of a sum over 1 / distance
    np.testing.assert_allclose(found, expected, rtol=tolerance)


@pytest.mark.parametrize("name", ["annealing_momentum_law", "multi_power_law"])
def test_long_tables_use_one_rule_a_piece_away_from_the_point(name):
    """More than forty points: pieces are not cut, which must not be seen in the loss."""
    step, rate = every_step()
    kept = np.unique(np.concatenate([np.arange(59, TOTAL, 10), [399, 699]]))
    with jax.enable_x64(True):
        law = sj.laws.get(name)
        some = law(THETA[name], columns(name, step[kept], rate[kept]))
        every = law(THETA[name], columns(name, step, rate), at=np.array(kept[::6]))
    some = some[::6]
    assert len(kept) > 40
    np.testing.assert_allclose(some, every, rtol=1e-5)  # just after the warm-up; then 1e-6
    np.testing.assert_allclose(some[1:], every[1:], rtol=1e-6)


def test_a_constant_rate_gives_the_harmonic_number():
    """The unit test of the authors' repository."""
    step = np.arange(1.0, 101.0)
    harmonic = np.concatenate([[0.0], np.cumsum(1.0 / step)[:-1]])
    with jax.enable_x64(True):
        found = sj.laws.get("convex_schedule_bound")(
            dict(D=5.0, G=10.0, gamma=0.5),
            dict(step=step, learning_rate=np.ones(100), warmup_steps=0.0),
        )
    expected = 25.0 / (2.0 * 0.5 * step) + 0.5 * 100.0 / 2.0 * (1.0 + harmonic)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_forward_momentum_is_the_authors_loop():
    step, rate = (x[49::50] for x in every_step())
    m = v = total = 0.0
    area, expected = rate[0] * step[0], []
    for i in range(len(step)):
        if i:
            area += rate[i] * (step[i] - step[i - 1])
            fall = (rate[i - 1] - rate[i]) * (step[i] - step[i - 1])
            m, v = 0.9 * m + 0.1 * fall, 0.999 * v + 0.001 * fall**2
            scale = np.sqrt(1e5 * v / (1.0 - 0.999 ** (i + 1)) + 1e-8) + 1e-8
            total += m / (1.0 - 0.9 ** (i + 1)) / scale
        expected.append(2.0 + 0.6 * area**-0.45 + 50.0 * 1e8**-0.3 - 0.01 * total)
    name = "forward_momentum_law"
    with jax.enable_x64(True):
        found = sj.laws.get(name)(THETA[name], columns(name, step, rate))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_without_a_fall_of_the_rate_the_forward_term_is_all():
    """What the annealing term is for: a decay gains what its own area alone would not."""
    law, theta = sj.laws.get("annealing_momentum_law"), THETA["annealing_momentum_law"]
    step, rate = every_step()
    flat = np.where(step > WARM, PEAK, rate)
    with jax.enable_x64(True):
        constant = law(theta, columns("annealing_momentum_law", step, flat))
        decayed = law(theta, columns("annealing_momentum_law", step, rate))
    np.testing.assert_allclose(constant, 2.5 + 0.6 * np.cumsum(flat) ** -0.45, rtol=1e-12)
    np.testing.assert_allclose(decayed[:400], constant[:400], rtol=1e-12)
    assert np.all(np.asarray(decayed[400:]) < 2.5 + 0.6 * np.cumsum(rate)[400:] ** -0.45)


# JAX


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", THETA)
def test_gradients_by_coefficients_and_schedule_are_finite_and_true(name, dtype):
    law = sj.laws.get(name)
    step, rate = (x[59::40] for x in every_step())
    with jax.enable_x64(dtype is np.float64):
        given = {n: jnp.asarray(x, dtype) for n, x in columns(name, step, rate).items()}
        theta = {n: jnp.asarray(x, dtype) for n, x in THETA[name].items()}

        @jax.jit
        def last(theta, rate):
            return law(theta, given | {"learning_rate": rate}, at=-1)

        value, slopes = jax.value_and_grad(last, argnums=(0, 1))(theta, given["learning_rate"])
        assert value.dtype == dtype
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(slopes))
        if dtype is np.float64:
            assert np.all(slopes[1] != 0.0)
            size = 1e-5 * rate[12]
            near = [last(theta, given["learning_rate"].at[12].add(h)) for h in (-size, size)]
            assert (near[1] - near[0]) / (2 * size) == pytest.approx(float(slopes[1][12]), rel=1e-5)


def test_many_runs_and_many_coefficients_broadcast():
    law = sj.laws.get("multi_power_law")
    step, rate = (x[59::80] for x in every_step())
    runs = columns("multi_power_law", step, np.stack([rate, 0.5 * rate]))
    theta = {n: np.full((3, 1, 1), x) for n, x in THETA["multi_power_law"].items()}
    with jax.enable_x64(True):
        together = law(theta, runs)
        alone = law(THETA["multi_power_law"], columns("multi_power_law", step, 0.5 * rate), at=-1)
    assert together.shape == (3, 2, len(step))
    assert alone.shape == ()
    assert float(together[2, 1, -1]) == pytest.approx(float(alone), rel=1e-14)


# Refusals


def test_laws_over_runs_refuse_what_is_not_a_run():
    law = sj.laws.get("annealing_momentum_law")
    theta = THETA["annealing_momentum_law"]
    with pytest.raises(LawError, match="takes whole runs; give step, learning_rate"):
        law(theta, dict(step=10.0, learning_rate=1e-3, warmup_steps=0.0))
    with pytest.raises(LawError, match="in the order of step, but 10 follows 20; sort"):
        law.check_inputs(dict(step=[20.0, 10.0], learning_rate=[1e-3, 1e-3], warmup_steps=0.0))
    with pytest.raises(LawError, match="the momentum of annealing_momentum_law lies between"):
        sj.laws.get("annealing_momentum_law", momentum=1.0)
    with pytest.raises(LawError, match="chinchilla is elementwise; choose points"):
        sj.laws.get("chinchilla")({}, dict(params=1e9, tokens=1e10), at=0)


def test_a_history_too_large_for_the_memory_is_refused():
    step = np.arange(1.0, 20001.0)
    inputs = dict(step=step, learning_rate=np.full(20000, 1e-3), warmup_steps=0.0)
    with pytest.raises(LawError, match="are too many at once; choose points with at="):
        sj.laws.get("multi_power_law")(THETA["multi_power_law"], inputs)


def curve(sums, unit="learning_rate * step"):
    return sj.laws.Curve(
        ("step", "learning_rate"), (sj.laws.Quantity("area", unit),), lambda at, **x: sums(at, **x)
    )


def of_curve(made):
    return sj.laws.Law(
        name="of_area",
        function=lambda area, *, E, A: E + A / area,
        inputs=(sj.laws.Variable("step"), sj.laws.Variable("learning_rate")),
        output=sj.laws.Variable("loss"),
        parameters=(
            sj.Parameter("E", unit="loss"),
            sj.Parameter("A", unit="loss * learning_rate * step"),
        ),
        curve=made,
    )


def running(at, *, step, learning_rate):
    return {"area": jnp.cumsum(learning_rate * step, axis=-1)[..., at]}


def test_check_accepts_a_sum_over_the_past():
    sj.laws.check(of_curve(curve(running)))


def test_check_refuses_quantities_that_look_ahead():
    def ahead(at, *, step, learning_rate):
        return {"area": jnp.flip(jnp.cumsum(jnp.flip(learning_rate * step)))[..., at]}

    with pytest.raises(LawError, match="area at a point of a run depends on later points"):
        sj.laws.check(of_curve(curve(ahead)))


def test_check_refuses_a_wrong_unit_of_a_quantity():
    with pytest.raises(LawError, match="area does not change as its unit learning_rate\\*\\*2"):
        sj.laws.check(of_curve(curve(running, "learning_rate**2 * step")))
