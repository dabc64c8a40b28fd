"""The command `mlsandbox`, also as `python -m mlsandbox`."""

import sys

from mlsandbox.errors import missing_extra


def main() -> None:
    """Run the command, or report the extra that it needs."""
    try:
        from mlsandbox import cli
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{missing_extra(error)}\n")
        sys.exit(1)
    cli.main()


if __name__ == "__main__":
    main()
