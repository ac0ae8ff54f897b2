"""The atlas of scaling laws: `sj.laws.get(name)`, `sj.laws.list()`.

Every module of laws below is imported for what it registers.
"""

from scaling_jax.laws import compute_frontiers as _compute_frontiers
from scaling_jax.laws import critical_batch as _critical_batch
from scaling_jax.laws import data_quality as _data_quality
from scaling_jax.laws import distillation as _distillation
from scaling_jax.laws import downstream as _downstream
from scaling_jax.laws import emergence as _emergence
from scaling_jax.laws import farseer as _farseer
from scaling_jax.laws import hyperparameters as _hyperparameters
from scaling_jax.laws import inference_compute as _inference_compute
from scaling_jax.laws import interpretability as _interpretability
from scaling_jax.laws import knowledge as _knowledge
from scaling_jax.laws import languages_and_modalities as _languages_and_modalities
from scaling_jax.laws import learning_curves as _learning_curves
from scaling_jax.laws import loss_surfaces as _loss_surfaces
from scaling_jax.laws import mixture_of_experts as _mixture_of_experts
from scaling_jax.laws import mixtures as _mixtures
from scaling_jax.laws import optimal_mixtures as _optimal_mixtures
from scaling_jax.laws import parallel as _parallel
from scaling_jax.laws import precision as _precision
from scaling_jax.laws import reinforcement as _reinforcement
from scaling_jax.laws import repetition as _repetition
from scaling_jax.laws import schedules as _schedules
from scaling_jax.laws import shape as _shape
from scaling_jax.laws import sparsity as _sparsity
from scaling_jax.laws import synthetic_data as _synthetic_data
from scaling_jax.laws import theory as _theory
from scaling_jax.laws import transfer as _transfer
from scaling_jax.laws import translation as _translation
from scaling_jax.laws import vocabulary as _vocabulary
from scaling_jax.laws.checks import check as check
from scaling_jax.laws.declaration import Law as Law
from scaling_jax.laws.parts import Anchor as Anchor
from scaling_jax.laws.parts import Curve as Curve
from scaling_jax.laws.parts import Parameter as Parameter
from scaling_jax.laws.parts import Quantity as Quantity
from scaling_jax.laws.parts import Variable as Variable
from scaling_jax.laws.registry import close_built_in as _close_built_in
from scaling_jax.laws.registry import family as family
from scaling_jax.laws.registry import get as get
from scaling_jax.laws.registry import law as law
from scaling_jax.laws.registry import list as list
from scaling_jax.laws.registry import names as names
from scaling_jax.laws.registry import register as register
from scaling_jax.laws.registry import resolve as resolve
from scaling_jax.literature import Reference as Reference

SUBJECTS = (
    _compute_frontiers,
    _critical_batch,
    _data_quality,
    _distillation,
    _downstream,
    _emergence,
    _farseer,
    _hyperparameters,
    _inference_compute,
    _interpretability,
    _knowledge,
    _languages_and_modalities,
    _learning_curves,
    _loss_surfaces,
    _mixture_of_experts,
    _mixtures,
    _optimal_mixtures,
    _parallel,
    _precision,
    _reinforcement,
    _repetition,
    _schedules,
    _shape,
    _sparsity,
    _synthetic_data,
    _theory,
    _transfer,
    _translation,
    _vocabulary,
)

_close_built_in()
