"""What is particular to the laws of sparsity and of distillation."""

import numpy as np
import pytest

import scaling_jax as sj

pytestmark = pytest.mark.usefixtures("float64")


def test_dense_models_and_the_limit_of_all_weights_pruned():
    law, theta = sj.laws.get("sparse_frantar"), sj.laws.get("sparse_frantar").published("t5").params
    point = dict(params=1e8, tokens=np.inf)
    dense = float(law(theta, {**point, "sparsity": 0.0}))
    by_hand = (theta["a_S"] + theta["c_S"]) * 1e8 ** -theta["b_N"] + theta["c"]
    assert dense == pytest.approx(by_hand, rel=1e-12)
    bare = float(law(theta, {**point, "sparsity": 1.0}))
    assert bare == pytest.approx(theta["c_S"] * 1e8 ** -theta["b_N"] + theta["c"], rel=1e-12)


def test_images_are_counted_in_their_own_column():
    vit = sj.laws.get("sparse_frantar").published("vit")
    assert vit.law.input_names == ("sparsity", "params", "examples")
    assert vit.verified == "recalled"


def test_average_size_stands_in_chinchillas_law():
    theta = dict(E=1.7, A=400.0, B=400.0, alpha=0.34, beta=0.28)
    sparse = sj.laws.get("journey_matters")(theta, dict(average_params=1e9, tokens=1e10))
    dense = sj.laws.get("chinchilla")(theta, dict(params=1e9, tokens=1e10))
    assert float(sparse) == pytest.approx(float(dense), rel=1e-12)
