"""The spec of guardrails."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.alias_generators import to_camel

from mlplatform import grammar, namespaces
from mlplatform.security.guarded_namespace import GuardedNamespaceSpec
from mlplatform.spec import Spec

MAX_SOURCES: Final = 50
MAX_NAMESPACES: Final = 100
MAX_CLASSES: Final = 50

SYSTEM: Final = ("kube-system", "amazon-guardduty")
"""Namespaces whose pods run the nodes and the cluster, or protect them.

GuardDuty installs its agent, if it manages it, in every cluster of the account, with access to the node and with an
image from a registry of AWS: https://docs.aws.amazon.com/guardduty/latest/ug/how-runtime-monitoring-works-eks.html,
https://www.eksworkshop.com/docs/security/guardduty/enabling
"""

SYSTEM_CLASSES: Final = "system-"
"""Beginning of the names of Kubernetes' own PriorityClasses; no others can begin so:
https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#priorityclass"""

_SOURCE: Final = re.compile(rf"{grammar.HOST}(:[0-9]{{1,5}})?(/{grammar.REPOSITORY})?")


class Enforcement(Enum):
    """What happens to a request that breaks a policy."""

    AUDIT = "audit"
    WARN = "warn"
    DENY = "deny"


class EnforcementSpec(Spec):
    """What happens to a request that breaks a policy.

    `deny` rejects it, `warn` answers with a warning, and `audit` only adds it to the audit log of the API server.
    """

    gpu_nodes: Enforcement = Enforcement.DENY
    """Pods that run on GPU nodes without using GPUs, and pods in guarded namespaces that request accelerators which no
    quota counts: MIG devices, shared GPUs, other vendors' devices, and `resourceClaims`."""

    host_access: Enforcement = Enforcement.DENY
    """Pods that control their node or use its devices: hostPath, hostNetwork, hostPID, hostIPC, hostPort, privileged
    containers and capabilities."""

    images: Enforcement = Enforcement.DENY
    """Images of containers and volumes from other registries than those that are allowed, and images that can change.
    Profile dev sets `warn`."""

    resources: Enforcement = Enforcement.DENY
    """Containers without a memory limit or a CPU request, or with one of zero, and pods that preempt others by a
    PriorityClass of Kubernetes itself, or by one that a guarded namespace may not use."""

    services: Enforcement = Enforcement.DENY
    """Services with `externalIPs`, and those of type ExternalName in guarded namespaces."""


