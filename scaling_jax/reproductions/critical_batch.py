"""Critical batch sizes: arithmetic of the printed constants."""

from collections.abc import Iterator

from scaling_jax.protocols.critical_batch import TradeOff
from scaling_jax.protocols.kaplan_frontier import minimum_compute, minimum_steps
from scaling_jax.reproductions.evaluating import coefficients, value_of
from scaling_jax.reproductions.record import Check, reproduction


@reproduction(of="kaplan_bcrit")
def kaplan_critical_batch() -> Iterator[Check]:
    """The exponent, and what training at the critical batch costs."""
    exponent = 1.0 / coefficients("kaplan_bcrit", "table_5")["alpha_B"]
    yield Check("1 / alpha_B", 4.76190, exponent, 5e-6, source="Step Law Table 1")
    for loss in (2.0, 4.0):
        batch = value_of("kaplan_bcrit", "table_5", loss=loss)
        compute = 1.0 / float(minimum_compute(1.0, batch, batch))
        steps = 1.0 / float(minimum_steps(1.0, batch, batch))
        yield Check(f"compute over the least at B_crit({loss:g})", 2.0, compute, 1e-6,
                    unverified=True)  # fmt: skip
        yield Check(f"steps over the least at B_crit({loss:g})", 2.0, steps, 1e-6,
                    unverified=True)  # fmt: skip


@reproduction(of="mccandlish_cbs")
def hyperbola_at_critical_batch() -> Iterator[Check]:
    """Twice the least steps and twice the least examples at the critical batch."""
    trade_off = TradeOff(1000.0, 5e6)
    batch = trade_off.critical_batch
    yield Check("S / S_min", 2.0, trade_off.steps(batch) / trade_off.S_min, 1e-9)
    yield Check("E / E_min", 2.0, trade_off.examples(batch) / trade_off.E_min, 1e-9)


@reproduction(of="power_lines_bcrit")
def power_lines_critical_batch() -> Iterator[Check]:
    """The critical batch of the 610M runs, where the timescale begins to drift."""
    batch = value_of("power_lines_bcrit", "slimpajama", min_tokens=12.2e9) / 2048
    yield Check("sequences at 12.2B tokens", 2150, batch, 30, source="drift above 2016",
                unverified=True)  # fmt: skip


@reproduction(of="zhang_cbs")
def zhang_settings() -> Iterator[Check]:
    """The law of size at 20 tokens per parameter is the law of data: both counted in millions."""
    size = value_of("zhang_cbs", "chinchilla_optimal", params=302e6) / 512
    data = value_of("zhang_cbs", "fixed_model", {"setting": "fixed_model"}, tokens=6040e6) / 512
    yield Check("sequences at 302M, D = 20N", 1364, size, 1.0, source="Sec. 3")
    yield Check("sequences at 6.04B tokens", 1372, data, 1.0, source="Fig. 1b", unverified=True)
    exponents = [coefficients("zhang_cbs", name)[key]
                 for name, key in (("chinchilla_optimal", "p"), ("fixed_model", "r"))]  # fmt: skip
    yield Check("exponent of data beside that of size", exponents[0], exponents[1], 5e-3,
                source="the critical batch follows data")  # fmt: skip
