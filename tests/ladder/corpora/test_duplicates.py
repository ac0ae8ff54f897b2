import random

import numpy as np
import pytest

from scaling_jax.ladder.corpora.documents import Document
from scaling_jax.ladder.corpora.duplicates import mixed, shingles, unique


def prose(seed, words=2000):
    chance = random.Random(seed)
    return " ".join(f"w{chance.randrange(10**6)}" for _ in range(words)).encode()


def mutated(text, share, seed=0):
    """Return a text with this share of its words replaced by others."""
    chance = random.Random(seed)
    words = text.split()
    for at in chance.sample(range(len(words)), int(share * len(words))):
        words[at] = b"new%d" % chance.randrange(10**6)
    return b" ".join(words)


def names(documents):
    return [document.name for document in documents]


def test_the_same_bytes_are_found_and_the_first_name_stays():
    kept, copies = unique([Document("b", b"x = 1\n"), Document("a", b"x = 1\n")])
    assert names(kept) == ["a"]
    assert copies == {"b": "a"}


def test_near_copies_are_found_and_the_longest_stays():
    text = prose(0)
    documents = [
        Document("a", mutated(text, 0.02)),
        Document("b", text + b" and more" * 500),
        Document("c", prose(1)),
    ]
    kept, copies = unique(documents)
    assert names(kept) == ["b", "c"]
    assert copies == {"a": "b"}


def test_a_part_of_a_longer_document_is_a_copy():
    text = prose(0, 20_000)
    kept, copies = unique([Document("part", text[30_000:50_000]), Document("whole", text)])
    assert copies == {"part": "whole"}
    assert names(kept) == ["whole"]


def test_documents_that_share_a_licence_stay():
    licence = prose(99, 300)
    documents = [Document(f"{i:02d}", licence + prose(i, 1000)) for i in range(40)]
    assert unique(documents) == (documents, {})


def test_many_copies_of_one_document_leave_one():
    text = prose(0)
    copies = [Document(f"{i:03d}", mutated(text, 0.01, seed=i)) for i in range(60)]
    assert len(unique([*copies, Document("other", prose(1))])[0]) == 2


@pytest.mark.parametrize("seed", range(5))
def test_the_result_does_not_depend_on_the_order(seed):
    documents = [Document(f"{i}", mutated(prose(i % 4), 0.05 * (i // 4), i)) for i in range(16)]
    shuffled = random.Random(seed).sample(documents, len(documents))
    assert unique(shuffled) == unique(documents)


def test_the_sample_estimates_the_share_of_common_shingles():
    # Two independent ways: the sample against the sets of all strings of 32 bytes.
    one, two = prose(0), mutated(prose(0), 0.05)
    sets = [{text[i : i + 32] for i in range(len(text) - 31)} for text in (one, two)]
    exact = len(sets[0] & sets[1]) / len(sets[0])
    samples = [shingles(one), shingles(two)]
    estimate = len(np.intersect1d(samples[0], samples[1])) / len(samples[0])
    # Neighbouring strings are common or not together, so take some ten of them for one.
    error = np.sqrt(exact * (1 - exact) / (len(samples[0]) / 10))
    assert abs(estimate - exact) < 4 * error
    assert abs(len(samples[0]) - len(sets[0]) / 16) < 5 * np.sqrt(len(sets[0]) / 16)


@pytest.mark.parametrize("text", [b"", b"a", b"ab\n", b"x" * 31, b"y" * 100])
def test_short_texts_have_shingles_or_none_without_an_error(text):
    assert shingles(text).dtype == np.uint64


def test_mixing_is_splitmix64():
    # The first outputs of the reference implementation for the seed 1234567 (Vigna).
    states = np.uint64(1234567) + np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mixed(states).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]
