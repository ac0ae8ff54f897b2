"""A table of proposed runs becomes the nearest ladder, and a ladder's own table itself."""

import math
import tomllib

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from scaling_jax.errors import LadderError, RunTableError
from scaling_jax.ladder import Ladder, Recipe, propose
from scaling_jax.ladder.group import Lane
from scaling_jax.ladder.proposals import _rectangles, _told_apart
from scaling_jax.runs import RunTable


def ladder(rungs, recipe=None, **training):
    shared = {"batch_tokens": 2048, "learning_rate": 0.01, "tokens": ["1M"]}
    return Ladder.of(
        {
            "name": "tiny",
            "corpus": {"kind": "stdlib"},
            "recipe": {"depth": 2} | (recipe or {}),
            "training": shared | training,
            "rungs": rungs,
        }
    )


THREE = ladder([{"width": 32}, {"width": 64}, {"width": 128}])
GROWING = ladder([{"width": 32, "depth": 2}, {"width": 64, "depth": 4}, {"width": 128, "depth": 8}])


def table(**columns):
    return RunTable.from_columns(columns)


def exported(like, *, without=()):
    """The columns of `Ladder` runs that an export has and a proposal reads."""
    runs = like.runs
    columns = {
        "params": [run.group.recipe.params_total for run in runs],
        "params_no_embed": [run.group.recipe.params_no_embed for run in runs],
        "tokens": [run.tokens for run in runs],
        "learning_rate": [run.lane.learning_rate for run in runs],
        "batch_tokens": [run.group.batch_tokens for run in runs],
        "seed": [run.lane.seed for run in runs],
        "schedule": [run.group.schedule.kind for run in runs],
    }
    return table(**{name: values for name, values in columns.items() if name not in without})


LADDERS = {
    "widths": THREE,
    "widths and depths": GROWING,
    "one rung": ladder([{"width": 48}]),
    "lists": ladder(
        [{"width": 32}, {"width": 64}],
        learning_rate=[0.01, 0.02], seeds=[0, 3], tokens=["1M", "2M"], batch_tokens=[1024, 4096],
    ),
    "schedules": ladder(
        [{"width": 32}], schedule=["wsd", "cosine"], warmup_steps=0, decay_share=0.5,
        evaluate_every=10, weight_decay=0.1,
    ),
    "overridden": ladder(
        [{"width": 32, "learning_rate": 0.02, "label": "small"},
         {"width": 64, "head_dim": 32, "tokens": ["3M"], "lanes": 1}], seeds=[0, 1],
    ),
    "gelu and experts": ladder(
        [{"width": 32, "hidden": 104}, {"width": 64, "hidden": 208}],
        {"feedforward": "gelu", "experts": 4, "active_experts": 2, "tied": True},
    ),
    "ratios": ladder([{"width": 32, "tokens": ["1M"]}, {"width": 64, "tokens": ["2M"]}]),
    "students": Ladder.of(
        {
            "name": "linear", "corpus": {"kind": "teacher"}, "recipe": {"kind": "linear"},
            "training": {"batch_tokens": 64, "learning_rate": 0.1, "tokens": ["64k"]},
            "rungs": [{"features": 8}, {"features": 32}],
        }
    ),
    "perceptrons": Ladder.of(
        {
            "name": "parity", "corpus": {"kind": "parity"}, "recipe": {"kind": "perceptron"},
            "training": {"batch_tokens": 64, "learning_rate": 0.1, "tokens": ["64k"]},
            "rungs": [{"width": 10}, {"width": 100}],
        }
    ),
}  # fmt: skip


@pytest.mark.parametrize("wanted", ["params", "params_no_embed"])
@pytest.mark.parametrize("like", LADDERS.values(), ids=LADDERS)
def test_the_table_of_a_ladder_gives_its_groups_again(like, wanted):
    """Equal groups have equal digests: in the ladder's folder nothing would be trained again."""
    other = "params" if wanted == "params_no_embed" else "params_no_embed"
    proposal = propose(exported(like, without=(other,)), like)
    assert proposal.wanted == wanted
    assert set(proposal.ladder.groups) == set(like.groups)
    assert [runs for (runs,) in proposal.runs] == list(like.runs)
    assert Ladder.of(tomllib.loads(proposal.ladder.to_toml())).groups == proposal.ladder.groups


@settings(max_examples=30)
@given(target=st.floats(1e4, 1e9), depths=st.sampled_from(["same", "growing"]))
def test_the_nearest_shape_is_near(target, depths):
    like = THREE if depths == "same" else GROWING
    ((run,),) = propose(table(params_no_embed=[target], tokens=[1e6]), like).runs
    recipe = run.group.recipe
    assert isinstance(recipe, Recipe)
    assert recipe.width % 16 == 0
    # Steps of the width alone, at the depth of the ladder, are at most (1 + 1/widths)^2 apart.
    widths = max(1, recipe.width / 16 - 1)
    step = (1 + 1 / widths) ** 2
    assert abs(math.log(recipe.params_no_embed / target)) <= max(math.log(step), 0.75)


@pytest.mark.parametrize(("width", "depth"), [(256, 16), (512, 32)])
def test_depths_grow_as_they_do_in_the_ladder(width, depth):
    """Its rungs all have widths of sixteen times the depth."""
    recipe = Recipe(width=width, depth=depth)
    ((run,),) = propose(table(params=[recipe.params_total], tokens=[1e6]), GROWING).runs
    assert run.group.recipe == recipe


