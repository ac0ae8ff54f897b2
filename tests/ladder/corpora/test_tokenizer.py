import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.byte_pairs import byte_letters, trained
from scaling_jax.ladder.corpora.documents import Document
from scaling_jax.ladder.corpora.tokenizer import Bytes, tokenizer_maker

TEXT = "def double(number):\n    return number + number  # naïve, 双\n\n\n" * 20
DOCUMENTS = [Document("a.py", TEXT.encode()), Document("b.py", b"import numbers\n" * 9)]


@pytest.fixture(scope="module")
def byte_pairs():
    pytest.importorskip("tokenizers")
    return trained(DOCUMENTS, 300, None)


@given(text=st.text())
def test_bytes_round_trip(text):
    assert Bytes().decode(Bytes().encode(text.encode())) == text.encode()


@given(text=st.text() | st.sampled_from([TEXT, "", "<|separator|>", "\x00", " \r\n\t"]))
def test_byte_pairs_round_trip(byte_pairs, text):
    tokens = byte_pairs.encode(text.encode())
    assert byte_pairs.decode(tokens) == text.encode()
    assert byte_pairs.separator not in tokens.tolist()
    assert len(tokens) <= len(text.encode())


def test_byte_pairs_merge_what_is_frequent(byte_pairs):
    assert byte_pairs.vocab_size == 300
    assert len(byte_pairs.encode(TEXT.encode())) < 0.6 * len(TEXT.encode())
    assert byte_pairs.decode(byte_pairs.encode(b"number")) == b"number"
    assert len(byte_pairs.encode(b"number")) == 1


@pytest.mark.parametrize("kind", ["bytes", "bpe"])
def test_documents_have_separators_around_each(kind, byte_pairs):
    tokenizer = byte_pairs if kind == "bpe" else Bytes()
    tokens = tokenizer.stream(DOCUMENTS)
    separator = tokenizer.encode(b"\x00")[0] if kind == "bytes" else byte_pairs.separator
    texts = b"\x00".join([b"", *(document.text for document in DOCUMENTS), b""])
    assert tokenizer.decode(tokens) == texts
    assert (tokens == separator).sum() == 3
    assert tokens[0] == tokens[-1] == separator
    assert tokens.max() < tokenizer.vocab_size


def test_the_letters_of_bytes_are_those_of_the_package():
    pre_tokenizers = pytest.importorskip("tokenizers.pre_tokenizers")
    assert set(byte_letters()) == set(pre_tokenizers.ByteLevel.alphabet())
    for byte in range(128):
        ((piece, _),) = pre_tokenizers.ByteLevel(
            add_prefix_space=False, use_regex=False
        ).pre_tokenize_str(chr(byte))
        assert piece == byte_letters()[byte]


def test_training_again_on_one_core_gives_the_same_pairs(byte_pairs):
    code = (
        "from scaling_jax.ladder.corpora.byte_pairs import trained\n"
        "from scaling_jax.ladder.corpora.documents import Document\n"
        f"documents = {[tuple(document) for document in DOCUMENTS]!r}\n"
        "documents = [Document(*document) for document in documents]\n"
        "print(trained(documents, 300, None).identity)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "7"},
    )
    assert done.stdout.strip() == byte_pairs.identity


def test_a_kept_tokenizer_and_its_tokens_are_used_again(byte_pairs, tmp_path, monkeypatch):
    first = trained(DOCUMENTS, 300, tmp_path)
    tokens = first.stream(DOCUMENTS)
    monkeypatch.setattr("scaling_jax.ladder.corpora.byte_pairs._train", None)
    monkeypatch.setattr("scaling_jax.ladder.corpora.byte_pairs.BytePairs._encoded", None)
    second = trained(DOCUMENTS, 300, tmp_path)
    assert second.identity == first.identity == byte_pairs.identity
    np.testing.assert_array_equal(second.stream(DOCUMENTS), tokens)
    np.testing.assert_array_equal(trained(DOCUMENTS, 300, tmp_path).stream(DOCUMENTS), tokens)
    monkeypatch.undo()
    np.testing.assert_array_equal(byte_pairs.stream(DOCUMENTS), tokens)


def test_a_kept_tokenizer_of_the_package_reads_the_same_text(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    ours = trained(DOCUMENTS, 300, tmp_path)
    (path,) = tmp_path.glob("bpe-300-*.json")
    theirs = tokenizers.Tokenizer.from_file(str(path))
    assert theirs.encode(TEXT).ids == ours.encode(TEXT.encode()).tolist()
    assert theirs.decode(theirs.encode(TEXT).ids) == TEXT


@pytest.mark.parametrize("content", ["", "{}", '{"model": {"vocab": {"a": 0}, "merges": [1]}}'])
def test_a_damaged_tokenizer_is_named(tmp_path, content):
    trained(DOCUMENTS, 300, tmp_path)
    (path,) = tmp_path.glob("bpe-*.json")
    path.write_text(content)
    with pytest.raises(LadderError, match=r"bpe-300-.*\.json is not a tokenizer .*: delete it"):
        trained(DOCUMENTS, 300, tmp_path)


def test_damaged_tokens_are_named(tmp_path):
    tokenizer = trained(DOCUMENTS, 300, tmp_path)
    tokenizer.stream(DOCUMENTS)
    (path,) = tmp_path.glob("tokens-*.npy")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(LadderError, match=r"tokens-.*\.npy is damaged .*: delete it"):
        tokenizer.stream(DOCUMENTS)


@pytest.mark.parametrize("size", [256, 70_000, 300.0, None, "300", True])
def test_sizes_that_a_vocabulary_cannot_have(size):
    with pytest.raises(LadderError, match="vocab_size .* whole number from 257 .* to 65536"):
        tokenizer_maker("bpe", size, None)


def test_tokenizers_that_are_unknown_or_contradict_their_size():
    with pytest.raises(LadderError, match="unknown tokenizer 'byte': did you mean bytes"):
        tokenizer_maker("byte", None, None)
    with pytest.raises(LadderError, match="bytes has 256 tokens, not 1024"):
        tokenizer_maker("bytes", 1024, None)
