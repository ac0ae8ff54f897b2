"""The solvable model's data: second moments, exact validation, batches by number."""

import numpy as np
import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.corpora.teacher import TeacherCorpus, open_teacher, spectrum

SMALL = {"latent": 12, "alpha": 0.7, "outputs": 3}


def steps(corpus: TeacherCorpus, first: int, last: int, seed: int = 5) -> list[np.ndarray]:
    return [
        np.hstack([batch["x"], batch["y"]])
        for batch in corpus.batches(seed=seed, batch=4, first=first, last=last)
    ]


@pytest.mark.parametrize("examples", [0, 6], ids=["stream", "set"])
def test_a_step_does_not_depend_on_the_steps_before_it(examples):
    whole = steps(open_teacher(**SMALL, examples=examples), 0, 9)
    again = open_teacher(**SMALL, examples=examples)
    for first in (0, 3, 8):
        np.testing.assert_array_equal(steps(again, first, 9), whole[first:])


def test_seeds_batches_and_options_give_other_examples():
    corpus = open_teacher(**SMALL)
    assert not np.array_equal(steps(corpus, 0, 1), steps(corpus, 0, 1, seed=6))
    assert not np.array_equal(steps(corpus, 0, 1), steps(corpus, 1, 2))
    others = [open_teacher(**{**SMALL, **change}) for change in ({"seed": 1}, {"alpha": 0.8})]
    assert len({corpus.digest, *(other.digest for other in others)}) == 3
    assert open_teacher(**SMALL).digest == corpus.digest


def test_a_set_is_gone_through_once_an_epoch():
    batches = np.concatenate(steps(open_teacher(**SMALL, examples=6), 0, 6))  # four epochs
    for epoch in batches.reshape(4, 6, -1):
        assert len(np.unique(epoch, axis=0)) == 6
        np.testing.assert_array_equal(np.sort(epoch, axis=0), np.sort(batches[:6], axis=0))
    assert not np.array_equal(batches[:6], batches[6:12])


def test_latent_variances_and_labels_are_as_declared():
    corpus = open_teacher(**SMALL)
    batch = next(corpus.batches(seed=0, batch=40_000, first=0, last=1))
    np.testing.assert_allclose(np.var(batch["x"], axis=0), spectrum(12, 0.7), rtol=0.05)
    np.testing.assert_allclose(batch["y"], batch["x"] @ corpus.weights.T, rtol=1e-4, atol=1e-5)
    assert set(np.unique(corpus.weights)) == {-1.0, 1.0}


def test_validation_has_exactly_the_second_moments_of_the_data():
    validation = open_teacher(**SMALL).validation()
    moments = validation["x"].T @ validation["x"] / len(validation["x"])
    np.testing.assert_allclose(moments, np.diag(spectrum(12, 0.7)), rtol=1e-5)


def test_the_mean_error_on_validation_is_the_exact_loss():
    corpus = open_teacher(**SMALL)
    validation = corpus.validation()
    guess = np.random.default_rng(0).normal(size=(3, 12))
    errors = (validation["x"] @ guess.T - validation["y"]) ** 2
    exact = np.sum(spectrum(12, 0.7) * (corpus.weights - guess) ** 2, axis=1)
    np.testing.assert_allclose(errors.mean(axis=0), exact, rtol=1e-5)


def test_it_is_opened_by_kind_and_is_a_corpus():
    corpus = open_corpus({"kind": "teacher", **SMALL}, context=1)
    assert isinstance(corpus, Corpus)
    assert corpus.digest == open_teacher(**SMALL).digest
    assert corpus.describe()["alpha"] == 0.7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latent": 1}, "latent of the teacher corpus must be a whole number from 2, not 1"),
        ({"examples": 1.5}, "examples of the teacher corpus must be a whole number from 0"),
        ({"alpha": -1.0}, "alpha of the teacher corpus must be a number above 0, not -1.0"),
    ],
)
def test_options_out_of_range_are_refused(change, message):
    with pytest.raises(LadderError, match=message):
        open_teacher(**{**SMALL, **change})
