"""Batched kernels: the hot loops of the engine. They import nothing but JAX."""
