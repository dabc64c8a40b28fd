"""Rules for resources and stacks: one set for the policy pack, reviews and audits.

A team writes rules of its own with `rule` and `stack_rule`.
"""

from mlpctl.policies.estate import Estate, NotApplicable, NotEvaluated, Resource, Setting
from mlpctl.policies.rule import (
    ALWAYS,
    FROM_STAGING,
    ONLY_ADVICE,
    ONLY_PROD,
    Field,
    Level,
    Levels,
    Rule,
    Severity,
    rule,
    stack_rule,
)

__all__ = [
    "ALWAYS",
    "FROM_STAGING",
    "ONLY_ADVICE",
    "ONLY_PROD",
    "Estate",
    "Field",
    "Level",
    "Levels",
    "NotApplicable",
    "NotEvaluated",
    "Resource",
    "Rule",
    "Setting",
    "Severity",
    "rule",
    "stack_rule",
]
