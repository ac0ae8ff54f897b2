# %% [markdown]
# # A ladder of one's own
#
# Before a large run comes a ladder of small ones: train a few sizes to a few budgets, fit a law,
# predict the next rung, and only then pay for it. Here the whole loop takes two minutes or less:
# transformers of a few thousand parameters on the text of Python's own standard library.
#
# **Claim.** A law fitted to four widths predicts the runs of the fifth, nearly twice as large as
# any it has seen, within 5 %, and the intervals given before the runs hold five of six or more.
#
# Open it as a notebook with jupytext, or run it as a script.

# %%
import tempfile
from pathlib import Path

import numpy as np

import scaling_jax as sj

folder = Path(tempfile.mkdtemp(prefix="ladder-"))
shared = {
    "name": "notebook",
    "corpus": {"kind": "stdlib"},
    "recipe": {"depth": 1, "head_dim": 8, "context": 64},
    "training": {
        "batch_tokens": 512,
        "learning_rate": 0.01,
        "warmup_steps": 40,
        "tokens": ["300k", "600k", "1.2M"],
        "seeds": [0, 1],
    },
}
ladder = sj.ladder.Ladder.of(shared | {"rungs": [{"width": w} for w in (16, 24, 32, 40)]})
[(run.name, run.group.recipe.params_total, run.tokens) for run in ladder.runs[::2]]

# %% [markdown]
# The runs of one width and seed share a trunk at a stable learning rate; each budget leaves it for
# a decay of its own, so three budgets cost little more than the longest. Seeds train side by side
# in one program. The folder holds a log, and checkpoints: killed and started again, it goes on.

# %%
runs = sj.ladder.run(ladder, folder)
runs

# %%
fit = sj.fit("chinchilla", runs, objective=sj.Huber(delta=1e-2, scale="log"))
fit.summary()

# %%
draws = sj.posterior("chinchilla", runs, draws=500, warmup=500)
sj.reporting.plot_loss_vs_compute(draws)

# %% [markdown]
# ## The next rung, predicted before it is trained

# %%
taller = sj.ladder.Ladder.of(shared | {"rungs": [{"width": 56}]})
planned = {
    "params": np.array([run.group.recipe.params_total for run in taller.runs], float),
    "tokens": np.array([run.tokens for run in taller.runs], float),
}
prediction = sj.predict(draws, **planned)
prediction

# %%
truth = sj.ladder.run(taller, folder / "taller")
sj.reporting.plot_prediction(prediction.new_run, truth=truth)

# %% [markdown]
# ## And with the new rung, the law again
#
# The same table, five rungs now; the next prediction starts from here.

# %%
updated = sj.fit("chinchilla", runs.concat(truth), objective=sj.Huber(delta=1e-2, scale="log"))
updated.summary()

# %%
error = prediction.median / truth["loss"] - 1
low, high = prediction.new_run.interval(0.9)
print(f"errors from {error.min():+.2%} to {error.max():+.2%}")
assert np.all(np.abs(error) < 0.05)
assert np.sum((low <= truth["loss"]) & (truth["loss"] <= high)) >= 5
