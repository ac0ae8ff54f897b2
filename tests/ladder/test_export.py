"""The table of a ladder, finished or not, goes into fits as it is."""

import numpy as np
import pytest

import scaling_jax as sj
from scaling_jax.errors import LadderError
from scaling_jax.ladder import export, run


@pytest.fixture(scope="module")
def halfway(tiny, tmp_path_factory):
    """A ladder of two rungs that was stopped in the second; returns ladder and folder."""
    folder = tmp_path_factory.mktemp("halfway")
    ladder = tiny(
        {"width": 16}, {"width": 32}, tokens=[20_480, 40_960, 81_920], seeds=[0, 1],
        evaluate_every=200,
    )  # fmt: skip

    class Stopped(Exception):
        pass

    def watch(progress):
        if progress.group == ladder.groups[1]:
            raise Stopped

    with pytest.raises(Stopped):
        run(ladder, folder, watch=watch)
    return ladder, folder


def test_a_running_ladder_feeds_fit_and_posterior(halfway):
    """After each rung the table is longer, and the prediction is made again."""
    ladder, folder = halfway
    runs = export(folder)
    assert len(runs) == 6
    assert set(runs["params"]) == {ladder.groups[0].recipe.params_total}
    law = sj.laws.get("kaplan_d")
    fit = sj.fit(law, runs, starts=32)
    assert np.isfinite(fit.objective)
    draws = sj.posterior(law, runs, chains=2, draws=200, warmup=200, seed=0)
    predicted = sj.predict(draws, tokens=runs["tokens"]).median
    # More tokens, less loss: the law is one of learning, and the runs learn.
    assert predicted[-1] < predicted[0]
    np.testing.assert_allclose(predicted, runs["loss"], rtol=0.1)
    run(ladder, folder)
    assert len(export(folder)) == 12


def test_a_row_says_how_it_was_made(halfway):
    ladder, folder = halfway
    runs, by_name = export(folder), {run.name: run for run in ladder.runs}
    for k, name in enumerate(runs["run"]):
        made = by_name[str(name)]
        recipe = made.group.recipe
        assert runs["params_no_embed"][k] == recipe.params_no_embed
        assert runs["tokens"][k] == made.tokens
        assert runs["compute_flops"][k] == made.tokens * recipe.flops_per_token()
        assert runs["seed"][k] == made.lane.seed
        assert runs["flops_per_second"][k] > 0.0
    assert set(runs["family"]) == {"tiny"}
    assert all("jax" in text and "python" in text for text in runs["versions"])


def test_curves_hold_the_ends_of_all_runs(halfway):
    _, folder = halfway
    curves, runs = export(folder, curves=True), export(folder)
    ends = {(str(n), s): x for n, s, x in zip(runs["run"], runs["step"], runs["loss"], strict=True)}
    found = {(str(n), s): x for n, s, x in
             zip(curves["run"], curves["step"], curves["loss"], strict=True)}  # fmt: skip
    assert ends.items() <= found.items()
    assert len(found) == len(curves) > len(runs)


def test_nothing_to_export_is_said(tiny, tmp_path):
    with pytest.raises(LadderError, match="holds no ladder; start one with"):
        export(tmp_path)
    from scaling_jax.ladder.running import start

    start(tiny(), tmp_path)
    with pytest.raises(LadderError, match="no run of the ladder in .* has ended; let it run on"):
        export(tmp_path)
