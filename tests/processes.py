"""Python in processes of its own, for tests of signals, devices and hosts."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def start(code: str, *arguments: object, **environment: str) -> subprocess.Popen:
    """Start an interpreter on `code`, with the repository to import from."""
    return subprocess.Popen(
        [sys.executable, "-u", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    )


def finish(process: subprocess.Popen, timeout: float = 120.0) -> tuple[int, str, str]:
    """Return the exit code, stdout and stderr; a process that takes longer is killed."""
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(
            f"still running after {timeout:g} s: {out[-2000:]}{err[-2000:]}"
        ) from None
    return process.returncode, out, err


def finish_all(running: Sequence[subprocess.Popen]) -> list[tuple[int, str, str]]:
    """Return exit codes and outputs; read side by side, as no process waits for a full pipe."""
    with ThreadPoolExecutor(len(running)) as pool:
        return list(pool.map(finish, running))


def run(code: str, *arguments: object, **environment: str) -> str:
    """Return the stdout of `code`, which has to succeed."""
    code_, out, err = finish(start(code, *arguments, **environment))
    assert code_ == 0, err[-4000:]
    return out


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
