"""From the files of each data set to tidy columns under canonical names.

An adapter takes what is known of its data set and the options that `load` offers, and returns
columns. It bears the name of its data set. It drops what is not a training run, computes in
float64 (6 * params * tokens of 64-bit integers overflows silently) and turns the doubts about
single rows into flags.
"""

from collections.abc import Callable

from scaling_jax.datasets.adapters import (
    benchmarks,
    experts,
    finetuning,
    frontiers,
    ladder,
    loss_curves,
    mixtures,
    pretraining,
    sampling,
    vision,
    vocabulary,
)
from scaling_jax.datasets.adapters.reading import Columns

ADAPTERS: dict[str, Callable[..., Columns]] = {
    adapter.__name__: adapter
    for adapter in (
        benchmarks.obs_scaling,
        benchmarks.u_shaped,
        experts.routed_moe,
        finetuning.finetune_sft,
        frontiers.evo_optima,
        ladder.stdlib_ladder,
        loss_curves.mpl_curves,
        loss_curves.wsd_cooldowns,
        mixtures.mixing_laws,
        mixtures.regmix,
        pretraining.datablations,
        pretraining.epoch_chinchilla,
        pretraining.gadre_overtrain,
        pretraining.gpt3_curves,
        pretraining.misfitting,
        pretraining.open_athena_isoflops,
        pretraining.opt_trajectories,
        pretraining.parscale,
        pretraining.steplaw_dense,
        sampling.llm_monkeys,
        vision.revisiting_vision,
        vocabulary.vocab_scaling,
    )
}
