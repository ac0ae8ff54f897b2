# %% [markdown]
# # The Chinchilla law, replicated
#
# Hoffmann et al. (2022) fitted $L(N, D) = E + A/N^\alpha + B/D^\beta$ to some 240 training runs and
# did not publish the runs. Besiroglu et al. (2024, arXiv:2404.10102) read them off the paper's own
# vector graphic and found coefficients that differ far more than the printed intervals allow.
#
# **Claim.** From those 245 points everything below follows in a minute on a laptop: the
# replication's optimum from every start, which published coefficients minimise what, how sure one
# can be of the exponents, and how far the law may be extrapolated.
#
# Open it as a notebook with jupytext, or run it as a script.

# %%
import numpy as np

import scaling_jax as sj

runs = sj.datasets.load("epoch_chinchilla", keep_outliers=False)
runs

# %% [markdown]
# The five runs with the highest loss are left out, as in the replication: they lie far from any
# smooth surface. Losses carry the error of reading a colour scale.

# %%
fit = sj.fit("chinchilla", runs, objective=sj.Huber(delta=1e-3, scale="log"), starts=512, seed=0)
fit.summary()

# %% [markdown]
# ## One optimum, from every start
#
# With $\delta = 10^{-3}$ on the log scale the Huber penalty is nearly an absolute value, which
# stops quasi-Newton methods early, even from a good start and with the analytic gradient. Here
# (almost) all of 512 starts agree.

# %%
import scipy.optimize

log_n, log_d, log_l = (np.log(runs[name]) for name in ("params", "tokens", "loss"))


def huber_and_gradient(x):
    """Return the same objective and its gradient; x is log A, log B, log E, alpha, beta."""
    terms = np.exp([x[0] - x[3] * log_n, x[1] - x[4] * log_d, np.full_like(log_n, x[2])])
    r = np.log(terms.sum(0)) - log_l
    inside, psi = np.minimum(np.abs(r), 1e-3), np.clip(r, -1e-3, 1e-3)
    share = psi * terms / terms.sum(0)
    slopes = [*share.sum(1), -np.sum(share[0] * log_n), -np.sum(share[1] * log_d)]
    return np.sum(inside * (np.abs(r) - 0.5 * inside)), np.array(slopes)


start = [np.log(406.4), np.log(410.7), np.log(1.69), 0.34, 0.28]  # the published constants
for method in ("L-BFGS-B", "BFGS"):
    ended = scipy.optimize.minimize(huber_and_gradient, start, jac=True, method=method)
    print(f"scipy {method:9s} {ended.fun:.9f}")
print(f"scaling_jax     {fit.objective:.9f}")

# %%
sj.reporting.plot_starts(fit)

# %%
for seed in range(1, 4):
    again = sj.fit("chinchilla", runs, seed=seed)
    print(f"seed {seed}: objective {again.objective:.12g}, {again.agreement:.1%} of starts agree")
    assert abs(again.objective / fit.objective - 1.0) < 1e-8

# %% [markdown]
# ## What the published coefficients minimise
#
# The objective of every published set of coefficients on these 240 runs. Hoffmann's rounded
# constants lose because $\beta$ was rounded from 0.2849 to 0.28, which moves the data term by
# $10^{11 \cdot 0.0049} - 1 = 13$ % at $10^{11}$ tokens; the unrounded ones lose because their
# optimiser stopped early.

# %%
law = fit.law
huber = sj.Huber(delta=1e-3)


def objective_of(theta):
    """Return the summed Huber objective of given coefficients on the runs."""
    predicted = np.asarray(law(theta, {name: runs[name] for name in law.input_names}), float)
    return float(np.sum(np.asarray(huber.penalty(np.log(predicted) - np.log(runs["loss"])))))


for name in ("hoffmann", "hoffmann_tex", "epoch", "epoch_optimum"):
    estimate = law.published(name)
    print(f"{name:15s} {objective_of(estimate.params):.9f}   {estimate.context}")
print(f"{'this fit':15s} {fit.objective:.9f}")

# %% [markdown]
# The coefficients printed by the replication (A = 482.01, B = 2085.43, ...) are not quite the
# optimum of its stated objective. They are, to five digits, the *least absolute deviations*: the
# limit $\delta \to 0$.

# %%
absolute = sj.fit("chinchilla", runs, sj.Absolute(scale="log"))
printed = law.published("epoch").params
for name, value in absolute.params.items():
    print(f"{name:6s} printed {printed[name]:12.6g}   least absolute deviations {value:12.6g}")
    assert abs(value / printed[name] - 1.0) < 1e-4

# %% [markdown]
# ## The surface
#
# Colours are budgets; a curve's lowest point is the compute-optimal model at that budget.

# %%
sj.reporting.plot_loss_vs_compute(fit, curves="isoflop")

# %%
sj.reporting.plot_loss_vs_compute(fit, curves="isoparams")

# %% [markdown]
# ## What is left over
#
# Residuals against each scale should be a band around zero.

# %%
sj.reporting.plot_residuals(fit)

# %%
sj.reporting.plot_predicted_vs_observed(fit)

# %% [markdown]
# ## How sure are the exponents?
#
# 4,000 refits of resampled runs take a fraction of a second. The standard errors are those the
# replication printed (E 0.026, alpha 0.015, beta 0.021).

# %%
draws = sj.bootstrap(fit, replicates=4000, seed=0)
draws.summary()

# %% [markdown]
# A quantity derived from the parameters is an array operation on the draws. The optimal model
# size grows as $C^a$ with $a = \beta / (\alpha + \beta)$. Hoffmann et al. printed an interval of
# (0.454, 0.455) for it.

# %%
a = draws["beta"] / (draws["alpha"] + draws["beta"])
low, high = np.quantile(a, [0.05, 0.95])
print(f"a = {np.median(a):.3f}, 90 % interval {low:.3f} to {high:.3f}")

# %% [markdown]
# ## Chinchilla itself, and beyond
#
# Chinchilla (70B parameters, 1.4T tokens) lies 1.2 decades outside these runs. A model of 10T
# parameters on 200T tokens lies further outside than the runs themselves span, and the library
# says so.

# %%
prediction = sj.predict(draws, params=[1e9, 70e9, 10e12], tokens=[20e9, 1.4e12, 200e12])
prediction.new_run.table()

# %%
assert prediction.kind == ["interpolation", "extrapolation", "extrapolation"]
assert "not supported by the data" in prediction.warnings[0]
assert fit.objective <= 0.00101827402
published = {"E": 0.0257, "alpha": 0.0154, "beta": 0.0206}
assert all(abs(draws.standard_errors[k] / v - 1.0) < 0.1 for k, v in published.items())
