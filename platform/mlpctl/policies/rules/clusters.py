"""Rules for EKS clusters."""

import re
from collections.abc import Iterator
from typing import Final

import pulumi_aws as aws
import pulumi_kubernetes as k8s

from awsfacts import eks_versions
from awsfacts.eks_settings import CLUSTER_ADMIN, CONTROL_PLANE_LOGS
from awsfacts.principals import PERSON
from mlpctl.policies.checks import is_on, key_fault, parts
from mlpctl.policies.estate import NotEvaluated, Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Field, Severity, rule
from mlpctl.policies.sources import internet

ANYONE: Final = "0.0.0.0/0"
"""The network that may reach a public endpoint if none is named:
https://docs.aws.amazon.com/eks/latest/APIReference/API_VpcConfigRequest.html"""

_VERSION: Final = re.compile(r"1\.\d+")


@rule(
    "ML-EKS-01",
    aws.eks.Cluster,
    reason="Every fault of the API server could be used from anywhere.",
    remedy="Turn the private endpoint on, and the public one off or limit it by publicAccessCidrs.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:EKS.1", "cis-eks:5.4.1", "cis-eks:5.4.2", "checkov:CKV_AWS_38", "checkov:CKV_AWS_39"],
    fields=[Field("EksCluster", "publicAccessCidrs", says="endpointPublicAccess")],
)
def cluster_api_is_not_public(cluster: Resource) -> Iterator[str]:
    """The API of a cluster is reached within the VPC, or from named networks."""
    if not is_on(cluster.get("vpcConfig.endpointPrivateAccess")):
        yield "has no private endpoint: endpointPrivateAccess is off"
    if is_on(cluster.get("vpcConfig.endpointPublicAccess", True)):
        wide = [internet(each, "publicAccessCidrs") for each in parts(cluster, "vpcConfig")]
        if not cluster.has("vpcConfig.publicAccessCidrs"):
            wide = [ANYONE]
        yield from (f"is open to {each}: endpointPublicAccess is on" for each in wide if each)


@rule(
    "ML-EKS-02",
    aws.eks.Cluster,
    reason="AWS mends no faults in old versions, and charges six times as much for a cluster in extended support.",
    remedy="Upgrade the cluster, one minor version at a time.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:EKS.2", "checkov:CKV_AWS_339"],
    fields=[Field("EksCluster", "version")],
)
def cluster_version_is_supported(cluster: Resource) -> Iterator[str]:
    """A cluster runs a Kubernetes version in standard support."""
    version = cluster.get("version")
    # EKS then takes the newest version, and upgrades it when its support ends.
    if version is None:
        return
    known = eks_versions.offered()
    text = str(version).strip()
    if not _VERSION.fullmatch(text):
        yield f"has the version {version}, which EKS does not offer"
    elif text not in known:
        if eks_versions.order(text) > eks_versions.order(known[-1]):
            raise NotEvaluated(f"the support of {text} was not known on {eks_versions.date()}")
        yield f"runs Kubernetes {text}, which EKS no longer supports"
    else:
        support, today = eks_versions.support(text), cluster.estate.today
        if today > support.extended_ends:
            yield f"runs Kubernetes {text}, which EKS has not supported since {support.extended_ends}"
        elif today > support.standard_ends:
            yield f"runs Kubernetes {text}, whose standard support ended on {support.standard_ends}"


@rule(
    "ML-EKS-03",
    aws.eks.Cluster,
    reason="Whoever gets hold of the data of etcd could read every secret of the cluster.",
    remedy="Add encryptionConfig with a key of the account for secrets, or use EksCluster.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=["fsbp:EKS.3", "cis-eks:5.3.1", "iso:A.8.24", "checkov:CKV_AWS_58"],
)
def cluster_encrypts_secrets(cluster: Resource) -> Iterator[str]:
    """A cluster encrypts its secrets with a key of the account."""
    if not cluster.has("encryptionConfig"):
        yield "stores secrets without a key of the account: it has no encryptionConfig"
    elif "secrets" not in [*cluster.each("encryptionConfig.resources")]:
        yield "stores secrets without a key of the account: encryptionConfig is not for secrets"
    elif fault := key_fault(cluster, "encryptionConfig.provider.keyArn"):
        yield f"stores secrets without a key of the account: {fault}"


@rule(
    "ML-EKS-04",
    aws.eks.Cluster,
    reason="Without these logs, nobody can find out who changed what in the cluster.",
    remedy="Name all logs in enabledClusterLogTypes, or in cluster.logTypes of the stack file.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["fsbp:EKS.8", "cis-eks:2.1.1", "cis-eks:2.1.2", "iso:A.8.15", "checkov:CKV_AWS_37"],
    fields=[Field("EksCluster", "logTypes")],
)
def cluster_writes_all_logs(cluster: Resource) -> Iterator[str]:
    """A cluster writes all logs of its control plane."""
    written = {str(each) for each in cluster.each("enabledClusterLogTypes")}
    missing = [each for each in CONTROL_PLANE_LOGS if each not in written]
    if missing:
        yield f"does not write the logs {', '.join(missing)}"


@rule(
    "ML-EKS-06",
    aws.eks.Cluster,
    aws.eks.AccessPolicyAssociation,
    k8s.core.v1.ConfigMap,
    k8s.core.v1.ConfigMapPatch,
    reason="Access entries are in IAM's logs and reviews; entries of aws-auth and lasting administrators are not.",
    remedy="Set authenticationMode to API, grant access by entries, and give people AmazonEKSAdminPolicy or less.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["cis-eks:4.1.1", "cis-eks:5.5.1"],
    fields=[Field("EksCluster", "access.*.level", says="a person")],
)
def access_is_granted_by_entries(resource: Resource) -> Iterator[str]:
    """Access to a cluster is granted by access entries, and no person is always its administrator in production.

    The principal that creates a cluster, which is its administrator unless bootstrapClusterCreatorAdminPermissions is
    false, is not judged: no plan shows who it will be, and it should be a pipeline's role.
    """
    if resource.type == token(aws.eks.Cluster):
        # https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessConfigRequest.html
        mode = resource.get("accessConfig.authenticationMode", "CONFIG_MAP")
        if mode != "API":
            yield f"grants access by the ConfigMap aws-auth: authenticationMode is {mode}"
    elif resource.type == token(aws.eks.AccessPolicyAssociation):
        yield from _administrators(resource)
    elif resource.get("metadata.namespace") == "kube-system" and resource.get("metadata.name") == "aws-auth":
        yield "grants access by the ConfigMap aws-auth"


def _administrators(association: Resource) -> Iterator[str]:
    # A program without the platform's settings may be for production.
    if association.estate.settings.get("profile", "prod") != "prod":
        return
    if str(association.get("policyArn", "")).rsplit("/", 1)[-1] != CLUSTER_ADMIN:
        return
    if association.get("accessScope.type", "cluster") != "cluster":
        return
    if _is_person(association):
        yield f"makes a person an administrator of the cluster: policyArn is {CLUSTER_ADMIN}"


def _is_person(association: Resource) -> bool:
    referred = {each.type: each for each in association.referred("principalArn")}
    if entry := referred.get(token(aws.eks.AccessEntry)):
        return _is_person(entry)
    if token(aws.iam.User) in referred:
        return True
    if token(aws.iam.Role) in referred:
        return False
    return PERSON.search(str(association.get("principalArn", ""))) is not None
