"""The spec of clusters."""

import re
from enum import Enum
from typing import Final

from pydantic import Field, ValidationInfo, field_validator, model_validator

from awsfacts import addresses, eks_settings, eks_versions
from awsfacts.eks_settings import ControlPlaneLog
from mlplatform import grammar, names
from mlplatform.compute.eks_cluster.addons import ADDONS
from mlplatform.compute.eks_cluster.system_pool import SystemPool
from mlplatform.logs import retention
from mlplatform.people import check_groups
from mlplatform.spec import Spec

_DATED: Final = f"EKS's versions of {eks_versions.date()}; `mlpctl eks refresh` brings newer ones"

MAX_PUBLIC_NETWORKS: Final = 40
"""Maximum number of networks that may reach an API server from the internet:
https://github.com/aws/containers-roadmap/issues/2174"""


class AccessLevel(Enum):
    """Permissions of a principal in the cluster."""

    CLUSTER_ADMIN = "clusterAdmin"
    ADMIN = "admin"
    EDIT = "edit"
    VIEW = "view"


POLICIES: Final = {
    AccessLevel.CLUSTER_ADMIN: eks_settings.CLUSTER_ADMIN,
    AccessLevel.ADMIN: eks_settings.ADMIN,
    AccessLevel.EDIT: eks_settings.EDIT,
    AccessLevel.VIEW: eks_settings.VIEW,
}
"""The EKS access policy of each level."""


class ClusterAccess(Spec):
    """Access of one IAM principal to the cluster: a role of the cluster's own account, or a principal by its ARN.

    In your own program, set neither if the component's argument `principal_arns` has the ARN.
    """

    role: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_+=,.@-]{1,64}$", examples=["platform-admin"])
    """Name of an existing IAM role in the cluster's account, without its path."""

    principal_arn: str | None = Field(
        default=None,
        examples=["arn:aws:iam::123456789012:role/ml"],
        json_schema_extra={"pattern": grammar.PRINCIPAL},
    )
    """ARN of an IAM role or user, including its path. A principal can have only one entry."""

    level: AccessLevel | None = None
    """Permissions of the principal. Default: only those of its `groups`."""

    groups: list[str] = Field(default=[], max_length=20)
    """Kubernetes groups that the principal is in, to which role bindings give permissions, e.g. those of `teams`."""

    namespaces: list[str] = Field(default=[])
    """Namespaces that the access is limited to, with `*` as a wildcard. Default: the whole cluster."""

    @field_validator("principal_arn")
    @classmethod
    def _principal_is_an_iam_arn(cls, value: str | None) -> str | None:
        return None if value is None else grammar.principal(value)

    @field_validator("namespaces")
    @classmethod
    def _namespaces_are_valid(cls, value: list[str]) -> list[str]:
        grammar.namespaces(value, "namespaces", wildcards=True)
        return value

    @model_validator(mode="after")
    def _names_one_principal(self) -> "ClusterAccess":
        if self.role is not None and self.principal_arn is not None:
            raise ValueError(f"role is {self.role}; allowed: either role or principalArn")
        return self

    @field_validator("groups")
    @classmethod
    def _groups_have_names(cls, value: list[str]) -> list[str]:
        check_groups(value, "groups")
        return value

    @model_validator(mode="after")
    def _it_has_permissions(self) -> "ClusterAccess":
        if self.level is None and not self.groups:
            raise ValueError(f"level is missing; allowed: {', '.join(each.value for each in AccessLevel)}; or groups")
        if self.level is None and self.namespaces:
            raise ValueError("namespaces is for the permissions of level; allowed: namespaces only with level")
        return self

    @model_validator(mode="after")
    def _cluster_admins_have_the_whole_cluster(self) -> "ClusterAccess":
        if self.level is AccessLevel.CLUSTER_ADMIN and self.namespaces:
            raise ValueError(
                "level is clusterAdmin; allowed: admin, edit or view, since access is limited to namespaces"
            )
        return self