def test_tokens_are_whole_steps():
    proposal = propose(table(params=[3e4], tokens=[1e6]), THREE)
    ((run,),) = proposal.runs
    assert run.tokens == round(1e6 / 2048) * 2048
    assert proposal.ladder.name == "tiny_next"
    text = str(proposal.table)
    assert "1e+06" in text
    assert "9.9942e+05" in text


def test_runs_of_one_shape_share_a_group():
    runs = table(
        params_no_embed=[24576.0] * 6 + [98304.0], tokens=[1e6, 2e6, 4e6, 1e6, 2e6, 4e6, 1e6],
        seed=[0, 0, 0, 1, 1, 1, 0],
    )  # fmt: skip
    proposal = propose(runs, THREE)
    assert [(len(g.lanes), len(g.budgets)) for g in proposal.ladder.groups] == [(2, 3), (1, 1)]
    assert len(proposal.ladder.runs) == 7


def test_nothing_is_trained_that_was_not_proposed():
    runs = table(
        params_no_embed=[24576.0] * 3, tokens=[1e6, 2e6, 1e6], learning_rate=[0.01, 0.01, 0.02]
    )
    proposal = propose(runs, THREE)
    assert len(proposal.ladder.runs) == 3
    assert [runs for (runs,) in proposal.runs] == list(proposal.ladder.runs)


@settings(max_examples=30)
@given(
    st.sets(
        st.tuples(st.sampled_from([0.1, 0.2]), st.integers(0, 2), st.sampled_from([2, 4, 8])),
        min_size=1,
    )
)
def test_rectangles_cover_each_run_once(runs):
    lanes = {}
    for rate, seed, tokens in runs:
        lanes.setdefault(Lane(seed, rate), set()).add(tokens)
    covered = [
        (rate, seed, tokens)
        for rates, seeds, budgets in _rectangles(lanes)
        for rate in rates
        for seed in seeds
        for tokens in budgets
    ]
    assert sorted(covered) == sorted(runs)


def test_repeats_are_seeds():
    seeded = table(params=[3e4], tokens=[1e6], seed=[5], repeats=[3])
    assert [run.lane.seed for run in propose(seeded, THREE).ladder.runs] == [5, 6, 7]
    like = ladder([{"width": 32}], seeds=[4, 9])
    assert [r.lane.seed for r in propose(table(params=[3e4], tokens=[1e6]), like).runs[0]] == [4, 9]
    more = table(params=[3e4], tokens=[1e6], repeats=[3])
    assert [run.lane.seed for run in propose(more, like).runs[0]] == [4, 9, 10]


def test_a_run_proposed_twice_is_trained_once():
    proposal = propose(table(params=[3e4, 3e4], tokens=[1e6, 1.0001e6]), THREE)
    assert len(proposal.ladder.runs) == 1
    assert proposal.runs[0] == proposal.runs[1]


def test_runs_whose_names_would_be_the_same_get_labels():
    """Names round tokens to three digits."""
    proposal = propose(table(params=[3e4] * 3, tokens=[16.0e6, 16.01e6, 16.02e6]), THREE)
    labels = [run.group.label for run in proposal.ladder.runs]
    assert labels == ["w32-d1", "w32-d1-2", "w32-d1-3"]
    assert len({run.name for run in proposal.ladder.runs}) == 3
    again = propose(exported(proposal.ladder), proposal.ladder)
    assert [run.tokens for run in again.ladder.runs] == [r.tokens for r in proposal.ladder.runs]


def test_names_taken_within_one_rung_are_told_apart():
    rung = {"width": 32, "depth": 2, "batch_tokens": 2048, "learning_rate": 0.01}
    empty = Ladder("x", {"kind": "stdlib"})
    found = _told_apart(empty, [{**rung, "tokens": [16_001_024, 16_003_072]}])
    assert [(each.get("label"), each["tokens"]) for each in found] == [
        (None, [16_001_024]), ("w32-d2-2", [16_003_072]),
    ]  # fmt: skip


ONE = {"params": [3e4], "tokens": [1e6]}


@pytest.mark.parametrize(
    ("columns", "training", "message"),
    [
        (ONE, {"learning_rate": [0.1, 0.2]}, "row 1: the ladder gives several values of learning"),
        (ONE, {"batch_tokens": [1024, 2048]}, "add a column batch_tokens"),
        (ONE | {"seed": [0.5]}, {}, "row 1: seed is 0.5; give a whole number"),
        (ONE | {"seed": [-1]}, {}, "seed is -1; give a whole number"),
        (ONE | {"seed": [2.0**32]}, {}, "seed 4294967296 is not within 0 and 4294967295"),
        (ONE | {"repeats": [0.5]}, {}, "repeats is 0.5; give a whole number"),
        (ONE | {"schedule": ["wds"]}, {}, "schedule 'wds' is unknown; did you mean wsd"),
        (ONE | {"tokens": [1000]}, {}, "raise tokens or change batch_tokens"),
    ],
)
def test_what_cannot_be_realised_is_said(columns, training, message):
    with pytest.raises(LadderError, match=message):
        propose(table(**columns), ladder([{"width": 32}], **training))


def test_a_missing_column_is_named():
    with pytest.raises(RunTableError, match="tokens"):
        propose(table(params=[1e5]), THREE)
    with pytest.raises(RunTableError, match="params"):
        propose(table(tokens=[1e5]), THREE)
