"""The command `mlpctl`, also as `python -m mlpctl`."""

import sys

from mlpctl.errors import FAILED, of_the_installation


def main() -> None:
    """Run the command, or report the extra that it needs."""
    try:
        from mlpctl import cli
    except ModuleNotFoundError as error:
        message = of_the_installation(error)
        if not message:
            raise
        sys.stderr.write(f"{message}\n")
        sys.exit(FAILED)
    cli.main()


if __name__ == "__main__":
    main()
