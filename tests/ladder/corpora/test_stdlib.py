import platform
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder.corpora.corpus import Corpus, open_corpus
from scaling_jax.ladder.corpora.stdlib import sources

ROOT = Path(sysconfig.get_path("stdlib"))


@pytest.fixture(scope="module")
def corpus():
    return open_corpus({"kind": "stdlib", "tokenizer": "bytes"}, context=128)


@pytest.fixture(scope="module")
def found():
    return {source.name: source for source in sources(ROOT)}


def test_it_is_a_corpus_with_its_provenance(corpus):
    told = corpus.describe()
    assert isinstance(corpus, Corpus)
    assert told["python"] == platform.python_version()
    assert told["digest"] == corpus.digest
    assert len(corpus.digest) == 64
    parts = told["training"]["bytes"], told["validation"]["bytes"]
    assert 0.03 <= parts[1] / sum(parts) <= 0.033
    assert told["training"]["tokens"] == parts[0] + told["training"]["documents"] + 1


def test_every_file_is_accounted_for(corpus, found):
    told = corpus.describe()
    counts = [told["training"], told["validation"], *told["left_out"].values()]
    assert sum(count["documents"] for count in counts) == len(found)


def test_foreign_files_and_those_of_the_build_are_left_out(found):
    assert "json/decoder.py" in found
    assert not [name for name in found if "site-packages" in name or "_sysconfigdata" in name]


def test_training_examples_are_the_text_of_the_files(corpus, found):
    (batch,) = corpus.batches(seed=0, batch=16, first=4, last=5)
    texts = [source.text for source in found.values() if source.text]
    for window in batch["tokens"]:
        pieces = window.astype(np.uint8).tobytes().split(b"\x00")
        longest = max(pieces, key=len)
        assert any(longest in text for text in texts)


def test_validation_is_the_same_for_every_run(corpus):
    tokens = corpus.validation()["tokens"]
    assert tokens.shape == (1024, 129)
    assert tokens.dtype == np.int32
    assert not tokens.flags.writeable


def test_an_encoding_is_read_where_it_is_declared(tmp_path):
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nx = 'é'\r\n".encode("latin-1"))
    (tmp_path / "broken.py").write_bytes(b"x = '\xe9'\n")
    (tmp_path / "unknown.py").write_bytes(b"# coding: klingon\n")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.py").write_text("no")
    texts = {source.name: source.text for source in sources(tmp_path)}
    assert texts == {
        "latin.py": "# coding: latin-1\nx = 'é'\n".encode(),
        "broken.py": None,
        "unknown.py": None,
    }


def test_a_python_without_sources_is_told(tmp_path):
    with pytest.raises(LadderError, match="has no source of its standard library"):
        list(sources(tmp_path))


@pytest.mark.skipif(platform.python_version() != "3.11.7", reason="the text of Python 3.11.7")
def test_the_text_of_one_python_is_always_the_same_corpus(corpus):
    # Frozen: runs are labelled with it. Builds without the folder test/ differ.
    if not (ROOT / "test" / "test_typing.py").exists():
        pytest.skip("this build has no folder test/")
    assert corpus.digest == "206b6436f7cef757afadac3f866df2bd82d2489ec2eaefe3aedd12804b9bd79a"
