"""The sections of a stack file; each section is validated on its own."""

import math
from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from awsfacts import zones
from awsfacts.partitions import partition_of
from mlpctl.settings.cost import CostSettings
from mlpctl.settings.policies import PolicySettings
from mlplatform import (
    ClusterGuardrailsSpec,
    DataBucketSpec,
    EksClusterSpec,
    GpuNodePoolSpec,
    ImageRegistrySpec,
    InferenceServiceSpec,
    KeyRingSpec,
    NetworkSpec,
    SharedFilesystemSpec,
    TeamWorkspaceSpec,
    WorkloadIdentitySpec,
    grammar,
    names,
    namespaces,
)
from mlplatform.checks import shared
from mlplatform.compute.node_group.nodes import SESSION_SERVICES
from mlplatform.registries.image_registry import places as image_places
from mlplatform.security.guarded_namespace import GuardedNamespaceSpec
from mlplatform.security.team_workspace import spec as team_workspace
from mlplatform.security.workload_identity.spec import service_account_of
from mlplatform.spec import Spec, whole_numbers_as_text

Name = Annotated[str, AfterValidator(names.name)]
"""A name that the author of the stack file chooses."""

MAX_TAGS = shared.MAX_TAGS - 2
"""The maximum of a component, minus the tags `owner` and `environment`."""

