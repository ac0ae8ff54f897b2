"""Published coefficients, as printed, with their source: data beside the laws.

The built-in laws' estimates stand with their publications, see `scaling_jax.literature`, and are
read when first asked for. A law of one's own names its file in `estimates=`. An entry::

    [[chinchilla]]
    name = "vpnls"
    context = "same digitised data, C < 1e21 (217 points), MSE"
    values = { E = 1.9051, A = 4.0005, B = 1.0509, alpha = 0.3511, beta = 0.4587 }
    scales = { params = 1e6, tokens = 1e9 }    # printed for N in millions and D in billions
    units = "N/1e6, D/1e9"
    where = "exp0/reproductions.txt"
    verified = "source"                        # or "computed", or "recalled" (unverified)

`docs/laws.md` lists every key.
"""

from scaling_jax.laws.estimates.estimate import Estimate as Estimate
from scaling_jax.laws.estimates.reading import published as published
