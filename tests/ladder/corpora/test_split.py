import random

from hypothesis import given
from hypothesis import strategies as st

from scaling_jax.ladder.corpora.documents import Document
from scaling_jax.ladder.corpora.split import split

corpora = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 5000), min_size=2).map(
    lambda sizes: [Document(name, b"x" * size) for name, size in sizes.items()]
)


@given(documents=corpora, share=st.floats(0.01, 0.5))
def test_every_document_is_in_one_part_and_neither_is_empty(documents, share):
    training, validation = split(documents, share)
    assert sorted(training + validation) == sorted(documents)
    assert training
    assert validation


@given(documents=corpora, seed=st.integers(0, 99))
def test_the_split_does_not_depend_on_the_order(documents, seed):
    shuffled = random.Random(seed).sample(documents, len(documents))
    assert split(shuffled, 0.1) == split(documents, 0.1)


def test_the_share_is_kept_where_documents_are_small():
    documents = [Document(f"{i}.py", b"x" * (1 + i % 100)) for i in range(2000)]
    _, validation = split(documents, 0.03)
    share = sum(len(d.text) for d in validation) / sum(len(d.text) for d in documents)
    assert 0.03 <= share <= 0.033


def test_names_alone_decide():
    before = [Document(f"{i}.py", b"x" * 100) for i in range(1000)]
    after = [Document(document.name, b"y" * 100) for document in before]
    assert [d.name for d in split(before, 0.1)[1]] == [d.name for d in split(after, 0.1)[1]]
