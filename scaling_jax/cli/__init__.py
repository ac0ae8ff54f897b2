"""The command line `scaling-jax`: one module a group of commands, everything heavy inside them."""


def main() -> None:
    """Run the command line on the process's arguments and exit with its code."""
    from scaling_jax.cli import interrupts
    from scaling_jax.cli.app import app

    interrupts.listen()
    try:
        app()
    except SystemExit as end:
        if end.code in (interrupts.INTERRUPTED, interrupts.TERMINATED):
            interrupts.leave_at_once()
        raise
