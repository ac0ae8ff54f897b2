"""The command line `scaling-jax`: one module a group of commands, everything heavy inside them."""


def main() -> None:
    """Run the command line on the process's arguments and exit with its code."""
    from scaling_jax.cli.app import app

    app()
