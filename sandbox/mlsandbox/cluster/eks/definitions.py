"""The CustomResourceDefinitions of add-ons. Pods of add-ons do not run, but objects of their kinds are stored."""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from mlsandbox.cluster.kube import Kube, Object

_DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_LABELS = {"app.kubernetes.io/managed-by": "eks"}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Kind(_Model):
    """A namespaced kind of objects."""

    plural: str
    versions: Sequence[str]
    """The served versions; the first is the storage version."""

    deprecated: Sequence[str] = ()


class Definitions(_Model):
    """The kinds that one add-on defines."""

    release: str
    group: str
    kinds: Mapping[str, Kind]


@functools.cache
def table() -> Mapping[str, Definitions]:
    """The definitions by add-on name."""
    text = files(__package__).joinpath("definitions.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Definitions]).validate_python(yaml.safe_load(text))


def of(addons: Iterable[str]) -> dict[str, Object]:
    """The CustomResourceDefinitions of these add-ons, by name."""
    made = [definition for addon in addons if addon in table() for definition in _definitions(table()[addon])]
    return {one["metadata"]["name"]: one for one in made}


def sync(kube: Kube, addons: Iterable[str]) -> None:
    """Register the definitions of `addons`, and remove those of deleted add-ons."""
    wanted = of(addons)
    selector = quote(",".join(f"{key}={value}" for key, value in _LABELS.items()))
    present = {item["metadata"]["name"] for item in kube.items(f"{_DEFINITIONS}?labelSelector={selector}")}
    for name in present - wanted.keys():
        kube.delete(f"{_DEFINITIONS}/{name}")
    for name in wanted.keys() - present:
        kube.apply(f"{_DEFINITIONS}/{name}", wanted[name])


def _definitions(brought: Definitions) -> Iterator[Object]:
    """Definitions with an open schema: every field is accepted without validation."""
    for name, kind in brought.kinds.items():
        yield {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {
                "name": f"{kind.plural}.{brought.group}",
                "labels": _LABELS,
                # Required for groups under k8s.io and kubernetes.io:
                # https://kubernetes.io/docs/reference/labels-annotations-taints/#api-approved-kubernetes-io
                "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in with an open schema"},
            },
            "spec": {
                "group": brought.group,
                "scope": "Namespaced",
                "names": {
                    "kind": name,
                    "listKind": f"{name}List",
                    "plural": kind.plural,
                    "singular": name.lower(),
                    "shortNames": [],
                },
                "versions": [
                    {
                        "name": version,
                        "served": True,
                        "storage": version == kind.versions[0],
                        "deprecated": version in kind.deprecated,
                        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                        "subresources": {},
                    }
                    for version in kind.versions
                ],
            },
        }
