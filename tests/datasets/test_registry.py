"""What is said about each data set is complete, pinned, and costs no network."""

import re

import pytest

import scaling_jax as sj
from scaling_jax.datasets.adapters import ADAPTERS
from scaling_jax.errors import DatasetError

NEEDED = {"epoch_chinchilla", "open_athena_isoflops", "datablations", "parscale"}

OWN = {"stdlib_ladder"}  # trained by the library itself: no paper, no address


def test_the_sets_that_the_laws_need_are_there():
    assert set(sj.datasets.names()) >= NEEDED
    assert [dataset.name for dataset in sj.datasets.list()] == sj.datasets.names()


def test_every_described_set_can_be_loaded_and_the_reverse():
    assert set(ADAPTERS) == set(sj.datasets.names())


@pytest.mark.parametrize("name", sj.datasets.names())
def test_facts_are_complete_and_addresses_pinned(name):
    dataset = sj.datasets.describe(name)
    if name not in OWN:
        assert re.fullmatch("[0-9a-f]{40}", dataset.commit)
        assert re.search("arXiv|bioRxiv", dataset.paper)
        assert dataset.published
    assert dataset.title
    assert dataset.licence
    assert dataset.known_problems
    assert dataset.columns
    assert bool(dataset.files) != bool(dataset.embedded and dataset.transcribed_from)
    for file in dataset.files.values():
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        pinned = file.address.startswith("https://") and dataset.commit in file.address
        assert pinned != bool(file.transcribed_from)


@pytest.mark.parametrize("name", sj.datasets.names())
def test_defaults_are_choices(name):
    for option in sj.datasets.describe(name).options.values():
        assert option.default is None or option.default in option.choices


def test_addresses_are_those_of_the_files(shared_data):
    yaml = pytest.importorskip("yaml")
    manifest = shared_data / "MANIFEST.yaml"
    if not manifest.is_file():
        pytest.skip(f"no manifest to compare with: {manifest}")
    known = {entry["id"]: entry for entry in yaml.safe_load(manifest.read_text())["data_sets"]}
    for dataset in (found for found in sj.datasets.list() if found.name not in OWN):
        files = {file["path"]: file for file in known[dataset.name]["files"]}
        for file in dataset.files.values():
            if file.address:
                assert file.address == files[file.path]["raw_url"]
                assert file.sha256 == files[file.path]["sha256"]


def test_description_is_readable_text():
    text = str(sj.datasets.describe("open_athena_isoflops"))
    for words in ("licence:", "llama_3__raw_loss", "never pool", "alpha 0.31", "must be given"):
        assert words in text


def test_unknown_name_is_one_sentence_with_the_closest_one():
    with pytest.raises(DatasetError, match="no data set 'epoch'; .*epoch_chinchilla"):
        sj.datasets.describe("epoch")
