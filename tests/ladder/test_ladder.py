"""The ladder file: what it means, and one sentence for each way in which it means nothing."""

import tomllib

import pytest

from scaling_jax.errors import LadderError
from scaling_jax.ladder import Ladder, Recipe
from scaling_jax.ladder.running import Site

FULL = """
name = "full"
[corpus]
kind = "text"
path = ["a", "/b"]
tokenizer = "bpe"
vocab_size = 512
[recipe]
depth = 2
tied = true
z_loss = 0.0
[training]
batch_tokens = [1024, "2k"]
learning_rate = [0.01, 0.02]
schedule = ["wsd", "cosine"]
warmup_steps = 10
tokens_per_param = [1, 2.5]
seeds = [0, 7]
weight_decay = 0.1
[[rungs]]
width = 16
[[rungs]]
width = 32
label = "big"
lanes = 3
schedule = "wsd"
"""


def read(folder, text):
    path = folder / "ladder.toml"
    path.write_text(text)
    return Ladder.read(path)


def test_lists_are_every_combination(tmp_path):
    ladder = read(tmp_path, FULL)
    small, big = ladder.groups[:4], ladder.groups[4:]
    assert [(g.label, g.schedule.kind, g.batch, len(g.lanes)) for g in small] == [
        ("w16-d2", "wsd", 8, 4), ("w16-d2", "wsd", 15, 4),
        ("w16-d2", "cosine", 8, 4), ("w16-d2", "cosine", 15, 4),
    ]  # fmt: skip
    # Four lanes, at most three at a time.
    assert [(g.label, g.batch, len(g.lanes)) for g in big] == [
        ("big", 8, 3), ("big", 8, 1), ("big", 15, 3), ("big", 15, 1)
    ]  # fmt: skip
    assert len(ladder.runs) == len({run.name for run in ladder.runs}) == 2 * (16 + 8)
    recipe = small[0].recipe
    assert isinstance(recipe, Recipe)
    assert (recipe.vocab_size, recipe.tied, recipe.z_loss) == (512, True, 0.0)
    assert small[0].optimiser.weight_decay == 0.1
    # One and two and a half tokens for each parameter, in whole steps.
    steps = [round(ratio * recipe.params_total / 1024) for ratio in (1, 2.5)]
    assert small[0].budgets == tuple(steps)


def test_a_file_written_again_means_the_same(tmp_path):
    ladder = read(tmp_path, FULL)
    again = Ladder.of(tomllib.loads(ladder.to_toml()))
    assert again == ladder
    assert again.groups == ladder.groups
    assert again.to_toml() == ladder.to_toml()


def test_paths_are_relative_to_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    assert read(tmp_path, FULL).corpus["path"] == [str(tmp_path / "a"), "/b"]


def test_more_of_the_same_keeps_what_it_had(tmp_path):
    """A group is told by all that determines its losses, and by nothing else."""
    ladder = read(tmp_path, FULL)
    more = read(tmp_path, FULL + "[[rungs]]\nwidth = 64\n")
    one, other = Site(ladder, tmp_path, "0" * 64), Site(more, tmp_path, "0" * 64)
    folders = [one.group_folder(group) for group in one.ladder.groups]
    assert [other.group_folder(group) for group in other.ladder.groups][: len(folders)] == folders
    assert len(set(folders)) == len(folders)
    elsewhere = Site(ladder, tmp_path, "1" * 64)  # another corpus
    assert {elsewhere.group_folder(g) for g in ladder.groups}.isdisjoint(folders)


TINY = """
name = "tiny"
[corpus]
kind = "stdlib"
[recipe]
depth = 1
context = 16
[training]
batch_tokens = 64
learning_rate = 0.01
tokens = [6400]
[[rungs]]
width = 16
"""


def changed(old, new):
    assert TINY.count(old) == 1
    return TINY.replace(old, new)


