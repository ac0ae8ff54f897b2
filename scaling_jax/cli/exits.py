"""How a command ends: one line on stderr and an exit code, a traceback only when asked for.

| code | meaning |
|---|---|
| 0 | done |
| 1 | ``--strict`` was given and the fit is not to be trusted; a reproduction failed |
| 2 | wrong use or wrong input; nothing was written |
| 70 | a defect of the library |
| 130 | interrupted |
| 143 | told to end (SIGTERM) while training a ladder |
| 141 | the reader of the output went away |
"""

import contextlib
import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from scaling_jax.cli import interrupts
from scaling_jax.cli.remedies import for_the_command_line
from scaling_jax.cli.terminal import PROGRAM, PipeClosed, say
from scaling_jax.errors import ScalingError

STRICT, WRONG_USE, DEFECT, PIPE_CLOSED = 1, 2, 70, 141
GLOBAL_FLAGS = ("--debug", "--no-compilation-cache")
DEBUG_VARIABLE = "SCALING_JAX_DEBUG"

# The base of all usage errors, from click or from typer's own copy of it.
_UsageError: Any = typer.BadParameter.__bases__[0]


class CommandError(ScalingError):
    """An argument of the command line that cannot be used."""


class Interrupted(Exception):
    """Ctrl-C, as an exception that typer does not answer itself; with what to do, if anything."""


class Application(TyperGroup):
    """The root command: flags that may stand anywhere, and one place where every failure ends."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; see `typer.core.TyperGroup.main`."""
        given = list(sys.argv[1:] if args is None else args)
        flags = [argument for argument in given if argument in GLOBAL_FLAGS]
        rest = [argument for argument in given if argument not in GLOBAL_FLAGS]

        extra = {"obj": {"command": shlex.join([PROGRAM, *given])}} | extra

        def run() -> Any:
            return super(Application, self).main(
                [*flags, *rest], PROGRAM, complete_var, False, windows_expand_args, **extra
            )

        if not standalone_mode:
            return run()
        debug = "--debug" in flags or os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")
        sys.exit(exit_code(run, debug=debug))

    def invoke(self, ctx: Any) -> Any:
        """Run a command; see `typer.core.TyperGroup.invoke`."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            raise PipeClosed from None


def exit_code(run: Callable[[], Any], *, debug: bool = False) -> int:
    """Run a command, say in one line what went wrong if anything did, and return the exit code."""
    try:
        with _warnings_as_lines():
            code = run()
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (Interrupted, KeyboardInterrupt, typer.Abort) as error:
        say(str(error) or "interrupted")
        return interrupts.exit_code()
    except (PipeClosed, BrokenPipeError):
        _forget_stdout()
        return PIPE_CLOSED
    except _UsageError as error:
        _traceback(error, debug)
        say(f"error: {_sentence(error.format_message())}; see {_help_of(error)}")
        return WRONG_USE
    except ScalingError as error:
        _traceback(error, debug)
        say(f"error: {_sentence(for_the_command_line(str(error)))}")
        return WRONG_USE
    except Exception as error:
        _traceback(error, debug)
        again = "" if debug else "; --debug shows where it happened"
        say(
            f"internal error: {type(error).__name__}: {_sentence(str(error))[:300]} (a defect of "
            f"scaling_jax, please report it{again})"
        )
        return DEFECT


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _help_of(error: Any) -> str:
    command = error.ctx.command_path if error.ctx is not None else PROGRAM
    return f"{command} --help"


def _traceback(error: BaseException, debug: bool) -> None:
    if debug:
        traceback.print_exception(error, file=sys.stderr)


def _forget_stdout() -> None:
    """Keep Python from complaining, at its own exit, of a pipe that nobody reads."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Show what the library warns of as lines of this program, and nobody's deprecations."""

    def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        say(f"warning: {_sentence(for_the_command_line(str(message)))}")

    with warnings.catch_warnings():
        if not sys.warnoptions:  # python -W or PYTHONWARNINGS: the user's own choice
            warnings.simplefilter("ignore")
            warnings.simplefilter("default", UserWarning)
            warnings.simplefilter("default", RuntimeWarning)
        warnings.showwarning = show
        yield
