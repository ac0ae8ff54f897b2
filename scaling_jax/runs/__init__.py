"""Run tables: columns of training runs, read, checked, derived and selected."""

from scaling_jax.runs.checks import RunTableWarning as RunTableWarning
from scaling_jax.runs.checks import warn_unusual as warn_unusual
from scaling_jax.runs.columns import CANONICAL as CANONICAL
from scaling_jax.runs.columns import Column as Column
from scaling_jax.runs.columns import suggested as suggested
from scaling_jax.runs.derive import RULES as RULES
from scaling_jax.runs.derive import Rule as Rule
from scaling_jax.runs.reading import read_runs as read_runs
from scaling_jax.runs.sizes import format_size as format_size
from scaling_jax.runs.sizes import parse_size as parse_size
from scaling_jax.runs.table import RunTable as RunTable
