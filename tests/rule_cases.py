"""The cases of the platform's rules: resources, and the result of one rule for each of them."""

from datetime import date
from pathlib import Path
from typing import Final

from mlpctl.policies import testing
from mlpctl.policies.rule import Rule
from mlpctl.policies.testing import Case, cases

__all__ = ["CASES", "Case", "results"]

FOLDER: Final = Path(__file__).parent / "unit" / "policies" / "rules"
TODAY: Final = date(2026, 11, 29)
CASES: Final = (*cases(FOLDER),)


def results(rule: Rule, case: Case) -> dict[str, str]:
    """The results of a rule by logical name, in the form of `Case.expected`."""
    return testing.results(rule, *case.resources, settings=case.settings, today=TODAY, stacks=case.stacks)
