"""Long tables from wide ones."""

import numpy as np

from scaling_jax.datasets.adapters.shaping import melted


def test_missing_values_have_no_row():
    models = {"run": np.array(["a", "b"]), "params": np.array([1e6, 1e9])}
    scores = {"mmlu": np.array([0.3, np.nan]), "arc": np.array([0.2, 0.5])}
    long = melted(models, scores, key="benchmark", value="score")
    assert long["run"].tolist() == ["a", "a", "b"]
    assert long["params"].tolist() == [1e6, 1e6, 1e9]
    assert long["benchmark"].tolist() == ["mmlu", "arc", "arc"]
    assert long["score"].tolist() == [0.3, 0.2, 0.5]


def test_values_of_a_number_keep_it_as_a_number():
    curves = {200.0: np.array([3.0]), 400.0: np.array([2.0])}
    long = melted({"run": np.array(["a"])}, curves, key="examples", value="loss")
    assert long["examples"].tolist() == [200.0, 400.0]


def test_infinite_values_are_kept_for_the_table_to_refuse():
    long = melted({}, {"x": np.array([np.inf, np.nan])}, key="name", value="score")
    assert long["score"].tolist() == [np.inf]
