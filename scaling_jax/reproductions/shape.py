"""Shape: arithmetic of the printed laws."""

import math
from collections.abc import Iterator

from scaling_jax.protocols.shape import compound_scaling, fast_shares, speed_up
from scaling_jax.reproductions.evaluating import coefficients, value_of
from scaling_jax.reproductions.record import Check, reproduction


@reproduction(of="gemstones_wd")
def gemstones_check() -> Iterator[Check]:
    """The repository's own check of its first coefficient set."""
    run = dict(width=1024.0, depth=28.0, params=543482880.0, tokens=1.0003e10)
    loss = value_of("gemstones_wd", "all", None, **run)
    yield Check("loss of 28 layers of 1024 on 10B tokens", 3.047, loss, 5e-4,
                source="parameters_delta-4")  # fmt: skip
    yield Check("the same beside the observed loss", 3.101, loss, 0.02, relative=True,
                source="observed")  # fmt: skip


@reproduction(of="sovit_shape")
def sovit_growth() -> Iterator[Check]:
    """From the small base to SoViT-400m by the exponents, with the compute of both shapes."""
    base, large = (608.0, 10.0, 928.0), (1152.0, 27.0, 4304.0)
    growth = _flops(*large) / _flops(*base)
    reason = (
        "the exponents 0.22, 0.45 and 0.6 are recalled and not consistent with each other: their "
        "shapes would need more compute than they are given; the published shape was also rounded"
    )
    exponents = coefficients("sovit_shape", "vit")
    for k, name in enumerate(("width", "depth", "mlp")):
        ours = base[k] * growth ** exponents[f"s_{name}"]
        yield Check(f"{name} of SoViT-400m from the small base", large[k], ours, 0.1, relative=True,
                    reason="" if name == "width" else reason, unverified=True)  # fmt: skip
    ordered = exponents["s_mlp"] > exponents["s_depth"] > exponents["s_width"]
    yield Check("MLP grows fastest, then depth, then width (1: yes)", 1.0, float(ordered), 0.0,
                unverified=True)  # fmt: skip


def _flops(width: float, depth: float, mlp: float) -> float:
    """Return the multiplications of one token: attention projections and MLP."""
    return depth * (4.0 * width**2 + 2.0 * width * mlp)


@reproduction(of="bian_shape")
def bian_ranking() -> Iterator[Check]:
    """Predicted and observed losses of four 1B shapes, as printed."""
    predicted, observed = (2.916, 2.935, 2.959, 2.953), (2.896, 2.909, 2.9326, 2.9198)
    errors = [100.0 * abs(p / o - 1.0) for p, o in zip(predicted, observed, strict=True)]
    yield Check("largest relative error, %", 1.2, max(errors), 0.1, source="below 1.2%")
    same = _order(predicted) == _order(observed)
    yield Check("predicted and observed order agree (1: Spearman is 1.00)", 1.0, float(same), 0.0,
                source="Spearman 1.00")  # fmt: skip
    # At equal size and data the shape alone orders the candidates, deep ones first.
    shapes = [value_of("bian_shape", "tied", params=1.3e9, tokens=2.6e10, aspect_ratio=w / d)
              for d, w in ((24, 2048), (16, 2560), (12, 2816), (12, 3072))]  # fmt: skip
    yield Check("loss rises with the aspect ratio (1: yes)", 1.0,
                float(shapes == sorted(shapes)), 0.0)  # fmt: skip


def _order(values: tuple[float, ...]) -> list[int]:
    return sorted(range(len(values)), key=values.__getitem__)


@reproduction(of="fast_model_scaling")
def fast_exponents() -> Iterator[Check]:
    """Exponents of the activations in the FLOP factor."""
    third = 1.0 / 3.0
    strategies = {
        "uniform compound": (dict(depth=third, width=third, resolution=third), 5.0 / 6.0),
        "width only": (dict(depth=0.0, width=1.0, resolution=0.0), 0.5),
        "fast compound, alpha = 0.8": (fast_shares(0.8), 0.6),
    }
    for name, (shares, published) in strategies.items():
        factor = float(compound_scaling(10.0, **shares).activations)
        yield Check(f"exponent of the activations, {name}", published, math.log10(factor), 1e-6,
                    unverified=True)  # fmt: skip
    law = value_of("fast_model_scaling", "recommended", flops_factor=10.0)
    yield Check("exponent of the activations, from the law", 0.6, math.log10(law), 1e-6,
                unverified=True)  # fmt: skip


@reproduction(of="stacking_growth")
def stacking_tokens() -> Iterator[Check]:
    """Growth tokens of the Llama models, and the speed-up."""
    models = (("Llama3-8B", 8e9, 15e12, 6.58), ("Llama2-7B", 7e9, 2e12, 11.11),
              ("Llama2-13B", 13e9, 2e12, 15.84), ("Llama2-70B", 70e9, 2e12, 42.48))  # fmt: skip
    for name, params, tokens, published in models:
        ours = value_of("stacking_growth", "published", params=params,
                        compute_flops=6.0 * params * tokens)  # fmt: skip
        yield Check(f"{name}, billions of tokens", published, ours / 1e9, 6e-3, source="README")
    yield Check("speed-up of 7B at 300B tokens, %", 54.6, 100.0 * speed_up(300e9, 194e9), 0.05,
                source="README")  # fmt: skip
