"""Guardrails of a cluster: native admission policies for all pods and Services, and namespaces with guards."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s

from mlplatform import grammar
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, fitting, need, what_is
from mlplatform.component import Component
from mlplatform.security import guarded_namespace
from mlplatform.security.cluster_guardrails import policies, services
from mlplatform.security.cluster_guardrails.spec import (
    SYSTEM,
    AllowedImages,
    ClusterGuardrailsSpec,
    Enforcement,
    fixed_images,
    whole,
)
from mlplatform.security.guarded_namespace import PodSecurity

LABELS: Final = {"app.kubernetes.io/component": "guardrails", "app.kubernetes.io/part-of": "mlplatform"}


class ClusterGuardrailsArgs(TypedDict):
    """Arguments of `ClusterGuardrails`."""

    guardrails: ClusterGuardrailsSpec
    """The guardrails."""

    registry_url: pulumi.Input[str]
    """Host name of the account's registry. Images of it are allowed."""

    repository_urls: NotRequired[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """URLs of repositories in the account's registry, by name. Default: none."""

    release_tags: NotRequired[Mapping[str, Sequence[str]]]
    """Tags that cannot be moved, with `*` as a wildcard, by the name of a repository in `repository_urls`. Images with
    such a tag need no digest. Default: none."""

    caches: NotRequired[Sequence[str]]
    """Prefixes of repositories in the account's registry that cache public registries and whose tags cannot be moved.
    Images of them need no digest. Default: none."""

    images: NotRequired[Sequence[str]]
    """Images that are allowed as they are, e.g. those of the program's own services. Default: none."""

    workload_namespaces: NotRequired[Sequence[str]]
    """Namespaces that the component creates with the Pod Security Standard `restricted` and no other guards, except
    those that `guardrails` names. Default: none."""

    s3_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of S3 in the region. Required for `guardrails.namespaces` with `s3`."""

    vpc_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of the VPC. A wider network in the field `egress` of a namespace does not include them. Default: only
    private ranges are excluded."""

    model_ports: NotRequired[Mapping[str, int]]
    """Ports of the models that namespaces call, by name. A model is in the namespace with its name. Required for
    namespaces with `calls`."""


class ClusterGuardrails(Component):
    """Admission policies that the API server evaluates for all pods and Services, and guarded namespaces.

    Policies for pods also apply to templates of pods. Its objects are created with the Kubernetes provider in `opts`.
    """

    policies: pulumi.Output[Mapping[str, str]]
    """Names of the ValidatingAdmissionPolicies, by their field in `guardrails.enforcement`."""

    namespaces: pulumi.Output[Mapping[str, str]]
    """The namespaces that it creates, by name. They are known after their guards are created."""

    def __init__(self, name: str, args: ClusterGuardrailsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(ClusterGuardrailsArgs, self, name, args)
        wanted = args["guardrails"]
        if any(each.s3 for each in wanted.namespaces.values()):
            need(self, name, args, "s3_cidrs", since="guardrails.namespaces use s3")
        s3 = fitting(self, name, "s3_cidrs", args.get("s3_cidrs", []), grammar.networks)
        own = fitting(self, name, "vpc_cidrs", args.get("vpc_cidrs", []), grammar.networks)
        plain = self._plain_namespaces(name, wanted, args)
        ports = guarded_namespace.checked_ports(what_is(self, name), wanted.namespaces, args.get("model_ports", {}))
        super().__init__(name, args, opts)

        allowed = pulumi.Output.all(registry=args["registry_url"], urls=args.get("repository_urls", {})).apply(
            lambda known: policies.images(_images(wanted, args, known["registry"], known["urls"])).spec()
        )
        strict = wanted.enforcement
        made: dict[str, Any] = {
            "gpuNodes": self._policy(name, "gpu-nodes", policies.GPU_NODES.spec(), strict.gpu_nodes, wanted),
            "hostAccess": self._policy(name, "host-access", policies.HOST_ACCESS.spec(), strict.host_access, wanted),
            "images": self._policy(name, "images", allowed, strict.images, wanted),
            "resources": self._policy(
                name, "resources", policies.resources(wanted.priority_classes).spec(), strict.resources, wanted
            ),
            "services": self._policy(name, "services", services.spec(), strict.services, wanted),
        }
        self._namespaces = {
            each: guarded_namespace.create_guarded(self, f"{name}-{each}", each, guards, LABELS, s3, own, ports)
            for each, guards in wanted.namespaces.items()
        } | {each: guarded_namespace.known_after(each, self._plain(name, each)) for each in plain}

        self.policies = pulumi.Output.from_input(made)
        namespaces: dict[str, Any] = {**self._namespaces}
        self.namespaces = pulumi.Output.from_input(namespaces)
        self._done()

    def created(self) -> dict[str, pulumi.Output[str]]:
        """The namespaces that it creates, by name, for components whose objects lie in them."""
        return {**self._namespaces}

    def _plain(self, name: str, namespace: str) -> "k8s.core.v1.Namespace":
        """A namespace with a Pod Security Standard and no other guards."""
        logical_name = f"{name}-{namespace}-namespace"
        return guarded_namespace.create_namespace(self, logical_name, namespace, PodSecurity.RESTRICTED, LABELS)

    def _plain_namespaces(self, name: str, wanted: ClusterGuardrailsSpec, args: ClusterGuardrailsArgs) -> list[str]:
        given = args.get("workload_namespaces", ())
        try:
            grammar.namespaces(given, "it")
        except ValueError as error:
            problems = [Problem("workload_namespaces", line.removeprefix("it ")) for line in str(error).splitlines()]
            raise ArgumentsError(what_is(self, name), problems) from None
        there = {*wanted.namespaces, *wanted.existing_namespaces}
        return [each for each in dict.fromkeys(given) if each not in there]

    def _policy(
        self,
        name: str,
        part: str,
        spec: pulumi.Input[dict[str, Any]],
        enforcement: Enforcement,
        wanted: ClusterGuardrailsSpec,
    ) -> pulumi.Output[str]:
        """Create a policy and bind it to all namespaces but those that are exempt."""
        logical_name = f"{name}-{part}"

        def metadata(child: str) -> dict[str, Any]:
            # A fixed name, because the API server's messages contain it.
            return {"name": logical_name, "labels": LABELS, "annotations": self.annotations_for(child)}

        policy = k8s.admissionregistration.v1.ValidatingAdmissionPolicy(
            logical_name, metadata=metadata(logical_name), spec=spec, opts=self.child()
        )
        exempt = [*SYSTEM, *wanted.exempt_namespaces]
        key = "kubernetes.io/metadata.name"
        k8s.admissionregistration.v1.ValidatingAdmissionPolicyBinding(
            f"{logical_name}-binding",
            metadata=metadata(f"{logical_name}-binding"),
            spec={
                "policy_name": logical_name,
                "validation_actions": [*policies.ACTIONS[enforcement]],
                "match_resources": {
                    "namespace_selector": {"match_expressions": [{"key": key, "operator": "NotIn", "values": exempt}]}
                },
            },
            opts=self.child(depends_on=[policy]),
        )
        return guarded_namespace.known_after(logical_name, policy)


def _images(
    wanted: ClusterGuardrailsSpec, args: ClusterGuardrailsArgs, registry: str, urls: Mapping[str, str]
) -> AllowedImages:
    """What is allowed as an image."""
    return AllowedImages(
        [*dict.fromkeys([registry, *wanted.allowed_registries])],
        fixed_images(registry, urls, args.get("release_tags", {}), args.get("caches", ())),
        [*dict.fromkeys(map(whole, args.get("images", ())))],
    )
