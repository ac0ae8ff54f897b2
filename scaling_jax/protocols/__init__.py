"""Published procedures that are not a formula: `sj.protocols.get(name)`, `sj.protocols.names()`.

A protocol is a plain function on arrays or run tables, registered under the name of its
publication (`scaling_jax.literature`). Every module below is imported for what it registers.
"""

from scaling_jax.protocols.registry import get as get
from scaling_jax.protocols.registry import names as names
from scaling_jax.protocols.registry import protocol as protocol
