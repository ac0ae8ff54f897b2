import pytest

import scaling_jax as sj
from scaling_jax.errors import RunTableError
from scaling_jax.runs.headers import assign


def names(headers, columns=None, ignore=()):
    assigned, left_out = assign("runs.csv", headers, columns or {}, ignore)
    return {column.name: column.header for column in assigned}, left_out


def test_known_spellings_become_canonical_and_others_stay():
    found, left_out = names(["N", "Training FLOP", "note"])
    assert found == {"params": "N", "compute_flops": "Training FLOP", "note": "note"}
    assert not left_out


def test_what_the_user_says_wins_over_the_spelling():
    found, left_out = names(["loss", "smooth loss", "N"], {"loss": "smooth loss"})
    assert found == {"loss": "smooth loss", "params": "N"}
    assert left_out == {"loss": "its name was given to the header 'smooth loss'"}


def test_the_displaced_header_can_be_kept_under_another_name():
    found, left_out = names(["loss", "smooth loss"], {"loss": "smooth loss", "loss_last": "loss"})
    assert found == {"loss_last": "loss", "loss": "smooth loss"}
    assert not left_out


def test_headers_may_be_written_over_two_lines():
    runs = sj.read_runs({"Model\n Size": [1e9], " my  note ": ["a"]}, {"remark": "my note"})
    assert runs.columns == ("params", "remark")


def test_one_header_may_serve_two_columns():
    found, _ = names(["N"], {"params": "N", "params_total": "N"})
    assert found == {"params": "N", "params_total": "N"}


@pytest.mark.parametrize("headers", [["N", "params"], ["params", "Model Size"], ["n_params", "N"]])
def test_two_headers_for_one_column_of_numbers_are_refused(headers):
    message = f"headers '{headers[0]}' and '{headers[1]}' could both be params; .*columns="
    with pytest.raises(RunTableError, match=message):
        names(headers)


def test_the_conflict_is_resolved_as_the_message_says():
    found, _ = names(["N", "Model Size"], {"params": "N"})
    assert found == {"params": "N", "Model Size": "Model Size"}


def test_an_ignored_header_claims_nothing():
    found, left_out = names(["train_loss", "val_loss"], ignore=["train_loss"])
    assert found == {"loss": "val_loss"}
    assert left_out == {"train_loss": "it was named in ignore"}


def test_an_exact_label_wins_over_a_similar_one():
    assert names(["model", "family"])[0] == {"model": "model", "family": "family"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"params": "M"}, "no header 'M' for params; known: N, D"),
        ({"N": "params"}, 'write columns={"params": "N"}'),
        ({"params": 3}, "columns maps names to headers"),
        ({"": "N"}, "columns maps names to headers"),
    ],
)
def test_an_explicit_mapping_that_cannot_be_is_refused(columns, message):
    with pytest.raises(RunTableError, match=message):
        names(["N", "D"], columns)


def test_ignoring_what_is_not_there_is_refused():
    with pytest.raises(RunTableError, match="no header 'Notes' to ignore; did you mean notes"):
        names(["N", "notes"], ignore=["Notes"])
