import pytest

from scaling_jax.runs.columns import ALIASES, CANONICAL, LABEL, normalised, suggested


@pytest.mark.parametrize("name", CANONICAL)
def test_a_canonical_name_means_itself(name):
    assert suggested(name) == name
    assert suggested(name.upper().replace("_", " ")) == name


def test_aliases_are_normalised_and_lead_to_canonical_columns():
    for alias, name in ALIASES.items():
        assert alias == normalised(alias)
        assert name in CANONICAL
        assert alias not in {normalised(known) for known in CANONICAL}


def test_numbers_have_a_meaning_and_a_sane_usual_range():
    for column in CANONICAL.values():
        assert column.meaning
        if column.usual:
            assert column.kind != LABEL
            assert 0.0 < column.usual[0] < column.usual[1]


@pytest.mark.parametrize(
    ("header", "name"),
    [("N", "params"), ("Model Size", "params"), ("Training FLOP", "compute_flops"), ("D", "tokens"),
     ("lr", "learning_rate"), ("parallel_streams", "streams"), ("Seen Examples", "examples"),
     ("Non_vocab_parameters", "params_non_vocab"), ("D/N", None), ("d", None),
     ("n", None), ("", None)],
)  # fmt: skip
def test_headers_of_published_tables(header, name):
    assert suggested(header) == name
