"""What the tests of protocols share."""

import jax
import jax.numpy as jnp
import pytest


@pytest.fixture
def float64():
    """Compute in float64 within one test, never by changing the global configuration."""
    with jax.enable_x64(True):
        yield jnp.float64
