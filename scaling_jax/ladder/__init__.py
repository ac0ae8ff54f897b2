"""The ladder: small models trained here, whose runs calibrate the laws.

ladder = sj.ladder.Ladder.read("ladder.toml")
runs = sj.ladder.run(ladder, "folder")        # or scaling-jax ladder run ladder.toml
fit = sj.fit("chinchilla", runs)
"""

from scaling_jax.ladder.api import export as export
from scaling_jax.ladder.api import run as run
from scaling_jax.ladder.group import Group as Group
from scaling_jax.ladder.group import Lane as Lane
from scaling_jax.ladder.group import Run as Run
from scaling_jax.ladder.ladder import Ladder as Ladder
from scaling_jax.ladder.proposals import Proposal as Proposal
from scaling_jax.ladder.proposals import propose as propose
from scaling_jax.ladder.recipe import Recipe as Recipe
from scaling_jax.ladder.schedules import Schedule as Schedule
from scaling_jax.ladder.status import Status as Status
from scaling_jax.ladder.status import status as status
from scaling_jax.ladder.training import Optimiser as Optimiser
from scaling_jax.ladder.training import Trainer as Trainer
