"""Published numbers, computed again: `sj.reproductions.run(name)`.

A reproduction belongs to a publication and yields checks: the published number, ours, and the
difference that is allowed. Every module below is imported for what it registers.
"""

from scaling_jax.reproductions import approach2_bias as _approach2_bias
from scaling_jax.reproductions import chinchilla_replication as _chinchilla_replication
from scaling_jax.reproductions import compute_frontiers as _compute_frontiers
from scaling_jax.reproductions import critical_batch as _critical_batch
from scaling_jax.reproductions import data_pruning as _data_pruning
from scaling_jax.reproductions import data_quality as _data_quality
from scaling_jax.reproductions import distillation as _distillation
from scaling_jax.reproductions import downstream as _downstream
from scaling_jax.reproductions import emergence as _emergence
from scaling_jax.reproductions import farseer as _farseer
from scaling_jax.reproductions import hyperparameters as _hyperparameters
from scaling_jax.reproductions import inference_compute as _inference_compute
from scaling_jax.reproductions import knowledge as _knowledge
from scaling_jax.reproductions import languages_and_modalities as _languages_and_modalities
from scaling_jax.reproductions import learning_curves as _learning_curves
from scaling_jax.reproductions import loss_surfaces as _loss_surfaces
from scaling_jax.reproductions import method as _method
from scaling_jax.reproductions import mixture_of_experts as _mixture_of_experts
from scaling_jax.reproductions import mixtures as _mixtures
from scaling_jax.reproductions import observational as _observational
from scaling_jax.reproductions import parallel as _parallel
from scaling_jax.reproductions import precision as _precision
from scaling_jax.reproductions import reinforcement as _reinforcement
from scaling_jax.reproductions import repetition as _repetition
from scaling_jax.reproductions import schedules as _schedules
from scaling_jax.reproductions import shape as _shape
from scaling_jax.reproductions import sparsity as _sparsity
from scaling_jax.reproductions import synthetic_data as _synthetic_data
from scaling_jax.reproductions import theory as _theory
from scaling_jax.reproductions import transfer as _transfer
from scaling_jax.reproductions import translation as _translation
from scaling_jax.reproductions import variable_projection as _variable_projection
from scaling_jax.reproductions import vocabulary as _vocabulary
from scaling_jax.reproductions.record import Check as Check
from scaling_jax.reproductions.record import Reproduction as Reproduction
from scaling_jax.reproductions.record import get as get
from scaling_jax.reproductions.record import names as names
from scaling_jax.reproductions.record import reproduction as reproduction
from scaling_jax.reproductions.running import Outcome as Outcome
from scaling_jax.reproductions.running import Report as Report
from scaling_jax.reproductions.running import run as run
from scaling_jax.reproductions.running import verdict as verdict

SUBJECTS = (
    _approach2_bias,
    _chinchilla_replication,
    _compute_frontiers,
    _critical_batch,
    _data_pruning,
    _data_quality,
    _distillation,
    _downstream,
    _emergence,
    _farseer,
    _hyperparameters,
    _inference_compute,
    _knowledge,
    _languages_and_modalities,
    _learning_curves,
    _loss_surfaces,
    _method,
    _mixture_of_experts,
    _mixtures,
    _observational,
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
    _variable_projection,
    _vocabulary,
)
