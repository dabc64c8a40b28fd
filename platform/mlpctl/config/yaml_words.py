"""How the Pulumi engine interprets unquoted scalars in a stack file.

The engine reads YAML 1.2 with a few extensions (gopkg.in/yaml.v3). PyYAML's own constructors read YAML 1.1, where `no`
is false and `1:30` is 90. Scalars that the engine would silently change are rejected: it reads `012` as 10, and a date
as a time with a time zone.
"""

import math
import re
from dataclasses import dataclass
from typing import Any

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_BASED = re.compile(r"[-+]?0([xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_EXPONENT = 1e21
"""From this value on, Go writes a number with an exponent, so that it stays a float."""

_TIMESTAMP = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([Tt ]\s*\d{1,2}:\d{2}:\d{2}(\.\d+)?\s*(Z|[-+]\d{1,2}(:?\d{2})?)?)?")


@dataclass(frozen=True)
class Ambiguous:
    """A plain scalar that YAML parsers interpret differently."""

    reason: str
    """Why it is rejected, as the end of a sentence."""


def meaning(word: str) -> Any:
    """The value of an unquoted scalar in the engine: None, a boolean, a finite number, text, or `Ambiguous`."""
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word[0] not in "+-.0123456789":
        return word
    if _TIMESTAMP.fullmatch(word):
        return Ambiguous("which YAML reads as a timestamp; put it in quotes")
    if _NOT_FINITE.fullmatch(word):
        return Ambiguous("which is not a finite number")
    digits = word.replace("_", "")
    if _LEADING_ZERO.fullmatch(digits):
        if "8" in digits or "9" in digits:
            return Ambiguous("which YAML reads as a number without its leading zero; put it in quotes")
        return Ambiguous("which YAML reads as an octal number; put it in quotes or remove the leading zero")
    if _INTEGER.fullmatch(digits) and len(digits) <= 19:
        return int(digits)
    if _BASED.fullmatch(digits) and len(digits) <= 19:
        return int(digits, 0)
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        if math.isinf(number):
            return Ambiguous("which is too large")
        # The engine passes JSON to a program, where 3.0 and 3 are the same number.
        return int(number) if number.is_integer() and abs(number) < _EXPONENT else number
    return word
