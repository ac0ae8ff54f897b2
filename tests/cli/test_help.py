"""What a newcomer reads first."""

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest
import typer

from scaling_jax.cli.app import app

COMMANDS = [
    (), ("laws",), ("laws", "list"), ("laws", "show"), ("datasets",), ("datasets", "list"),
    ("datasets", "show"), ("datasets", "fetch"), ("fit",), ("posterior",), ("predict",), ("plot",),
    ("report",), ("ladder",), ("ladder", "show"), ("ladder", "run"), ("ladder", "status"),
    ("ladder", "export"), ("ladder", "propose"), ("reproduce",), ("demo",),
]  # fmt: skip


def command(names) -> Any:
    found: Any = typer.main.get_command(app)
    for name in names:
        found = found.commands[name]
    return found


def examples(names) -> list[str]:
    """Return the example command lines of a command's help, continuation lines joined."""
    text = command(names).help.partition("Examples:\n")[2].replace("\\\n", " ").replace("\\[", "[")
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_every_command_is_tested_here():
    def walk(group, names=()):
        yield names
        for name, found in getattr(group, "commands", {}).items():
            yield from walk(found, (*names, name))

    assert sorted(walk(typer.main.get_command(app))) == sorted(COMMANDS)


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_has_examples_that_fit_a_terminal(run, names):
    done = run(*names, "--help")
    assert (done.code, done.err) == (0, "")
    assert "Examples:" in done.out
    for line in examples(names):
        assert line.startswith(f"scaling-jax {' '.join(names)}".strip())
    for line in command(names).help.partition("Examples:\n")[2].splitlines():
        assert len(line) <= 78, "is wrapped on a terminal of 80 columns"


@pytest.mark.parametrize("line", [line for names in COMMANDS for line in examples(names)])
def test_examples_are_understood(line):
    """Every example parses: its commands and options exist."""
    _, *arguments = shlex.split(line)
    found: Any = typer.main.get_command(app)
    context = found.make_context("scaling-jax", arguments, resilient_parsing=False)
    while context.invoked_subcommand is None and (rest := [*_rest(context)]):
        name, found, rest = found.resolve_command(context, rest)
        assert found is not None
        context = found.make_context(name, rest, parent=context)
        if not hasattr(found, "commands"):
            return


def _rest(context) -> list[str]:
    return [*getattr(context, "_protected_args", []), *context.args]


def test_no_arguments_is_help(run):
    assert run().out == run("--help").out
    assert run().code == 0


def test_groups_without_a_command_list(run):
    assert run("laws").out == run("laws", "list").out
    assert run("datasets").out == run("datasets", "list").out


def test_help_imports_nothing_heavy():
    code = (
        "import json, sys\nsys.argv = ['scaling-jax', 'fit', '--help']\n"
        "from scaling_jax.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(json.dumps([m for m in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.split(".")[0] for name in json.loads(done.stderr)}
    assert modules.isdisjoint({"jax", "numpy", "matplotlib", "pandas", "scipy", "pooch", "optax"})
    assert re.search(r"--law +LAW", done.stdout)