class ClusterGuardrailsSpec(Spec):
    """Rules that the Kubernetes API server applies to all pods and Services, and namespaces with guards."""

    enforcement: EnforcementSpec = EnforcementSpec()
    """How strict each policy is."""

    allowed_registries: list[str] = Field(default=[], max_length=MAX_SOURCES)
    """Registries, or parts of them, that images may come from, e.g. `public.ecr.aws/eks` or `docker.io/vllm`.
    The account's own registry and the images that `inference` names are always allowed."""

    exempt_namespaces: list[str] = Field(default=[], max_length=MAX_NAMESPACES)
    """Namespaces of software that runs the nodes, e.g. of a security agent, to which no policy applies. Default: only
    kube-system and amazon-guardduty."""

    priority_classes: list[str] = Field(default=[], max_length=MAX_CLASSES)
    """PriorityClasses that pods in namespaces with guards may have, including the cluster's global default, if there is
    one. In other namespaces, pods may have all but those that begin with `system-`. Default: none."""

    namespaces: dict[str, GuardedNamespaceSpec] = Field(default={}, max_length=MAX_NAMESPACES)
    """Namespaces that the platform creates with a Pod Security Standard, a network policy that denies what it does not
    name, a quota, and requests and limits for containers that state none."""

    existing_namespaces: list[str] = Field(default=[], max_length=MAX_NAMESPACES)
    """Namespaces of `workloads` that exist already. The platform neither creates nor changes them. It creates all other
    namespaces of workloads, with the Pod Security Standard `restricted`."""

    @field_validator("allowed_registries")
    @classmethod
    def _registries_have_hosts(cls, value: list[str]) -> list[str]:
        wrong = [
            f"allowedRegistries[{index}] is {grammar.quoted(each)}; allowed: a registry's host name, with or without a "
            "path, e.g. docker.io/vllm"
            for index, each in enumerate(value)
            if len(each) > grammar.MAX_IMAGE_NAME
            or not _SOURCE.fullmatch(each)
            or not re.search(r"[.:]|^localhost", each.partition("/")[0])
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("priority_classes")
    @classmethod
    def _classes_have_names(cls, value: list[str]) -> list[str]:
        allowed = f"names of PriorityClasses that do not begin with {SYSTEM_CLASSES}"
        wrong = [
            f"priorityClasses[{index}] is {grammar.quoted(each)}; allowed: {allowed}"
            for index, each in enumerate(value)
            if each.startswith(SYSTEM_CLASSES)
            or len(each) > grammar.MAX_OBJECT_NAME
            or not re.fullmatch(grammar.OBJECT_NAME, each)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("exempt_namespaces", "existing_namespaces")
    @classmethod
    def _namespaces_have_names(cls, value: list[str], info: ValidationInfo) -> list[str]:
        grammar.namespaces(value, to_camel(str(info.field_name)))
        return value

    @field_validator("namespaces")
    @classmethod
    def _own_namespaces_have_names(cls, value: dict[str, GuardedNamespaceSpec]) -> dict[str, GuardedNamespaceSpec]:
        check_own(value, "namespaces")
        return value

    @model_validator(mode="after")
    def _created_namespaces_do_not_exist(self) -> Self:
        if both := [each for each in self.existing_namespaces if each in self.namespaces]:
            raise ValueError(
                f"existingNamespaces has {', '.join(both)}; allowed: namespaces that namespaces does not create"
            )
        return self


@dataclass(frozen=True)
class AllowedImages:
    """What is allowed as an image."""

    sources: Sequence[str]
    """Registries and parts of them."""

    fixed: Sequence[str]
    """Patterns of images with tags that cannot be moved, as regular expressions."""

    named: Sequence[str] = ()
    """Images with their registry that are allowed as they are."""


def check_own(values: Mapping[str, object], field: str) -> None:
    """Check the names of namespaces that a component creates.

    Raises:
        ValueError: one line per invalid name.
    """
    allowed = {each: _own_problem(each) for each in values}
    wrong = [f"{field} has {grammar.quoted(each)}; allowed: {words}" for each, words in allowed.items() if words]
    if wrong:
        raise ValueError("\n".join(wrong))


def _own_problem(name: str) -> str | None:
    """What is allowed instead of the name of a namespace that a component creates; None for a valid one."""
    if namespaces.of_kubernetes(name):
        return namespaces.NAMES
    if name in SYSTEM:
        return f"names other than {', '.join(SYSTEM)}, to which no guardrail applies"
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", name):
        return "lower-case letters, digits and hyphens, a letter first, at most 20 characters"
    return None


def fixed_images(
    registry: str, urls: Mapping[str, str], release_tags: Mapping[str, Sequence[str]], caches: Sequence[str]
) -> list[str]:
    """Patterns of images in own repositories whose tags cannot be moved.

    Args:
        registry: host name of the account's registry.
        urls: URLs of its repositories, by name.
        release_tags: patterns of the tags that cannot be moved, by the name of their repository.
        caches: prefixes of the repositories that cache public registries, whose tags cannot be moved either.
    """
    tag = "[A-Za-z0-9_.-]"
    found = [
        rf"{re.escape(urls[name])}:({'|'.join(re.escape(each).replace(re.escape('*'), f'{tag}*') for each in tags)})"
        for name, tags in release_tags.items()
        if name in urls and tags
    ]
    if caches:
        found.append(rf"{re.escape(registry)}/({'|'.join(map(re.escape, caches))})/[^:@]+:{tag}+")
    return found


def whole(image: str) -> str:
    """An image with its registry.

    >>> whole("vllm/vllm-openai:v0.23.0"), whole("python:3.12"), whole("localhost:5000/a:1")
    ('docker.io/vllm/vllm-openai:v0.23.0', 'docker.io/library/python:3.12', 'localhost:5000/a:1')
    """
    first, slash, _ = image.partition("/")
    if slash and re.search(r"[.:]|^localhost$", first):
        return image
    return f"docker.io/{image}" if slash else f"docker.io/library/{image}"