class EksClusterSpec(Spec):
    """The Kubernetes cluster."""

    version: str = Field(default="1.36", pattern=r"^1\.[0-9]{2}$", examples=["1.36"])
    """Kubernetes version, e.g. `1.36`, among those that EKS offers. EKS upgrades one minor version at a time and never
    downgrades. Add-ons and nodes are upgraded with the cluster."""

    public_access_cidrs: list[str] = Field(default=[], max_length=MAX_PUBLIC_NETWORKS)
    """CIDR blocks that may reach the API server from the internet. Default: none, the endpoint is private."""

    private_access_cidrs: list[str] = Field(default=[])
    """CIDR blocks with a route into the VPC (a VPN, a peered VPC, the runners' subnets) that may reach the private
    endpoint over HTTPS, e.g. `192.168.0.0/20`. By default, EKS allows only the cluster's own nodes."""

    private_access_security_groups: list[str] = Field(default=[])
    """Security groups whose members may reach the private endpoint over HTTPS, e.g. a runner's
    `sg-0a1b2c3d4e5f67890`."""

    log_types: list[ControlPlaneLog] = Field(default=[ControlPlaneLog.AUDIT, ControlPlaneLog.AUTHENTICATOR])
    """Control plane logs that are enabled."""

    log_days: int = 90
    """Retention period of these logs in days. EKS writes all of them to one log group with one retention period. To
    reduce the cost, enable fewer `logTypes`."""

    creator_is_admin: bool = True
    """The principal that creates the cluster is a cluster administrator. Cannot change after the first deployment."""

    access: dict[str, ClusterAccess] = Field(default={})
    """Access of other principals, by a name of your choice."""

    node_sessions: bool = False
    """Allow shell sessions on all nodes through AWS Systems Manager Session Manager. The node roles get only the
    permissions for sessions. IAM controls who may start a session (`ssm:StartSession`)."""

    deletion_protection: bool = False
    """EKS rejects the deletion of the cluster until this is false."""

    addon_versions: dict[str, str] = Field(default={})
    """Versions of add-ons that replace the platform's choice for the cluster's version, e.g.
    `coredns: v1.14.3-eksbuild.14`. EKS must offer them for that version. Change them when you change `version`."""

    system: SystemPool = SystemPool()
    """Nodes for the cluster's own services."""

    @field_validator("public_access_cidrs", "private_access_cidrs")
    @classmethod
    def _networks_are_narrow_and_routed(cls, value: list[str], info: ValidationInfo) -> list[str]:
        wrong = []
        for cidr in value:
            try:
                network = grammar.network(cidr)
            except ValueError as error:
                wrong.append(f"{cidr}: {error}")
                continue
            public = info.field_name == "public_access_cidrs"
            if network.prefixlen < 8:
                wrong.append(f"{cidr}: allowed: networks of /8 or narrower, not the whole internet")
            elif public and any(network.overlaps(each) for each in addresses.NOT_PUBLIC):
                wrong.append(f"{cidr}: allowed: public addresses, not private or reserved ones")
            elif not public and any(network.overlaps(each) for each in grammar.NOT_ROUTED):
                wrong.append(f"{cidr}: allowed: routed addresses, not those of one machine or link")
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("private_access_security_groups")
    @classmethod
    def _security_groups_are_ids(cls, value: list[str]) -> list[str]:
        wrong = [
            f"{id}: allowed: IDs such as sg-0a1b2c3d4e5f67890" for id in value if not re.fullmatch(grammar.GROUP_ID, id)
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return value

    @field_validator("log_days")
    @classmethod
    def _log_days_are_known(cls, value: int) -> int:
        return retention(value)

    @field_validator("version")
    @classmethod
    def _the_version_is_offered(cls, value: str) -> str:
        if value not in eks_versions.offered():
            raise ValueError(f"allowed: {', '.join(eks_versions.offered())} ({_DATED})")
        return value

    @model_validator(mode="after")
    def _addon_versions_fit_the_cluster(self) -> "EksClusterSpec":
        wrong = []
        for addon, version in self.addon_versions.items():
            known = eks_versions.addon_versions(addon, self.version) if addon in ADDONS else []
            if addon not in ADDONS:
                wrong.append(f"addonVersions has {addon}; allowed: {', '.join(ADDONS)}")
            elif version not in known:
                wrong.append(
                    f"addonVersions.{addon} is {version or 'empty'}; allowed: {', '.join(known)} ({_DATED}), since "
                    f"version is {self.version}"
                )
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @model_validator(mode="after")
    def _a_principal_has_one_entry(self) -> "EksClusterSpec":
        # https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html
        names.named({**self.access}, "access")
        first: dict[tuple[str, ...], str] = {}
        twice = [
            f"access.{entry}.{field} is {principal}; allowed: a principal other than that of "
            f"access.{first[principal_of(principal)]}, since EKS allows one entry per principal"
            for entry, access in self.access.items()
            for field, principal in (("role", access.role), ("principalArn", access.principal_arn))
            if principal is not None and first.setdefault(principal_of(principal), entry) != entry
        ]
        if twice:
            raise ValueError("\n".join(twice))
        return self

    @model_validator(mode="after")
    def _someone_is_admin(self) -> "EksClusterSpec":
        levels = {access.level for access in self.access.values()}
        if not self.creator_is_admin and AccessLevel.CLUSTER_ADMIN not in levels:
            raise ValueError("access needs an entry with level clusterAdmin, since creatorIsAdmin is false")
        return self


def principal_of(named: str) -> tuple[str, ...]:
    """The identity of a principal: partition, account, kind and name of an ARN, or the name of a role alone.

    The path is not included, because the name of a role or user is unique in an account. A role's name without an ARN
    has no account, so it does not equal any ARN until the role is looked up.
    """
    if not named.startswith("arn:"):
        return (named,)
    _, partition, _, _, account, resource = named.split(":", 5)
    return (partition, account, resource.partition("/")[0], resource.rpartition("/")[2])


def addon_version(wanted: EksClusterSpec, addon: str) -> str:
    """The version of an add-on: the one in the cluster's spec, or the platform's choice for its Kubernetes version."""
    return wanted.addon_versions.get(addon) or eks_versions.addon_versions(addon, wanted.version)[0]
