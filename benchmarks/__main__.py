"""`python -m benchmarks [NAME …]`: run benchmarks and print the results."""

from typing import Annotated

import typer
from rich.console import Console

from benchmarks.measure import BenchmarkError
from benchmarks.report import table
from benchmarks.suites import SUITES


def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Benchmarks to run, of {', '.join(SUITES)}. Default: all.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each variant.")] = 5,
) -> None:
    """Run benchmarks. Each one runs next to a comparable twin."""
    if unknown := [name for name in names or () if name not in SUITES]:
        raise typer.BadParameter(f"{', '.join(unknown)}; allowed: {', '.join(SUITES)}")
    console = Console()
    for name in names or SUITES:
        suite = SUITES[name]
        try:
            lines = suite(rounds)
        except BenchmarkError as error:
            raise typer.Exit(_failed(console, error)) from error
        console.print(table((suite.__doc__ or name).rstrip("."), lines))
        console.print()


def _failed(console: Console, error: BenchmarkError) -> int:
    console.print(str(error), markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    typer.run(main)
