"""What the functions of rules may yield: a team's own rules are not checked by anything else."""

from collections.abc import Iterable, Mapping

from mlpctl.policies.estate import Resource, Setting


def several(found: object) -> Iterable[object]:
    """What a function returned, as its violations one after another.

    Raises:
        TypeError: it is no series of violations, e.g. a text, whose letters would each be one.
    """
    if isinstance(found, str | bytes | Mapping) or not isinstance(found, Iterable):
        raise TypeError(f"it returned {_kind(found)} instead of yielding a sentence for each violation")
    return found


def sentence(found: object) -> str:
    """A violation as text.

    Raises:
        TypeError: it is no text, or an empty one.
    """
    if not isinstance(found, str) or not found.strip():
        raise TypeError(f"it yielded {_kind(found)} instead of a sentence")
    return found


def located(found: object) -> tuple[Resource | Setting | None, str]:
    """A violation of a rule for the stack: its resource or field, if it names one, and its text.

    Raises:
        TypeError: it is neither a text nor a resource or a field with a text.
    """
    if not isinstance(found, tuple):
        return None, sentence(found)
    if len(found) != 2 or not isinstance(found[0], Resource | Setting):
        raise TypeError("it yielded a tuple that is no resource with a sentence")
    return found[0], sentence(found[1])


def _kind(found: object) -> str:
    if found is None:
        return "None"
    if isinstance(found, str):
        return "a text" if found.strip() else "an empty text"
    return f"a value of type {type(found).__name__}"