MAX_ROLE_PATH: Final = 510
"""Maximum length of the path of an IAM role, without its leading slash:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

MAX_POLICY_PATH: Final = 511
MAX_POLICY_NAME: Final = 128
"""Maximum lengths of the path of an IAM policy, without its leading slash, and of its name:
https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html"""

MAX_FILESYSTEMS: Final = 6
"""Maximum number of shared file systems: the role of their driver has a policy for each (`iam.ROLE_SIZE`)."""


def _tag_key(value: str) -> str:
    if allowed := shared.tag_key_problem(value):
        raise ValueError(allowed)
    if value.lower() in ("name", "owner", "environment"):
        raise ValueError("allowed: keys other than Name, owner and environment, which the platform sets")
    return value


def _tag_value(value: str) -> str:
    if allowed := shared.tag_value_problem(value):
        raise ValueError(allowed)
    return value


TagKey = Annotated[str, AfterValidator(_tag_key)]
TagValue = Annotated[str, AfterValidator(_tag_value)]


class Profile(Enum):
    """The purpose of a stack, which sets defaults."""

    DEV = "dev"
    STAGING = "staging"
    PROD = "prod"


class Sections(Spec):
    """The sections of one stack, before the rules between them are checked."""

    profile: Profile
    """Purpose of the stack: `dev`, `staging` or `prod`. It sets defaults of the fields below."""

    owner: str = Field(min_length=1, max_length=100)
    """Team that is responsible for this stack; the value of the `owner` tag."""

    tags: dict[TagKey, TagValue] = Field(default={}, max_length=MAX_TAGS)
    """Additional tags for all resources that support tags."""

    protect: bool = False
    """Whether the Pulumi engine refuses to delete or replace resources that cannot be restored, or only slowly: keys,
    buckets with their settings, image repositories, the control plane, its logs and flow logs, nodes of every pool,
    Deployments of models, and addresses of NAT gateways. `pulumi destroy` then fails in its preview, which must not be
    skipped. To destroy such a stack, set this to false, run an update, then destroy it. Profile prod does not allow
    false."""

    keys: KeyRingSpec = KeyRingSpec()
    """The encryption keys."""

    network: NetworkSpec
    """The network."""

    buckets: dict[Name, DataBucketSpec] = Field(default={})
    """Buckets for datasets, models and artifacts, by name."""

    shared_filesystems: dict[Name, SharedFilesystemSpec] = Field(default={}, max_length=MAX_FILESYSTEMS)
    """EFS file systems that pods on all nodes share, by name: for weights, datasets and results that programs read and
    write as files. Each claim of the StorageClass `efs-NAME` gets a separate directory."""

    images: ImageRegistrySpec = ImageRegistrySpec()
    """Repositories for container images, and pull-through caches of public registries."""

    cluster: EksClusterSpec = EksClusterSpec()
    """The Kubernetes cluster."""

    gpu_pools: dict[Name, GpuNodePoolSpec] = Field(default={})
    """Pools of GPU nodes, by name."""

    inference: dict[Name, InferenceServiceSpec] = Field(default={})
    """Models that serve requests, by name."""

    workloads: dict[Name, WorkloadIdentitySpec] = Field(default={})
    """Programs in the cluster that use AWS services, by name. A workload with the name of a model in `inference` grants
    access to that model; for others, `namespace` and `serviceAccount` identify the pods."""

    teams: dict[Name, TeamWorkspaceSpec] = Field(default={})
    """Teams that share the cluster, by name: their namespaces, quotas, people and programs."""

    guardrails: ClusterGuardrailsSpec = ClusterGuardrailsSpec()
    """Rules that the Kubernetes API server applies to all pods and Services, and namespaces with guards."""

    allowed_accounts: list[Annotated[str, Field(pattern=r"^[0-9]{12}$", examples=["123456789012"])]] = Field(default=[])
    """AWS accounts that the stack can be deployed to, as 12 digits in quotes. With credentials of another account, a
    preview or update fails before anything is created. Default: any account."""

    permissions_boundary: str | None = Field(
        default=None,
        max_length=MAX_POLICY_PATH + MAX_POLICY_NAME,
        pattern=r"^([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,128}$",
        examples=["boundaries/ml-team"],
    )
    """Path and name of the IAM policy that the account requires as permissions boundary of every role of this stack.
    Default: none; roles of `workloads` then have the platform's own permissions boundary."""

    role_path: str | None = Field(
        default=None, max_length=MAX_ROLE_PATH, pattern=f"^{grammar.ROLE_PATH}$", examples=["mlplatform/"]
    )
    """Path of every IAM role of this stack, e.g. `mlplatform/`, if the account allows its deployer to create roles only
    below a path. Set it before the first update: a change replaces all roles, and with them the cluster's control plane
    and its nodes, whose roles cannot be changed in place. Default: none."""

    policies: PolicySettings = PolicySettings()
    """Rules for the stack: which are mandatory, and which violations and losses are accepted for a while."""

    cost: CostSettings = CostSettings()
    """Limits for the stack's monthly cost, and the usage for the cost estimate."""

    _region: str | None = PrivateAttr(default=None)

    @property
    def region(self) -> str | None:
        """The region that the stack is deployed to; None if it is not known."""
        return self._region

    @property
    def all_tags(self) -> dict[str, str]:
        """The tags of every taggable resource."""
        return {**self.tags, "owner": self.owner, "environment": self.profile.value}

    @property
    def components(self) -> list[str]:
        """The names of the stack's components: of the sections that are one, and of the entries of the others."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        one = [name for name, section in sections.items() if isinstance(section, Spec)]
        many = [section for section in sections.values() if isinstance(section, dict)]
        return [
            *dict.fromkeys(
                [*one, *(name for entries in many for name, each in entries.items() if isinstance(each, Spec))]
            )
        ]

    @property
    def pools(self) -> dict[str, tuple[list[str], list[str]]]:
        """The instance types and zones of each node group, by its path; an empty list of zones stands for all zones."""
        pools = {f"gpuPools.{name}": (pool.instance_types, pool.zones) for name, pool in self.gpu_pools.items()}
        return {"cluster.system": (self.cluster.system.instance_types, []), **pools}

    @property
    def services(self) -> dict[str, str]:
        """AWS services that nodes and pods use in addition to those of every cluster, and their purposes."""
        queues = [name for name, workload in self.workloads.items() if workload.queues]
        secrets = [f"inference.{name}" for name, model in self.inference.items() if model.secrets]
        secrets += [f"workloads.{name}" for name, workload in self.workloads.items() if workload.secrets]
        files = ", ".join(self.shared_filesystems)
        return {
            **({"elasticfilesystem": f"claims of sharedFilesystems.{files}"} if files else {}),
            **({"sqs": f"queues of workloads.{', '.join(queues)}"} if queues else {}),
            **(dict.fromkeys(SESSION_SERVICES, "cluster.nodeSessions") if self.cluster.node_sessions else {}),
            **({"secretsmanager": f"secrets of {', '.join(secrets)}"} if secrets else {}),
        }

    @property
    def nodes_by_zone(self) -> dict[str, int]:
        """The maximum initial number of nodes in each zone; Auto Scaling spreads a group evenly if it can."""
        found = dict.fromkeys(self.network.zone_names, 0)
        groups = [(self.cluster.system.nodes, []), *((pool.nodes, pool.zones) for pool in self.gpu_pools.values())]
        for nodes, wanted in groups:
            own = [zone for zone in wanted or found if zone in found]
            found.update({zone: found[zone] + math.ceil(nodes / len(own)) for zone in own})
        return found

    @property
    def uses_secrets(self) -> bool:
        """Whether a model uses secrets from Secrets Manager."""
        return any(model.secrets for model in self.inference.values())

    @property
    def named_images(self) -> list[str]:
        """Images in other registries that models run."""
        return [*dict.fromkeys(model.image for model in self.inference.values() if model.image)]

    @property
    def workload_namespaces(self) -> list[str]:
        """Namespaces of workloads that neither Kubernetes nor a model creates."""
        found = dict.fromkeys(service_account_of(name, each)[0] for name, each in self.workloads.items())
        return [each for each in found if each not in self.inference and not namespaces.of_kubernetes(each)]

    @property
    def team_namespaces(self) -> dict[str, str]:
        """The team of each namespace that a team creates."""
        return {each: name for name, team in self.teams.items() for each in team.namespaces}

    @property
    def teams_on_s3(self) -> list[str]:
        """Teams with a namespace whose pods may call S3."""
        return [name for name, team in self.teams.items() if any(map(team.on_s3, team.namespaces))]

    @property
    def identities(self) -> dict[str, WorkloadIdentitySpec]:
        """The programs in the cluster that use AWS services, by their path."""
        own = {f"workloads.{name}": each for name, each in self.workloads.items()}
        return own | {
            f"teams.{name}.serviceAccounts.{each.service_account}": each
            for name, team in self.teams.items()
            for each in team_workspace.identities(name, team).values()
        }

    @property
    def guarded_on_s3(self) -> list[str]:
        """Guarded namespaces whose pods may call S3."""
        return [name for name, each in self.guardrails.namespaces.items() if each.s3]

    def ports_called(self, guarded: Mapping[str, GuardedNamespaceSpec]) -> dict[str, int]:
        """The ports of the models that namespaces call, by the models' names."""
        return {name: self.inference[name].port for each in guarded.values() for name in each.calls}

    @property
    def models_on_s3(self) -> list[str]:
        """Models that use buckets, either for their weights or through the workload whose role they use."""
        owners = [service_account_of(name, each) for name, each in self.workloads.items() if each.buckets]
        return [name for name, model in self.inference.items() if model.model or (name, name) in owners]

    _numbers = field_validator("tags", mode="before")(whole_numbers_as_text)

    @field_validator("tags")
    @classmethod
    def _tags_differ(cls, value: dict[str, str]) -> dict[str, str]:
        # IAM treats keys that differ only in case as the same key.
        lower = [key.lower() for key in value]
        twice = [key for key in value if lower.count(key.lower()) > 1]
        if twice:
            raise ValueError(f"tags has {', '.join(twice)}; allowed: keys that differ in more than their case")
        return value

    @field_validator("owner")
    @classmethod
    def _owner_fits_a_tag(cls, value: str) -> str:
        if not shared.is_tag_text(value):
            raise ValueError(f"allowed: {shared.TAG_WORDS}")
        return _tag_value(value)

    @field_validator("network")
    @classmethod
    def _zones_lie_in_the_region(cls, value: NetworkSpec, info: ValidationInfo) -> NetworkSpec:
        region = (info.context or {}).get("region")
        place = "existing.privateSubnets" if value.existing else "zones"
        wrong = [zones.problem(zone, region) for zone in value.zone_names] if region else []
        if problems := [f"{place}{each.removeprefix('zones')}" for each in wrong if each]:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("images")
    @classmethod
    def _images_have_places_of_their_own(cls, value: ImageRegistrySpec, info: ValidationInfo) -> ImageRegistrySpec:
        region, project = ((info.context or {}).get(key) for key in ("region", "project"))
        problems = [*image_places.misplaced(value, region)] if region else []
        if problems := [*problems, *(image_places.cached_away(value, project) if project else ())]:
            raise ValueError("\n".join(problems))
        return value

    @field_validator("cluster")
    @classmethod
    def _principals_are_of_the_partition(cls, value: EksClusterSpec, info: ValidationInfo) -> EksClusterSpec:
        region = (info.context or {}).get("region")
        problems = [
            f"access.{name}.principalArn is {access.principal_arn}; allowed: an ARN of the partition "
            f"{partition_of(region)}, which {region} is in"
            for name, access in value.access.items()
            if region and access.principal_arn and access.principal_arn.split(":")[1] != partition_of(region)
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return value

    @model_validator(mode="after")
    def _region_is_kept(self, info: ValidationInfo) -> Self:
        self._region = (info.context or {}).get("region")
        return self