FAULTS = {
    "unknown table": (TINY + "[rung]\n", "there is no 'rung'; did you mean rungs?"),
    "unknown key of training": (
        changed("tokens = [6400]", "tokens = [6400]\nseed = 1"),
        r", \[training\]: there is no 'seed'; did you mean seeds?",
    ),
    "unknown key of a recipe": (changed("depth", "dephts"), "no 'dephts'; did you mean depth?"),
    "unknown key of a rung": (changed("width", "widht"), "no 'widht'; did you mean width?"),
    "unknown recipe": (changed("depth = 1", 'kind = "mamba"'), "recipe kind 'mamba' is unknown"),
    "unknown feed-forward": (
        changed("depth = 1", 'depth = 1\nfeedforward = "geglu"'),
        "feedforward 'geglu' is unknown",
    ),
    "no name": (changed('name = "tiny"', ""), "'name' is missing; a ladder needs name, corpus"),
    "no rungs": (changed("[[rungs]]\nwidth = 16", ""), "'rungs' is missing"),
    "no width": (changed("width = 16", ""), "'width' is missing; a transformer needs it"),
    "no rate": (changed("learning_rate = 0.01", ""), "'learning_rate' is missing; give it in"),
    "no batch": (changed("batch_tokens = 64", ""), "'batch_tokens' is missing"),
    "no tokens": (changed("tokens = [6400]", ""), "give either 'tokens' or 'tokens_per_param'"),
    "twice tokens": (
        changed("tokens = [6400]", "tokens = [6400]\ntokens_per_param = [1]"),
        "give either 'tokens' or 'tokens_per_param'",
    ),
    "no tables": (changed("[[rungs]]", "[rungs]"), r"write \[\[rungs\]\] above each rung"),
    "a text for a table": (
        changed('[corpus]\nkind = "stdlib"', 'corpus = "stdlib"'),
        r"corpus is no table; write \[corpus\] above its keys",
    ),
    "two runs of one name": (
        TINY + "[[rungs]]\nwidth = 16\n",
        "2 runs are called w16-d1-wsd-b64-lr0.01-t6.4k-s0; leave all but one out",
    ),
    "two seeds that are one": (
        changed("tokens = [6400]", "tokens = [6400]\nseeds = [3, 3]"),
        "2 runs are called w16-d1-wsd-b64-lr0.01-t6.4k-s3",
    ),
    "odd heads": (changed("width = 16", "width = 24"), "width 24 is not made of heads of 16"),
    "no width at all": (changed("width = 16", "width = 0"), "width is 0; give 1 or more"),
    "half a width": (changed("width = 16", "width = 16.5"), "width is 16.5; give a whole number"),
    "a text for a width": (changed("width = 16", 'width = "16"'), "width is '16'; give a whole"),
    "a number for a text": (
        changed("depth = 1", "depth = 1\nfeedforward = 1"),
        "feedforward is 1; give text",
    ),
    "a number for a choice": (changed("depth = 1", "depth = 1\ntied = 1"), "tied is 1; give true"),
    "too few tokens": (changed("[6400]", "[64]"), r"4 examples a step make budgets of \[1\] steps"),
    "less than an example": (changed("= 64", "= 15"), "0 examples a step"),
    "no number of tokens": (changed("[6400]", '["many"]'), "tokens is 'many', not a number of"),
    "infinitely many tokens": (changed("[6400]", "[inf]"), "tokens is inf, not a number of"),
    "lists in lists": (changed("[6400]", "[[6400]]"), r"tokens is \[6400\], not a number"),
    "a negative seed": (
        changed("[6400]", "[6400]\nseeds = [-1]"),
        "seed -1 is not within 0 and 4294967295",
    ),
    "a seed beyond 32 bits": (
        changed("[6400]", "[6400]\nseeds = [4294967296]"),
        "seed 4294967296 is not within 0 and 4294967295",
    ),
    "half a seed": (changed("[6400]", "[6400]\nseeds = [0.5]"), "seeds is 0.5; give a whole"),
    "no rate above zero": (changed("0.01", "0.0"), "learning_rate is 0; give a number above 0"),
    "no finite rate": (changed("0.01", "inf"), "learning_rate is inf; give a number above 0"),
    "a text for a rate": (changed("0.01", '"fast"'), "learning_rate is 'fast'; give a number"),
    "unknown schedule": (
        changed("[6400]", '[6400]\nschedule = "wds"'),
        "schedule 'wds' is unknown; did you mean wsd",
    ),
    "an odd interval": (
        changed("[6400]", "[6400]\nevaluate_every = -1"),
        "evaluate_every is -1; give 0 or more",
    ),
    "a label that leaves the folder": (
        changed("width = 16", 'width = 16\nlabel = "../x"'),
        "the label '../x' is to name a folder",
    ),
    "no toml": ("name = [", "is not TOML: "),
}


@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_what_means_nothing_is_one_sentence_with_the_files_name(tmp_path, text, message):
    with pytest.raises(LadderError, match=message) as caught:
        read(tmp_path, text)
    sentence = str(caught.value)
    assert sentence.startswith(str(tmp_path / "ladder.toml"))
    assert "\n" not in sentence


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LadderError, match=r"cannot read .*x\.toml: No such file or directory"):
        Ladder.read(tmp_path / "x.toml")


def test_rungs_of_two_contexts_need_two_ladders(tmp_path):
    ladder = read(tmp_path, TINY + "[[rungs]]\nwidth = 16\ncontext = 32\nlabel = 'long'\n")
    with pytest.raises(LadderError, match=r"rungs have contexts \[16, 32\]"):
        _ = ladder.context
