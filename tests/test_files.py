"""Files are there as a whole or not at all, whatever happens while they are written."""

import os
import stat

import pytest

from scaling_jax.errors import ArtifactError
from scaling_jax.files import write_atomically


def left_behind(folder, *known):
    """Return what lies in a folder beside the known files."""
    return sorted(set(os.listdir(folder)) - set(known))


def test_text_and_bytes_are_written(tmp_path):
    write_atomically(tmp_path / "text", "Grüße\n")
    write_atomically(str(tmp_path / "bytes"), b"\x00\xff")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "Grüße\n"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert left_behind(tmp_path, "text", "bytes") == []


def test_an_old_file_is_replaced(tmp_path):
    path = tmp_path / "fit.json"
    path.write_text("a much longer old text")
    write_atomically(path, "new")
    assert path.read_text() == "new"


@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, MemoryError])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call, error):
    path = tmp_path / "fit.json"
    path.write_text("old")

    def interrupt(*_):
        raise error

    monkeypatch.setattr(os, call, interrupt)
    with pytest.raises(ArtifactError if error is OSError else error):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert left_behind(tmp_path, "fit.json") == []


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ArtifactError, match=r"absent/fit.json: No such file.*nothing was written"):
        write_atomically(tmp_path / "absent" / "fit.json", "x")


def test_a_folder_in_the_way_is_an_error_and_stays(tmp_path):
    (tmp_path / "fit.json").mkdir()
    with pytest.raises(ArtifactError, match="cannot write .*fit.json"):
        write_atomically(tmp_path / "fit.json", "x")
    assert left_behind(tmp_path, "fit.json") == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_others_may_read_what_the_umask_lets_them(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "fit.json", "x")
        assert os.umask(0o027) == 0o027  # writing does not change it
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "fit.json").stat().st_mode) == 0o640
