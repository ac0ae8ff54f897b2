"""What was published: every paper of the atlas, its claims and its coefficients, as data.

One TOML file a subject in `publications/`, one section a publication. The laws (`sj.laws`) and the
protocols (`sj.protocols`) of the same name say what the formula means in code; a publication that
has neither states a finding without a formula.
"""

from scaling_jax.literature.publication import VERIFICATIONS as VERIFICATIONS
from scaling_jax.literature.publication import Claim as Claim
from scaling_jax.literature.publication import Publication as Publication
from scaling_jax.literature.publication import Reference as Reference
from scaling_jax.literature.reading import get as get
from scaling_jax.literature.reading import names as names
from scaling_jax.literature.reading import printed_estimates as printed_estimates
from scaling_jax.literature.reading import subjects as subjects
