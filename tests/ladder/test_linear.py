"""The linear student: least squares is the closed form, training reaches least squares."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.teacher import open_teacher, spectrum
from scaling_jax.ladder.linear import LinearRecipe, best_loss, lift
from scaling_jax.ladder.training import Trainer, grouped, merge
from scaling_jax.protocols.random_features import random_feature_loss

LATENT, ALPHA = 64, 1.0
INFINITELY_MANY = 1e12


def lifts(recipe: LinearRecipe, count: int) -> np.ndarray:
    keys = jax.random.split(jax.random.key(0), count)
    return np.asarray(jax.lax.map(partial(lift, recipe=recipe), keys))


@pytest.mark.parametrize("whitened", [True, False], ids=["whitened", "plain"])
def test_least_squares_on_many_draws_of_features_is_the_closed_form(whitened):
    recipe = LinearRecipe(10, LATENT, ALPHA, whitened=whitened)
    corpus, eigenvalues = open_teacher(latent=LATENT, alpha=ALPHA), spectrum(LATENT, ALPHA)
    losses = [best_loss(one, corpus.weights, eigenvalues) for one in lifts(recipe, 400)]
    theory = random_feature_loss(10, INFINITELY_MANY, eigenvalues)
    error = np.std(losses) / np.sqrt(len(losses))
    assert abs(np.mean(losses) - theory) < 3.0 * error + 0.02 * theory  # finite features


def test_whitened_features_are_uncorrelated_and_span_the_plain_ones():
    whitened, plain = (
        lifts(LinearRecipe(6, LATENT, ALPHA, whitened=basis), 1)[0] for basis in (True, False)
    )
    covariance = whitened.T @ (spectrum(LATENT, ALPHA)[:, None] * whitened)
    np.testing.assert_allclose(covariance, np.eye(6), atol=2e-5)
    variance = np.einsum("lf,l,lf->f", plain, spectrum(LATENT, ALPHA), plain)
    assert 0.5 < variance.mean() < 2.0
    assert np.linalg.matrix_rank(np.hstack([whitened, plain]), tol=1e-3) == 6


def trained(recipe: LinearRecipe, corpus, batch: int, steps: int, rate: float):
    trainer, seeds = Trainer(recipe), [0, 1]
    streams = [corpus.batches(seed=s, batch=batch, first=0, last=steps) for s in seeds]
    taken = list(zip(*streams, strict=True))
    batches = {
        name: np.stack([np.stack([one[name] for one in step]) for step in taken])
        for name in ("x", "y")
    }
    rates = np.repeat(rate * np.linspace(1.0, 0.0, steps)[:, None], len(seeds), axis=1)
    state, _ = trainer.advance(trainer.init(seeds), batches, rates, steps)
    losses = trainer.evaluate(state, grouped(corpus.validation(), recipe.latent))
    return np.asarray(losses), np.asarray(state["params"]["lift"])


def test_training_on_a_stream_reaches_the_best_readout():
    recipe = LinearRecipe(8, LATENT, ALPHA, outputs=2)
    corpus = open_teacher(latent=LATENT, alpha=ALPHA, outputs=2)
    losses, kept = trained(recipe, corpus, batch=128, steps=400, rate=0.1)
    best = [best_loss(one, corpus.weights, spectrum(LATENT, ALPHA)) for one in kept]
    np.testing.assert_allclose(losses, best, rtol=0.01)
    assert np.all(losses >= np.asarray(best, np.float32) * (1.0 - 1e-5))


def test_training_on_a_set_reaches_its_least_squares_solution():
    recipe = LinearRecipe(8, LATENT, ALPHA)
    corpus = open_teacher(latent=LATENT, alpha=ALPHA, examples=32)
    losses, kept = trained(recipe, corpus, batch=32, steps=600, rate=0.1)
    for seed in (0, 1):
        sample = next(corpus.batches(seed=seed, batch=32, first=0, last=1))
        readout, *_ = np.linalg.lstsq(sample["x"] @ kept[seed], sample["y"], rcond=None)
        missed = corpus.weights[0] - (kept[seed] @ readout)[:, 0]
        assert losses[seed] == pytest.approx(np.sum(spectrum(LATENT, ALPHA) * missed**2), rel=1e-3)


def test_features_are_not_trained():
    recipe = LinearRecipe(8, LATENT, ALPHA)
    _, kept = trained(recipe, open_teacher(latent=LATENT), batch=16, steps=3, rate=0.1)
    start = Trainer(recipe).init([0, 1])["params"]["lift"]
    np.testing.assert_array_equal(kept, start)


def test_counts_are_those_of_the_module():
    recipe = LinearRecipe(8, LATENT, ALPHA, outputs=3)
    module = recipe.build(nnx.Rngs(0))
    assert module.readout[...].size == recipe.params_total == 24
    # Features of an example: 64 x 8 products and sums; readout of 3: forward and one gradient.
    assert recipe.flops_per_token() == 2 * 64 * 8 + 2 * (2 * 8 * 3)


def test_the_gradient_has_the_products_that_are_counted():
    recipe, examples = LinearRecipe(32, 128, ALPHA, outputs=4), 256
    batch = {"x": jnp.ones((examples, 128)), "y": jnp.ones((examples, 4))}
    params = {"lift": jnp.ones((128, 32)), "readout": jnp.ones((32, 4))}

    def loss(params):
        return jnp.mean(merge(recipe, params)(batch).nats)

    found = products(jax.make_jaxpr(jax.grad(loss))(params).jaxpr)
    assert found == examples * recipe.flops_per_token()


def products(jaxpr) -> int:
    """Return FLOPs of the matrix products in a program, by the shapes of its own equations."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = equation.invars[0].aval.shape
            size = np.prod([left[axis] for axis in contracted])
            total += 2 * int(size * np.prod(equation.outvars[0].aval.shape))
        for inner in equation.params.values():
            if hasattr(inner, "jaxpr"):
                total += products(inner.jaxpr)
    return total


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": 0}, "features is 0; give 1 or more"),
        ({"features": 65, "latent": 64}, "65 features of 64 latent dimensions"),
    ],
)
def test_shapes_that_make_no_student_are_refused(options, message):
    with pytest.raises(LadderError, match=message):
        LinearRecipe(**options)
