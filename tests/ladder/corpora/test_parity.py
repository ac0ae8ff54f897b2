"""Sparse parities: frequencies, labels by enumeration, exact weights, batches by number."""

import numpy as np
import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.corpora.parity import frequencies, open_parity
from scaling_jax.protocols.quanta import quantization_loss

SMALL = {"tasks": 20, "bits": 10, "parity": 3, "alpha": 0.5, "per_task": 8}


def test_a_step_does_not_depend_on_the_steps_before_it():
    def taken(first):
        corpus = open_parity(**SMALL)
        return list(corpus.batches(seed=3, batch=16, first=first, last=7))

    whole = taken(0)
    for first in (2, 6):
        for batch, same in zip(taken(first), whole[first:], strict=True):
            for name in ("task", "bits", "label"):
                np.testing.assert_array_equal(batch[name], same[name])
    assert not np.array_equal(whole[0]["bits"], whole[1]["bits"])


def test_tasks_come_as_often_as_declared():
    corpus = open_parity(**SMALL)
    batch = next(corpus.batches(seed=0, batch=200_000, first=0, last=1))
    counts = np.bincount(batch["task"], minlength=20) / 200_000
    np.testing.assert_allclose(counts, frequencies(20, 0.5), rtol=0.1)
    np.testing.assert_allclose(batch["bits"].mean(axis=0), 0.5, atol=0.01)


def test_labels_are_parities_of_the_tasks_own_bits():
    corpus = open_parity(**SMALL)
    batch = next(corpus.batches(seed=0, batch=64, first=0, last=1))
    for task, bits, label in zip(batch["task"], batch["bits"], batch["label"], strict=True):
        assert label == sum(bits[place] for place in corpus.subsets[task]) % 2


def test_no_two_tasks_ask_for_the_same_bits():
    corpus = open_parity(**{**SMALL, "tasks": 120})  # all there are
    assert len({tuple(subset) for subset in corpus.subsets}) == 120
    assert all(len(set(subset)) == 3 for subset in corpus.subsets)


@pytest.mark.parametrize("learned", [0, 1, 7, 20])
def test_weighted_validation_gives_the_quantization_models_loss(learned):
    validation = open_parity(**SMALL).validation()
    nats = np.where(validation["task"] < learned, 0.0, np.log(2.0))
    expected = quantization_loss(learned, 0.5, b=np.log(2.0), quanta=20)
    assert np.mean(nats * validation["weight"]) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_it_is_opened_by_kind_and_is_a_corpus():
    corpus = open_corpus({"kind": "parity", **SMALL}, context=1)
    assert isinstance(corpus, Corpus)
    assert corpus.digest == open_parity(**SMALL).digest != open_parity(**SMALL, seed=1).digest


def test_more_tasks_than_subsets_are_refused():
    with pytest.raises(LadderError, match="121 parity tasks .* 10 bits have only 120 of 3"):
        open_parity(**{**SMALL, "tasks": 121})
