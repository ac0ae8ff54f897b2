"""Languages: what more of them cost at equal loss."""

from collections.abc import Iterator

from scaling_jax.protocols.languages_and_modalities import equal_loss_factors
from scaling_jax.reproductions.evaluating import coefficients
from scaling_jax.reproductions.record import Check, reproduction

# times as many languages: (all tokens, parameters) at equal loss
_TABLE = {2: (1.66, 1.18), 4: (2.74, 1.40), 8: (4.54, 1.66), 16: (7.53, 1.96)}


@reproduction(of="atlas_multilinguality")
def more_languages_at_equal_loss() -> Iterator[Check]:
    """The table of equal loss from the printed exponents, and how these hang together."""
    printed = coefficients("atlas_multilinguality", "equal_loss")
    phi, psi = printed["phi"], printed["psi"]
    alpha, beta = phi / printed["N_exponent"], psi / (printed["D_tot_exponent"] - 1.0)
    for ratio, (tokens, params) in _TABLE.items():
        ours = equal_loss_factors(float(ratio), phi=phi, psi=psi, alpha=alpha, beta=beta)
        # Half a digit, and what half a digit of the exponents makes of it.
        slack = 0.005 + 0.0005 * tokens * ratio**0.5
        yield Check(f"tokens for {ratio} times the languages", tokens, ours.tokens, slack,
                    source="section 5")  # fmt: skip
        yield Check(f"parameters for {ratio} times the languages", params, ours.params, 0.006,
                    source="section 5")  # fmt: skip
    four = equal_loss_factors(4.0, phi=phi, psi=psi, alpha=alpha, beta=beta)
    yield Check("percent fewer tokens a language, 4 times the languages", 32.0,
                100.0 * (1.0 - four.tokens_per_language), 0.5, source="section 5",
                reason="the printed exponents give 31.4; 32 is 1 - 2.74 / 4 = 31.5, rounded "
                "twice")  # fmt: skip
    compute = printed["N_exponent"] + printed["D_tot_exponent"]
    yield Check("exponent of compute", printed["C_exponent"], compute, 5e-3, source="section 5")
    yield Check("alpha", 0.45, alpha, 5e-3, source="phi / 0.243")
    yield Check("beta", 0.147, beta, 5e-4, source="psi / (0.728 - 1)")
