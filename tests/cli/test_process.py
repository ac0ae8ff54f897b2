"""The command as a process: signals, pipes, entry point."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from scaling_jax.cli import main; main()"]


def start(*arguments: object, **more) -> subprocess.Popen:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip


def test_a_bad_table_ends_with_code_2_and_without_a_traceback(tmp_path):
    (tmp_path / "runs.csv").write_text("params,tokens,loss\n1e9,2e10,oops\n")
    done = start("fit", "runs.csv", "--law", "chinchilla", "--out", "fit.json", cwd=tmp_path)
    out, err = done.communicate()
    assert (done.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(
        "scaling-jax: error: runs.csv, row 1 (line 2): loss holds the text 'oops'"
    )
    assert os.listdir(tmp_path) == ["runs.csv"]


WORKING = """
import pathlib, time
{work}
pathlib.Path(__file__).with_name('started').touch()
try:
    time.sleep(60)
except KeyboardInterrupt:
    {answer}
import scaling_jax as sj
law = sj.laws.get("parscale")
"""
# JAX computes in a thread of its own, which goes on when Python is interrupted.
COMPUTING = """
import jax
endless = jax.jit(lambda x: jax.lax.while_loop(lambda x: x < 2.0, lambda x: x * 1.0, x))(1.0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a child process")
@pytest.mark.parametrize(
    ("work", "answer"),
    [("", "raise"), (COMPUTING, "raise"), ("", "pass")],
    ids=["waiting", "computing", "not heard"],
)
def test_ctrl_c_leaves_nothing_half_written(tmp_path, work, answer):
    """The law's own file tells when the command is in the middle of its work."""
    law = tmp_path / "slow.py"
    law.write_text(WORKING.format(work=work, answer=answer))
    command = start("fit", "dataset:parscale", "--law", law, "--out", tmp_path / "fit.json")
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists():
        assert command.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out, err) == (130, "", "scaling-jax: interrupted\n")
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["slow.py", "started"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
def test_a_reader_that_goes_away_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = subprocess.Popen(
        [*COMMAND, "laws", "show", "chinchilla"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    _, err = command.communicate()
    assert (command.returncode, err) == (141, "")


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path):
    more = {"env": {**os.environ, "SCALING_JAX_CACHE": str(tmp_path)}}
    more["env"].pop("JAX_COMPILATION_CACHE_DIR", None)
    kept = []
    for _ in range(2):
        command = start("fit", "dataset:parscale", "--law", "parscale", "-q", **more)
        assert command.communicate() == ("", "")
        kept.append(sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir()))
    assert kept[0]
    assert kept[1] == kept[0]


def test_the_installed_command_is_this_one():
    script = Path(sys.executable).with_name("scaling-jax")
    if not script.exists():
        pytest.skip("the package is not installed in this environment")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("scaling-jax ")
