"""How fast this machine multiplies matrices: what the training of a model is measured against."""

import time

_SECONDS = 0.15  # of products, after the program is compiled


def product_rate(dtype: str = "float32") -> float:
    """Return the FLOP/s of a product of two large square matrices, the best of some.

    Args:
        dtype: Of the matrices.
    """
    import jax
    import jax.numpy as jnp

    size = 1024 if jax.default_backend() == "cpu" else 8192
    matrix = jnp.ones((size, size), dtype)
    product = jax.jit(jnp.matmul)
    product(matrix, matrix).block_until_ready()
    best, left = float("inf"), _SECONDS
    while left > 0.0:
        begun = time.perf_counter()
        product(matrix, matrix).block_until_ready()
        seconds = time.perf_counter() - begun
        best, left = min(best, seconds), left - seconds
    return 2.0 * size**3 / best
