"""Where compiled programs are kept; each case in a process of its own, since JAX is configured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling_jax.cli import cache

COMPILE = (
    "import jax, sys\n"
    "from scaling_jax.cli.cache import use_compilation_cache\n"
    "print(use_compilation_cache(sys.argv[1] == 'on'))\n"
    "jax.jit(lambda x: x * 3.0 + 1.0)(2.0)"
)


def compile_in_a_process(*, allowed: bool = True, **variables: str) -> str:
    kept = {k: v for k, v in os.environ.items() if "CACHE" not in k and k != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, "on" if allowed else "off"],
        capture_output=True, text=True, check=True, env=kept | variables,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.strip()


def programs(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_programs_are_kept_in_the_users_cache_folder(tmp_path):
    place = compile_in_a_process(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert Path(place) == tmp_path / "cache" / "scaling_jax" / "xla"
    assert programs(tmp_path / "cache")  # however small the program


def test_the_folder_can_be_moved(tmp_path):
    place = compile_in_a_process(HOME=str(tmp_path), SCALING_JAX_CACHE=str(tmp_path / "here"))
    assert Path(place) == tmp_path / "here"
    assert programs(tmp_path / "here")


@pytest.mark.parametrize("value", ["off", "OFF", "0"])
def test_the_cache_can_be_switched_off(tmp_path, value):
    assert compile_in_a_process(HOME=str(tmp_path), SCALING_JAX_CACHE=value) == "None"
    assert programs(tmp_path) == []


def test_a_flag_switches_it_off(tmp_path):
    assert compile_in_a_process(allowed=False, HOME=str(tmp_path)) == "None"
    assert programs(tmp_path) == []


def test_a_folder_that_cannot_be_written_to_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")
    place = compile_in_a_process(HOME=str(tmp_path), SCALING_JAX_CACHE=str(tmp_path / "file/xla"))
    assert place == "None"


def test_jaxs_own_variable_wins(tmp_path):
    place = compile_in_a_process(
        HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(tmp_path / "jax")
    )
    assert Path(place) == tmp_path / "jax"


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("linux", "{home}/.cache/scaling_jax"),
        ("darwin", "{home}/Library/Caches/scaling_jax"),
        ("win32", "{home}/AppData/Local/scaling_jax/Cache"),
    ],
)
def test_the_folder_is_that_of_the_platform(platform, expected, tmp_path, monkeypatch):
    """The same folder as that of downloaded tables, which pooch chooses."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache.user_cache() == Path(expected.format(home=tmp_path))


def test_the_folder_is_the_one_of_downloads():
    pooch = pytest.importorskip("pooch")
    assert cache.user_cache() == Path(pooch.os_cache("scaling_jax"))
