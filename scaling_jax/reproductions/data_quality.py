"""Data quality: filtered pools over epochs, filtering rates, and the worth of corrupted data."""

from collections.abc import Iterator

import numpy as np

from scaling_jax.reproductions.evaluating import coefficients, value_of
from scaling_jax.reproductions.record import Check, reproduction

_POOL = 12.8e6


@reproduction(of="data_filtering_utility")
def filtering_utility_over_epochs() -> Iterator[Check]:
    """The authors' code, in which d is added before the later epochs multiply."""
    code = {12.8e6: 0.9731138, 32e6: 0.8888910, 64e6: 0.8493434, 128e6: 0.8323529, 640e6: 0.8284525}
    for samples, error in code.items():
        ours = value_of(
            "data_filtering_utility",
            "ablation",
            {"irreducible": "inside"},
            examples=samples,
            unique_examples=_POOL,
        )
        source = "func_effective_utility of the authors' objective.py, run"
        yield Check(f"error after {samples / 1e6:g}M samples", error, ours, 1e-7, source=source)


@reproduction(of="betr_filtering_rate")
def filtering_rates() -> Iterator[Check]:
    """The rate that the power law gives, and which of the rates tried is nearest to it."""
    tried = np.array([3.0, 10.0, 30.0, 100.0])
    for compute, percent in ((1e20, 4.0), (1e21, 7.1), (1e22, 12.6), (1e23, 22.5)):
        ours = value_of("betr_filtering_rate", "target_core", compute_flops=compute)
        source = "section 6.2, coefficients"
        yield Check(f"percent kept at {compute:.0e} FLOP", percent, ours, 0.05, source=source)
    for compute, best in ((1e20, 3.0), (1e22, 10.0), (1e23, 30.0), (1e24, 30.0)):
        rate = value_of("betr_filtering_rate", "target_core", compute_flops=compute)
        nearest = tried[np.argmin(np.abs(np.log(tried / rate)))]
        yield Check(f"best rate tried at {compute:.0e} FLOP", best, nearest, 0.0, source="Fig. 10")


@reproduction(of="data_quality_q")
def quality_exponents_and_trade() -> Iterator[Check]:
    """Exponents of quality by two objectives, and data that make up for corruption."""
    huber = coefficients("data_quality_q", "c4")
    least = coefficients("data_quality_q", "c4_least_squares")
    yield Check("gamma on C4, Huber beside least squares", least["gamma"], huber["gamma"], 0.015,
                source="Table 2; gamma near 0.39 for all learning rates")  # fmt: skip
    for name in ("c4", "nmt"):
        values = coefficients("data_quality_q", name)
        more = (1.0 / 0.5) ** (values["gamma"] / values["beta"])
        clean = value_of("data_quality_q", name, tokens=1e9, quality=1.0)
        noisy = value_of("data_quality_q", name, tokens=1e9 * more, quality=0.5)
        yield Check(f"loss at Q = 0.5 of {more:.3g} times the data, {name}", clean, noisy, 1e-9,
                    source="D2 = D1*(Q1/Q2)**(gamma/beta)")  # fmt: skip
