"""Public tables of training runs: `sj.datasets.load(name)`, `describe(name)`, `list()`."""

from scaling_jax.datasets.loading import load as load
from scaling_jax.datasets.registry import Dataset as Dataset
from scaling_jax.datasets.registry import describe as describe
from scaling_jax.datasets.registry import list as list
from scaling_jax.datasets.registry import names as names
