"""What validators of fields share: they report all problems of a value at once, one per line of a `ValueError`."""

from collections.abc import Callable, Iterable, Iterator


def refused(values: Iterable[str], check: Callable[[str], object]) -> Iterator[tuple[str, str]]:
    """The values for which `check` raises `ValueError`, each with the error's message."""
    for value in values:
        try:
            check(value)
        except ValueError as error:
            yield value, str(error)


def refuse(problems: Iterable[str]) -> None:
    """Raise `ValueError` with a line for each problem; nothing if there is none."""
    if lines := "\n".join(problems):
        raise ValueError(lines)
