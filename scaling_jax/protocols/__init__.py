"""Published procedures that are not a formula: `sj.protocols.get(name)`, `sj.protocols.names()`.

A protocol is a plain function on arrays or run tables, registered under the name of its
publication (`scaling_jax.literature`). Every module below is imported for what it registers.
"""

from scaling_jax.protocols import approach2_bias as _approach2_bias
from scaling_jax.protocols import farseer as _farseer
from scaling_jax.protocols import learning_curves as _learning_curves
from scaling_jax.protocols import loss_surfaces as _loss_surfaces
from scaling_jax.protocols import method as _method
from scaling_jax.protocols import mixture_allocation as _mixture_allocation
from scaling_jax.protocols import mixture_regression as _mixture_regression
from scaling_jax.protocols import observational as _observational
from scaling_jax.protocols import repetition as _repetition
from scaling_jax.protocols import transfer as _transfer
from scaling_jax.protocols import variable_projection as _variable_projection
from scaling_jax.protocols.registry import get as get
from scaling_jax.protocols.registry import names as names
from scaling_jax.protocols.registry import protocol as protocol

SUBJECTS = (
    _approach2_bias,
    _farseer,
    _learning_curves,
    _loss_surfaces,
    _method,
    _mixture_allocation,
    _mixture_regression,
    _observational,
    _repetition,
    _transfer,
    _variable_projection,
)
