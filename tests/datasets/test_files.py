"""Files come from a local folder or their address, never with other bytes than the pinned ones."""

import hashlib

import pytest

from scaling_jax.datasets.files import fetch
from scaling_jax.datasets.registry import Dataset, File
from scaling_jax.errors import DatasetError
from tests.processes import finish, start

BYTES = b"params,tokens,loss\n1e8,1e9,3.5\n"
PATH = "data/runs.csv"


def dataset(address="https://example.invalid/runs.csv", transcribed_from="") -> Dataset:
    file = File(PATH, hashlib.sha256(BYTES).hexdigest(), address, transcribed_from)
    return Dataset(
        name="example",
        title="Runs",
        paper="",
        licence="",
        repository="",
        commit="",
        rows=1,
        columns={},
        files={PATH: file},
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALING_JAX_DATA", str(tmp_path))
    (tmp_path / "example" / "data").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """No local folder, and a cache folder of the test's own."""
    monkeypatch.delenv("SCALING_JAX_DATA", raising=False)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / name)
    return tmp_path / "scaling_jax" / "example"


def serve(monkeypatch, body: bytes) -> list[str]:
    """Let downloads give `body`; return the list in which their addresses are noted."""
    asked = []

    def download(self, url, output_file, pooch):
        asked.append(url)
        with open(output_file, "wb") as stream:
            stream.write(body)

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", download)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between attempts
    return asked


def test_local_folder_is_used_and_nothing_fetched(folder, monkeypatch):
    (folder / "example" / PATH).write_bytes(BYTES)
    asked = serve(monkeypatch, BYTES)
    assert fetch(dataset(), PATH) == [folder / "example" / PATH]
    assert asked == []


def test_local_file_with_other_bytes_is_refused(folder):
    (folder / "example" / PATH).write_bytes(BYTES + b"1e9,1e10,2.9\n")
    with pytest.raises(
        DatasetError, match=r"runs\.csv is not the pinned file .* get it again from"
    ):
        fetch(dataset(), PATH)


def test_missing_local_file_names_place_and_remedy(folder):
    with pytest.raises(
        DatasetError, match=r"not at .*/example/data/runs\.csv; .*unset it to fetch"
    ):
        fetch(dataset(), PATH)


def test_missing_local_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SCALING_JAX_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        DatasetError, match="SCALING_JAX_DATA names .*nowhere, which is not a folder"
    ):
        fetch(dataset(), PATH)


def test_file_is_fetched_once(cache, monkeypatch):
    asked = serve(monkeypatch, BYTES)
    for _ in range(2):
        (path,) = fetch(dataset(), PATH)
        assert path == cache / PATH
        assert path.read_bytes() == BYTES
    assert asked == ["https://example.invalid/runs.csv"]


def test_damaged_cached_file_is_fetched_again(cache, monkeypatch):
    asked = serve(monkeypatch, BYTES)
    (cache / "data").mkdir(parents=True)
    (cache / PATH).write_bytes(b"half a fi")
    (path,) = fetch(dataset(), PATH)
    assert path.read_bytes() == BYTES
    assert len(asked) == 1


def test_fetched_file_with_other_bytes_is_refused_and_not_kept(cache, monkeypatch):
    serve(monkeypatch, b"<html>not found</html>")
    with pytest.raises(
        DatasetError, match=r"cannot fetch data/runs\.csv of example .*does not match"
    ):
        fetch(dataset(), PATH)
    assert [path for path in cache.rglob("*") if path.is_file()] == []


def test_a_failed_fetch_is_the_last_thing_that_a_script_says(tmp_path):
    """The progress display is closed before, not by the interpreter as it shuts down."""
    code = """
import socket
def refuse(*_, **__): raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = refuse
import time
time.sleep = lambda seconds: None
import scaling_jax as sj
sj.datasets.load("epoch_chinchilla")
"""
    process = start(code, XDG_CACHE_HOME=str(tmp_path), SCALING_JAX_DATA="")
    returncode, _, err = finish(process)
    assert returncode == 1
    assert "MissingDataError: cannot fetch" in err.strip().splitlines()[-1]


def test_no_network_is_one_sentence_with_a_remedy(cache, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(DatasetError, match="check the network .* SCALING_JAX_DATA") as caught:
        fetch(dataset(), PATH)
    assert "\n" not in str(caught.value)


def test_file_without_address_is_not_fetched(cache, monkeypatch):
    asked = serve(monkeypatch, BYTES)
    transcribed = dataset(address="", transcribed_from="the appendix")
    with pytest.raises(DatasetError, match="no public address; .* transcribe it from the appendix"):
        fetch(transcribed, PATH)
    assert asked == []
