"""The pages of the atlas, made from the registries: `python -m scaling_jax.atlas`.

What is published, what is in code and what was computed again stand in data and modules of their
own; here they become text and pictures.
"""

from scaling_jax.atlas.examples import Example as Example
from scaling_jax.atlas.examples import examples as examples
from scaling_jax.atlas.examples import generic as generic
from scaling_jax.atlas.examples import members as members
from scaling_jax.atlas.examples import steps as steps
from scaling_jax.atlas.examples import usual as usual
from scaling_jax.atlas.examples import usual_points as usual_points
from scaling_jax.atlas.examples import usual_runs as usual_runs
