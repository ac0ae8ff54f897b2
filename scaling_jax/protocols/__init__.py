"""Published procedures that are not a formula: `sj.protocols.get(name)`, `sj.protocols.names()`.

A protocol is a plain function on arrays or run tables, registered under the name of its
publication (`scaling_jax.literature`). Every module below is imported for what it registers.
"""

from scaling_jax.protocols import approach2_bias as _approach2_bias
from scaling_jax.protocols import benchmark_quality as _benchmark_quality
from scaling_jax.protocols import compute_savings as _compute_savings
from scaling_jax.protocols import critical_batch as _critical_batch
from scaling_jax.protocols import data_pruning as _data_pruning
from scaling_jax.protocols import data_quality as _data_quality
from scaling_jax.protocols import distillation as _distillation
from scaling_jax.protocols import emergence as _emergence
from scaling_jax.protocols import farseer as _farseer
from scaling_jax.protocols import hyperparameters as _hyperparameters
from scaling_jax.protocols import inference_budgets as _inference_budgets
from scaling_jax.protocols import inference_costs as _inference_costs
from scaling_jax.protocols import isoflop as _isoflop
from scaling_jax.protocols import kaplan_frontier as _kaplan_frontier
from scaling_jax.protocols import knowledge as _knowledge
from scaling_jax.protocols import languages_and_modalities as _languages_and_modalities
from scaling_jax.protocols import learning_curves as _learning_curves
from scaling_jax.protocols import loss_surfaces as _loss_surfaces
from scaling_jax.protocols import method as _method
from scaling_jax.protocols import mixture_allocation as _mixture_allocation
from scaling_jax.protocols import mixture_of_experts as _mixture_of_experts
from scaling_jax.protocols import mixture_regression as _mixture_regression
from scaling_jax.protocols import observational as _observational
from scaling_jax.protocols import precision as _precision
from scaling_jax.protocols import privacy as _privacy
from scaling_jax.protocols import quanta as _quanta
from scaling_jax.protocols import question_groups as _question_groups
from scaling_jax.protocols import random_features as _random_features
from scaling_jax.protocols import reinforcement as _reinforcement
from scaling_jax.protocols import repeated_sampling as _repeated_sampling
from scaling_jax.protocols import repetition as _repetition
from scaling_jax.protocols import representations as _representations
from scaling_jax.protocols import sampling_limits as _sampling_limits
from scaling_jax.protocols import shape as _shape
from scaling_jax.protocols import skills as _skills
from scaling_jax.protocols import sparsity as _sparsity
from scaling_jax.protocols import superposition as _superposition
from scaling_jax.protocols import synthetic_data as _synthetic_data
from scaling_jax.protocols import transfer as _transfer
from scaling_jax.protocols import translation as _translation
from scaling_jax.protocols import two_step as _two_step
from scaling_jax.protocols import variable_projection as _variable_projection
from scaling_jax.protocols import vocabulary as _vocabulary
from scaling_jax.protocols.registry import get as get
from scaling_jax.protocols.registry import names as names
from scaling_jax.protocols.registry import protocol as protocol

SUBJECTS = (
    _approach2_bias,
    _benchmark_quality,
    _compute_savings,
    _critical_batch,
    _data_pruning,
    _data_quality,
    _distillation,
    _emergence,
    _farseer,
    _hyperparameters,
    _inference_budgets,
    _inference_costs,
    _isoflop,
    _kaplan_frontier,
    _knowledge,
    _languages_and_modalities,
    _learning_curves,
    _loss_surfaces,
    _method,
    _mixture_allocation,
    _mixture_of_experts,
    _mixture_regression,
    _observational,
    _precision,
    _privacy,
    _quanta,
    _question_groups,
    _random_features,
    _reinforcement,
    _repeated_sampling,
    _repetition,
    _representations,
    _sampling_limits,
    _shape,
    _skills,
    _sparsity,
    _superposition,
    _synthetic_data,
    _transfer,
    _translation,
    _two_step,
    _variable_projection,
    _vocabulary,
)
