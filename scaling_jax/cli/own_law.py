"""The law that a command works with: by name, or from a file of the user's own."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from scaling_jax.cli.arguments import assignments, number
from scaling_jax.cli.exits import CommandError
from scaling_jax.errors import ScalingError, did_you_mean, listing

if TYPE_CHECKING:
    from scaling_jax.laws import Law

_MODULE = "scaling_jax_law_from_"


def choose_law(
    text: str,
    options: list[str] | None = None,
    fix: list[str] | None = None,
    tie: list[str] | None = None,
) -> "Law":
    """Return the law called `text`, or the one of a Python file for ``path.py:name``.

    Raises:
        LawError: No such law, option or parameter.
        CommandError: The file cannot be run, or holds no such law.
    """
    chosen = {
        name: _option_value(value)
        for name, value in assignments(options, "--option", "breaks=2").items()
    }
    law = from_file(text, chosen) if is_file(text) else _registered(text, chosen)
    held = assignments(fix, "--fix", "E=1.69")
    if held:
        law = law.fix(**{name: number(value, f"--fix {name}") for name, value in held.items()})
    tied = assignments(tie, "--tie", "beta=alpha")
    return law.tie(**tied) if tied else law


def is_file(text: str) -> bool:
    """Whether the text names a Python file rather than a registered law."""
    path, _, _ = _split(text)
    return path.endswith(".py")


def files_of(text: str) -> tuple[Path, ...]:
    """Return the Python file that a law comes from, if it does."""
    return (Path(_split(text)[0]),) if is_file(text) else ()


def from_file(text: str, options: dict[str, Any] | None = None) -> "Law":
    """Run a Python file of the user's and return the law `name` of ``path.py:name``.

    The name may be left out where the file has one law.

    Raises:
        CommandError: There is no such file, it fails, or it holds no such law.
    """
    path, _, name = _split(text)
    variables = _laws_of(_run(Path(path)))
    found = {law.name: law for law in variables.values()}
    if not found:
        raise CommandError(f"{path} defines no law; make one with @sj.law(name=..., ...)")
    if not name and len(found) > 1:
        raise CommandError(f"{path} has the laws {listing(found)}; choose one with {path}:NAME")
    name = name or next(iter(found))
    law = found.get(name, variables.get(name))
    if law is None:
        raise CommandError(f"{path} has no law {name!r}; {did_you_mean(name, found)}")
    if callable(getattr(law, "make", None)):  # a family
        return law(**(options or {}))
    if options:
        raise CommandError(f"{name} is a single law and takes no --option")
    return law


def _split(text: str) -> tuple[str, str, str]:
    """Split ``path.py:name`` at its last colon; a colon may belong to a Windows drive."""
    path, colon, name = text.rpartition(":")
    return (path, colon, name) if path.endswith(".py") else (text, "", "")


def _registered(name: str, options: dict[str, Any]) -> "Law":
    from scaling_jax import laws

    return laws.get(name, **options)


def _laws_of(module: ModuleType) -> dict[str, Any]:
    """Return the laws and families that a module defines, by the variable that holds each."""
    from scaling_jax import laws
    from scaling_jax.laws.registry import Family

    return {
        name: value for name, value in vars(module).items() if isinstance(value, laws.Law | Family)
    }


def _run(path: Path) -> ModuleType:
    if not path.is_file():
        raise CommandError(f"there is no file {path}; --law takes a law's name or path.py:name")
    name = _MODULE + path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise CommandError(f"{path} is not a Python module that can be run")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except ScalingError as error:
        raise CommandError(f"{_place(path, error)}: {error}") from error
    except (Exception, SystemExit) as error:  # whatever the user's file raises
        raise CommandError(f"{_place(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _place(path: Path, error: BaseException) -> str:
    """Return the file and the line of it that an error came from."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{path}, line {error.lineno}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == path.absolute() or Path(frame.filename) == path
    ]
    return f"{path}, line {lines[-1]}" if lines else str(path)


def _option_value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
