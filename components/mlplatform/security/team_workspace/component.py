"""A team's place in a cluster: namespaces with guards, roles of people, and identities of programs."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NotRequired

import pulumi
import pulumi_kubernetes as k8s

from mlplatform import grammar
from mlplatform.args import AccountArgs, BoundaryArgs, PartitionArgs, RegionArgs, TagArgs
from mlplatform.checks.arguments import ArgumentsError, Problem, checked, fitting, need, what_is
from mlplatform.component import Component
from mlplatform.security import guarded_namespace
from mlplatform.security.team_workspace import rights
from mlplatform.security.team_workspace.spec import TeamWorkspaceSpec, identities, problems
from mlplatform.security.workload_identity.component import WorkloadIdentityArgs, check_names, create_identity

LABELS: Final = {"app.kubernetes.io/component": "workspace", "app.kubernetes.io/part-of": "mlplatform"}

TEAM_TAG: Final = "team"
"""Tag of the team's AWS resources, which can be activated as a cost allocation tag:
https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html"""

TEAM_LABEL: Final = f"{grammar.OUR_LABELS}/team"
"""Label of the team's namespaces and of the objects in them, by which cost tools in the cluster find them. AWS imports
only labels of pods:
https://docs.aws.amazon.com/cur/latest/userguide/split-cost-allocation-data-kubernetes-labels.html"""


class TeamWorkspaceArgs(AccountArgs, RegionArgs, PartitionArgs, BoundaryArgs, TagArgs):
    """Arguments of `TeamWorkspace`."""

    team: TeamWorkspaceSpec
    """The workspace. The component's name is the team's name."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster that it is in."""

    bucket_arns: Mapping[str, pulumi.Input[str]]
    """ARNs of the buckets that its service accounts may use, by name."""

    data_key_arn: NotRequired[pulumi.Input[str]]
    """ARN of the KMS key of these buckets. Default: none, they are encrypted with keys that S3 manages."""

    repository_arns: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """ARNs of the image repositories that its service accounts may use, by name."""

    s3_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of S3 in the region. Required for service accounts with buckets and for namespaces with `s3`."""

    vpc_cidrs: NotRequired[pulumi.Input[Sequence[str]]]
    """CIDR blocks of the VPC. A wider network in the field `egress` of a namespace does not include them. Default: only
    private ranges are excluded."""

    model_ports: NotRequired[Mapping[str, int]]
    """Ports of the models that namespaces call, by name. A model is in the namespace with its name. Required for
    namespaces with `calls`."""


class TeamWorkspace(Component):
    """Namespaces with guards and quotas for a team, roles for its people, and IAM roles for its programs.

    Its Kubernetes objects are created with the Kubernetes provider in `opts`.
    """

    namespaces: pulumi.Output[Mapping[str, str]]
    """The team's namespaces, by name. They are known after their guards are created."""

    role_arns: pulumi.Output[Mapping[str, str]]
    """ARNs of the IAM roles of its service accounts, by their names."""

    def __init__(self, name: str, args: TeamWorkspaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = checked(TeamWorkspaceArgs, self, name, args)
        wanted = args["team"]
        self._check(name, wanted, args)
        s3 = fitting(self, name, "s3_cidrs", args.get("s3_cidrs", []), grammar.networks)
        own = fitting(self, name, "vpc_cidrs", args.get("vpc_cidrs", []), grammar.networks)
        ports = args.get("model_ports", {})
        super().__init__(name, args, opts)
        tags: Any = self.given_tags
        tagged = isinstance(tags, Mapping)
        self.given_tags = {**tags, TEAM_TAG: name} if tagged else tags.apply(lambda known: {**known, TEAM_TAG: name})
        self._labels = {**LABELS, TEAM_LABEL: name}

        namespaces: dict[str, Any] = {}
        for each, guards in wanted.namespaces.items():
            guards = guards.model_copy(update={"s3": wanted.on_s3(each)})
            there = guarded_namespace.create_guarded(self, f"{name}-{each}", each, guards, self._labels, s3, own, ports)
            self._people(f"{name}-{each}", there, wanted)
            namespaces[each] = there
        role_arns: dict[str, Any] = {}
        for logical_name, identity in identities(name, wanted).items():
            workload: WorkloadIdentityArgs = {
                "workload": identity,
                "cluster_name": args["cluster_name"],
                "account_id": args["account_id"],
                "region": args["region"],
                "partition": args.get("partition", "aws"),
                "bucket_arns": args["bucket_arns"],
                "repository_arns": args["repository_arns"],
            }
            if "data_key_arn" in args:
                workload["data_key_arn"] = args["data_key_arn"]
            role = create_identity(self, logical_name, identity, workload)
            account = str(identity.service_account)
            self._account(logical_name, account, namespaces[str(identity.namespace)])
            role_arns[account] = role.arn

        self.namespaces = pulumi.Output.from_input(namespaces)
        self.role_arns = pulumi.Output.from_input(role_arns)
        self._done()

    def _check(self, name: str, wanted: TeamWorkspaceSpec, args: TeamWorkspaceArgs) -> None:
        what = what_is(self, name)
        if found := [each.partition(" ") for each in problems(name, wanted)]:
            raise ArgumentsError(what, [Problem(f"team.{field}", reason) for field, _, reason in found])
        for identity in identities(name, wanted).values():
            check_names(what, identity, args)
        guarded_namespace.checked_ports(what, wanted.namespaces, args.get("model_ports", {}))
        if any(map(wanted.on_s3, wanted.namespaces)):
            need(self, name, args, "s3_cidrs", since="team uses buckets or s3")

    def _people(self, prefix: str, namespace: pulumi.Output[str], wanted: TeamWorkspaceSpec) -> None:
        """Bind the groups of the team's people to their roles in a namespace."""
        role = k8s.rbac.v1.Role(
            f"{prefix}-editor",
            metadata=self._metadata(f"{prefix}-editor", "team-editor", namespace),
            rules=[*rights.EDITOR],
            opts=self.child(),
        )
        for part, groups, kind in (("editors", wanted.editors, "Role"), ("viewers", wanted.viewers, "ClusterRole")):
            if not groups:
                continue
            group = "rbac.authorization.k8s.io"
            k8s.rbac.v1.RoleBinding(
                f"{prefix}-{part}",
                metadata=self._metadata(f"{prefix}-{part}", f"team-{part}", namespace),
                role_ref={
                    "api_group": group,
                    "kind": kind,
                    "name": "team-editor" if kind == "Role" else rights.VIEW,
                },
                subjects=[{"api_group": group, "kind": "Group", "name": each} for each in groups],
                opts=self.child(depends_on=[role]),
            )

    def _account(self, logical_name: str, account: str, namespace: pulumi.Input[str]) -> None:
        """Create a service account. Its pods get a role in AWS, and no token of the Kubernetes API."""
        k8s.core.v1.ServiceAccount(
            f"{logical_name}-account",
            metadata=self._metadata(f"{logical_name}-account", account, namespace),
            automount_service_account_token=False,
            opts=self.child(),
        )

    def _metadata(self, logical_name: str, name: str, namespace: pulumi.Input[str]) -> dict[str, Any]:
        annotations = self.annotations_for(logical_name)
        return {"name": name, "namespace": namespace, "labels": self._labels, "annotations": annotations}
