"""The other stack files of a project, for rules that compare stacks.

All doors of the rules read them here: the policy pack, reviews and audits. The files are only read; nothing is run.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml
from pydantic import ValidationError

from mlpctl import project
from mlpctl.keys import PLATFORM
from mlpctl.review.plan.stack_config import profile_fault

if TYPE_CHECKING:
    from mlpctl.config import Platform

Read: TypeAlias = "Platform | str"
"""Settings with all defaults, or why they cannot be read, as the end of a sentence."""


@dataclass(frozen=True)
class Sibling:
    """Another stack of the project."""

    name: str
    profile: str
    """`dev`, `staging` or `prod`; empty if its file is so invalid that the profile is not known."""

    read: Callable[[], Read] = field(repr=False, compare=False)

    @cached_property
    def platform(self) -> Read:
        """Its settings."""
        return self.read()


@dataclass(frozen=True)
class Siblings:
    """The stacks of the project that a stack belongs to."""

    find: Callable[[], Iterator[Sibling]] = field(repr=False, compare=False)
    region: str | None = None
    """The region of the stack itself."""

    @cached_property
    def all(self) -> tuple[Sibling, ...]:
        """The stacks of the project with a section of the platform in their files, the stack itself included."""
        return tuple(self.find())

    def of_profile(self, profile: str) -> list[Sibling]:
        """The stacks of a profile, and those whose profile is not known."""
        return [each for each in self.all if each.profile in (profile, "")]

    def own(self, settings: Mapping[str, Any]) -> Read:
        """The settings of the stack itself, from its section with all defaults."""
        return _validated(settings, self.region, "the settings of the stack are incomplete")


def of_project(root: Path, region: Any) -> Siblings:
    """The stacks of a project.

    Args:
        root: folder of the project.
        region: the region in the config of the stack itself, whatever it is.
    """
    return Siblings(partial(_of_files, root), region if isinstance(region, str) and region else None)


def of_sections(sections: Mapping[str, Mapping[str, Any] | None]) -> Siblings:
    """Stacks by name, from the platform's sections of their files; None for a file that is invalid."""

    def find() -> Iterator[Sibling]:
        for name, section in sections.items():
            yield Sibling(name, _profile(section), partial(_of_section, name, section))

    return Siblings(find)


def _of_files(root: Path) -> Iterator[Sibling]:
    for path in sorted(project.configs(root, project.settings(root)).glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        try:
            content = path.read_bytes()
            # Other programs' stack files need no further look.
            data = yaml.safe_load(content) if PLATFORM.encode() in content else {}
        except (OSError, yaml.YAMLError, ValueError, RecursionError):
            yield Sibling(name, "", partial(_of_file, name, path))
            continue
        config = data.get("config") if isinstance(data, Mapping) else None
        if isinstance(config, Mapping) and PLATFORM in config:
            yield Sibling(name, _profile(config[PLATFORM]), partial(_of_file, name, path))


def _profile(section: Any) -> str:
    there = isinstance(section, Mapping) and not profile_fault(section)
    return str(section.get("profile", "")) if there else ""


def _of_file(name: str, path: Path) -> Read:
    # This imports the components, which programs without the platform's config do not need.
    from mlpctl import config

    try:
        return config.read(path).platform
    except config.ConfigError as error:
        return f"{_invalid(name)}: {error.problems[0]}"


def _of_section(name: str, section: Mapping[str, Any] | None) -> Read:
    from mlpctl.config import Platform, profiles

    return _validated(profiles.fill(profiles.PROFILES, Platform, section).data, None, _invalid(name))


def _invalid(name: str) -> str:
    return f"the file of stack {name} is invalid"


def _validated(section: Any, region: str | None, fault: str) -> Read:
    from mlpctl.config import Platform

    try:
        return Platform.model_validate(section, context={"region": region})
    except ValidationError:
        return fault
