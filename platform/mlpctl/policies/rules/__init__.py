"""The rules, a module for each theme."""

from functools import cache
from importlib import import_module
from typing import Final

from mlpctl.policies.rule import Level, Rule

THEMES: Final = (
    "storage",
    "storage_access",
    "storage_logs",
    "keys",
    "permissions",
    "trust",
    "secrets",
    "messages",
    "network",
    "firewalls",
    "instances",
    "volumes",
    "clusters",
    "nodes",
    "images",
    "sagemaker",
    "databases",
    "filesystems",
    "logs",
    "load_balancers",
    "pod_security",
    "workloads",
    "services",
    "operations",
    "capacity",
    "reachability",
)
"""The modules, in the order of reports."""


@cache
def mandatory(profile: str) -> frozenset[str]:
    """The IDs of the rules that are mandatory in a profile."""
    return frozenset(each.id for each in rules() if each.levels.of(profile) is Level.MANDATORY)


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, by theme; the SDK is loaded only now."""
    return tuple(
        each
        for theme in THEMES
        for each in vars(import_module(f"{__name__}.{theme}")).values()
        if isinstance(each, Rule)
    )
