"""Which CustomResourceDefinitions come with which chart: the table in `charts.yaml`, as objects to register."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from mlsandbox.providers.kubernetes.objects import Object, dig


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Chart(_Model):
    """What a chart does about CustomResourceDefinitions."""

    projects: Sequence[str]
    """Projects whose definitions it installs."""

    switch: str | None = None
    """Path of the value that turns them on or off."""

    default: bool = True
    """What the chart's own values say at `switch`."""

    keep: bool = True
    """Whether the definitions outlive the release."""

    def installs(self, values: Mapping[str, Any]) -> bool:
        """Whether a release with these values has the definitions."""
        if self.switch is None:
            return True
        value = dig(values, *self.switch.split("."))
        return self.default if value is None else value is True


class Definition(_Model):
    """A kind that a project defines."""

    plural: str
    cluster: bool = False
    versions: Sequence[str]
    storage: str | None = None
    deprecated: Sequence[str] = ()
    short: Sequence[str] = ()
    status: bool = True
    scale: Mapping[str, str] | None = None


class Project(_Model):
    """What one release of a project publishes."""

    release: str
    source: str
    groups: Mapping[str, Mapping[str, Definition]]


class Table(_Model):
    """The whole of `charts.yaml`."""

    charts: Mapping[str, Chart]
    projects: Mapping[str, Project] = Field(default_factory=dict)


@functools.cache
def table() -> Table:
    """The table, read once."""
    text = files(__package__).joinpath("charts.yaml").read_text(encoding="utf-8")
    return Table.model_validate(yaml.safe_load(text))


def chart_name(chart: str) -> str:
    """A chart's name in what a program gives: `oci://public.ecr.aws/karpenter/karpenter` is `karpenter`."""
    return chart.rstrip("/").rpartition("/")[2].removesuffix(".tgz")


def find(chart: str) -> Chart | None:
    """What is known of a chart; None if it is not in the table."""
    return table().charts.get(chart_name(chart))


def releases(chart: Chart) -> Sequence[str]:
    """The releases whose kinds the sandbox plays for a chart."""
    return [table().projects[project].release for project in chart.projects]


def definitions(chart: Chart) -> Iterator[Object]:
    """The CustomResourceDefinitions of a chart. Their schemas are open: any field is taken, none is checked."""
    for project in chart.projects:
        for group, kinds in table().projects[project].groups.items():
            for kind, definition in kinds.items():
                yield _definition(group, kind, definition)


def _definition(group: str, kind: str, definition: Definition) -> Object:
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": definition.plural,
        "singular": kind.lower(),
        "shortNames": list(definition.short),
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{definition.plural}.{group}",
            # Groups under k8s.io and kubernetes.io are refused without it:
            # https://kubernetes.io/docs/reference/labels-annotations-taints/#api-approved-kubernetes-io
            "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in with an open schema"},
        },
        "spec": {
            "group": group,
            "scope": "Cluster" if definition.cluster else "Namespaced",
            "names": names,
            "versions": [_version(name, definition) for name in definition.versions],
        },
    }


def _version(name: str, definition: Definition) -> Object:
    subresources: Object = {"status": {}} if definition.status else {}
    if definition.scale:
        subresources["scale"] = dict(definition.scale)
    return {
        "name": name,
        "served": True,
        "storage": name == (definition.storage or definition.versions[0]),
        "deprecated": name in definition.deprecated,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": subresources,
    }
