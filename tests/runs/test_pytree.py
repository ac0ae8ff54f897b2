"""A run table goes through JAX's transformations unharmed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scaling_jax.errors import RunTableError
from scaling_jax.runs import RunTable


@pytest.fixture
def runs():
    # Columns out of alphabetical order: JAX sorts the keys of dictionaries.
    return RunTable.from_columns(
        {"tokens": [1e9, 1e10, 1e11], "family": ["b", "a", "b"], "params": [1e7, 1e8, 1e9]}
    )


def test_tree_map_keeps_order_text_and_rows(runs):
    same = jax.tree.map(lambda leaf: leaf, runs)
    assert isinstance(same, RunTable)
    assert same.columns == ("tokens", "family", "params")
    assert same["family"].tolist() == ["b", "a", "b"]
    assert same.where_is(2) == "row 3"
    assert jax.tree.structure(same) == jax.tree.structure(runs)


def test_rebuilding_does_not_check(runs):
    negative = jax.tree.map(lambda leaf: -leaf, runs)
    assert negative["params"].tolist() == [-1e7, -1e8, -1e9]


def test_jit_takes_and_returns_tables(runs):
    traces = []

    @jax.jit
    def halve(table):
        traces.append(repr(table))
        assert len(table) == 3
        return jax.tree.map(lambda leaf: leaf // 2, table), jnp.sum(table["params"])

    half, total = halve(runs)
    halve(runs.take([2, 1, 0]))
    assert len(traces) == 1, "a table of the same columns and length compiles nothing new"
    assert traces[0] == "RunTable(tokens, family, params)"
    assert half.columns == runs.columns
    assert float(total) == pytest.approx(1.11e9)


def test_vmap_maps_over_runs(runs):
    seen = jax.vmap(lambda run: (run["params"] * run["tokens"], run.codes["family"]))(runs)
    np.testing.assert_allclose(seen[0], [1e16, 1e18, 1e20], rtol=1e-6)
    assert seen[1].tolist() == [1, 0, 1]


def test_eval_shape_and_grad(runs):
    shape = jax.eval_shape(lambda table: table, runs)
    assert shape.numbers["params"].shape == (3,)
    assert len(shape) == 3
    assert "RunTable" in repr(shape)
    gradient = jax.grad(lambda numbers: jnp.sum(numbers["params"] ** 2))(runs.numbers)
    np.testing.assert_allclose(gradient["params"], [2e7, 2e8, 2e9], rtol=1e-6)


def test_text_is_refused_while_tracing(runs):
    with pytest.raises(RunTableError, match="cannot be traced by JAX; use runs.codes.'family'."):
        jax.jit(lambda table: table["family"])(runs)


def test_selecting_while_tracing_is_one_sentence(runs):
    numbers = runs.drop("family")
    with pytest.raises(RunTableError, match="traced by JAX.*outside jit"):
        jax.jit(lambda table: table.take([0]))(numbers)
    with pytest.raises(RunTableError, match="cannot be read as an array") as caught:
        jax.jit(lambda table: table.where("params > 1"))(numbers)
    assert "\n" not in str(caught.value)


def test_paths_name_the_columns(runs):
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(runs)]
    assert ".numbers['params']" in paths
    assert ".codes['family']" in paths
