import json

import pytest

from scaling_jax import datasets


def test_lists_every_data_set(run):
    out = run("datasets").out
    for dataset in datasets.list():
        assert f"\n{dataset.name} " in out
        assert dataset.paper.split()[0] in out


def test_shows_what_is_known(run):
    for name in ("epoch_chinchilla", "dataset:epoch_chinchilla"):
        done = run("datasets", "show", name, env={"COLUMNS": "500"})
        assert done.out.strip() == str(datasets.describe("epoch_chinchilla")).strip()


def test_shows_as_json(run):
    found = json.loads(run("datasets", "parscale", "--json").out)
    assert found["rows"] == 48
    assert found["columns"]["streams"] == "parallel streams P"


def test_fetches_from_the_folder_of_tables(run, shared_data):
    done = run("datasets", "fetch", "epoch_chinchilla", env={"SCALING_JAX_DATA": str(shared_data)})
    assert done.code == 0
    assert "epoch_chinchilla: 245 runs" in done.err


@pytest.mark.parametrize("command", ["show", "fetch"])
def test_unknown_data_set(run, command):
    done = run("datasets", command, "epoch_chinchila")
    assert done.code == 2
    assert "did you mean epoch_chinchilla?" in done.error


def test_other_bytes_are_refused(run, tmp_path):
    file = tmp_path / "epoch_chinchilla" / "data" / "svg_extracted_data.csv"
    file.parent.mkdir(parents=True)
    file.write_text("Model Size,Training FLOP,loss\n1e9,1e20,2.5\n")
    done = run("datasets", "fetch", "epoch_chinchilla", env={"SCALING_JAX_DATA": str(tmp_path)})
    assert done.code == 2
    assert "SHA-256" in done.error
