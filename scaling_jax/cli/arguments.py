"""Arguments that typer cannot declare: lists of assignments, inputs named after a law's columns.

``--columns params=N tokens=D`` is read as ``--columns params=N --columns tokens=D``, and
``predict fit.json --params 70B`` takes options that only the saved fit knows the names of.
"""

import re
from typing import Any

from typer.core import TyperCommand

from scaling_jax.cli.exits import CommandError
from scaling_jax.errors import ScalingError

INPUTS = "scaling_jax.inputs"  # where a context keeps the inputs that were given
_ASSIGNMENT = re.compile(r"\s*[A-Za-z_]\w*\s*=")


class AssignmentCommand(TyperCommand):
    """A command whose options for assignments take one or several of them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; see `typer.core.TyperCommand.parse_args`."""
        return super().parse_args(ctx, _one_assignment_an_option(args, self._assigning()))

    def _assigning(self) -> set[str]:
        """The options whose value is shown as ``NAME=...``."""
        return {
            spelling
            for parameter in self.params
            if "=" in (getattr(parameter, "metavar", None) or "")
            for spelling in parameter.opts
        }


class InputCommand(AssignmentCommand):
    """A command that takes every option it does not know as an input of the law."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; see `typer.core.TyperCommand.parse_args`."""
        flags, valued = self._declared()
        rest, inputs = _split_inputs(args, flags, valued)
        ctx.meta[INPUTS] = inputs
        return super().parse_args(ctx, rest)

    def _declared(self) -> tuple[set[str], set[str]]:
        """The spellings of the declared options without and with a value."""
        flags, valued = {"--help"}, set()
        for parameter in self.params:
            spellings = {s for s in (*parameter.opts, *parameter.secondary_opts) if s[:1] == "-"}
            (flags if getattr(parameter, "is_flag", False) else valued).update(spellings)
        return flags, valued


def _one_assignment_an_option(args: list[str], assigning: set[str]) -> list[str]:
    """Repeat an option before every further assignment that follows it."""
    expanded: list[str] = []
    option, has_value = "", False
    for position, argument in enumerate(args):
        if argument == "--":
            return expanded + args[position:]
        if argument.startswith("-"):
            option, has_value = (argument if argument in assigning else ""), False
        elif option and has_value and _ASSIGNMENT.match(argument):
            expanded.append(option)
        elif option and has_value:
            option = ""
        else:
            has_value = True
        expanded.append(argument)
    return expanded


def _split_inputs(
    args: list[str], flags: set[str], valued: set[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the arguments of declared options, and (option, text) of all the others."""
    rest: list[str] = []
    inputs: list[tuple[str, str]] = []
    remaining = iter(args)
    for argument in remaining:
        option, equals, text = argument.partition("=")
        if not option.startswith("--") or option == "--" or option in flags:
            rest.append(argument)
        elif option in valued:
            rest.append(argument)
            if not equals:
                rest.extend([value] if (value := next(remaining, None)) is not None else [])
        else:
            value = text if equals else next(remaining, None)
            if value is None or (not equals and value.startswith("--")):
                raise CommandError(f"{option} needs a value, such as {option} 7e9")
            inputs.append((option, value))
    return rest, inputs


def assignments(items: list[str] | None, option: str, example: str) -> dict[str, str]:
    """Return name -> text from the ``name=text`` values of an option.

    Raises:
        CommandError: No equals sign, nothing on one side of it, or a name given twice.

    Example:
        >>> assignments(["params=N"], "--columns", "params=N")
        {'params': 'N'}
    """
    found: dict[str, str] = {}
    for item in items or ():
        name, equals, text = (part.strip() for part in item.partition("="))
        if not (equals and name and text):
            raise CommandError(
                f"{option} takes name=value, not {item!r}; for example {option} {example}"
            )
        if name in found:
            raise CommandError(f"{option} gives {name} twice; give it once")
        found[name] = text
    return found


def number(text: str, what: str) -> float:
    """Return a number or a size such as 7B.

    Raises:
        CommandError: It is neither.

    Example:
        >>> number("1.4T", "--tokens"), number("-0.5", "--fix a")
        (1400000000000.0, -0.5)
    """
    from scaling_jax.runs import parse_size

    try:
        return float(text)
    except ValueError:
        pass
    try:
        return parse_size(text)
    except ScalingError:
        raise CommandError(
            f"{what} takes a number such as 7e9, 7B or 1.4T, not {text.strip()!r}"
        ) from None


def numbers(text: str, what: str) -> list[float]:
    """Return the numbers of a list with commas.

    Raises:
        CommandError: Something is not a number, or the commas could separate thousands.

    Example:
        >>> numbers("7B,70B", "--params")
        [7000000000.0, 70000000000.0]
    """
    if "," in text and _is_one_number(text):
        raise CommandError(
            f"{what} {text} could be one number or several; write {text.replace(',', '')} for one, "
            f"or repeat {what} for several"
        )
    return [number(part, what) for part in text.split(",")]


def _is_one_number(text: str) -> bool:
    from scaling_jax.runs import parse_size

    try:
        parse_size(text)
    except ScalingError:
        return False
    return True
