"""Rules for SageMaker."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pulumi_aws as aws

from awsfacts import instances
from mlpctl.policies.checks import independently, is_on, key_fault, number, parts, stated
from mlpctl.policies.estate import Resource, token
from mlpctl.policies.rule import ALWAYS, FROM_STAGING, Level, Levels, Severity, rule

PLATFORMS: Final = ("notebook-al2023-v1",)
"""Platforms of notebooks that get security updates:
https://docs.aws.amazon.com/securityhub/latest/userguide/sagemaker-controls.html#sagemaker-8"""

DEFAULT_PLATFORM: Final = "notebook-al2-v3"
"""https://www.pulumi.com/registry/packages/aws/api-docs/sagemaker/notebookinstance/"""

MIN_INSTANCES: Final = 2

KEYS: Final = {
    token(aws.sagemaker.NotebookInstance): "kmsKeyId",
    token(aws.sagemaker.Domain): "kmsKeyId",
    token(aws.sagemaker.EndpointConfiguration): "kmsKeyArn",
}
"""The input with the key for the storage, by type."""


@dataclass(frozen=True)
class _Job:
    """Where the definition of a monitoring job has its settings."""

    definition: str
    """The path of the definition; empty if the whole resource is one."""

    output: str
    cluster: str
    network: str = "networkConfig"

    def at(self, part: str) -> str:
        """The path of a setting in the resource's inputs."""
        return f"{self.definition}.{part}" if self.definition else part


JOBS: Final = {
    token(aws.sagemaker.DataQualityJobDefinition): _Job("", "dataQualityJobOutputConfig", "jobResources.clusterConfig"),
    token(aws.sagemaker.MonitoringSchedule): _Job(
        "monitoringScheduleConfig.monitoringJobDefinition",
        "monitoringOutputConfig",
        "monitoringResources.clusterConfig",
    ),
}


@rule(
    "ML-SM-01",
    aws.sagemaker.NotebookInstance,
    reason="A notebook with internet access of its own bypasses the network's controls, so that data can leave unseen.",
    remedy="Set directInternetAccess to Disabled, with subnetId and securityGroups.",
    severity=Severity.HIGH,
    levels=ALWAYS,
    serves=[
        "fsbp:SageMaker.1",
        "checkov:CKV_AWS_122",
        "nist:AC-4(21)",
        "nist:SC-7(11)",
        "nist:SC-7(20)",
        "iso:A.8.1",
    ],
)
def notebook_has_no_direct_internet_access(notebook: Resource) -> Iterator[str]:
    """A notebook has no direct internet access."""
    if notebook.get("directInternetAccess") != "Disabled":
        yield f"has direct internet access: {stated(notebook, 'directInternetAccess')}"


@rule(
    "ML-SM-02",
    aws.sagemaker.NotebookInstance,
    aws.sagemaker.Domain,
    reason="Outside of the VPC, security groups, endpoints and flow logs do not apply to what notebooks do.",
    remedy="Set subnetId and securityGroups of a notebook; set appNetworkAccessType of a domain to VpcOnly.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:SageMaker.2", "checkov:CKV_AWS_306", "iso:A.8.20", "iso:A.8.21", "iso:A.8.22"],
)
def notebooks_use_the_vpc(resource: Resource) -> Iterator[str]:
    """Notebooks and Studio domains send their traffic through a VPC."""
    if resource.type == token(aws.sagemaker.NotebookInstance):
        if not resource.has("subnetId"):
            yield "is not in a VPC: subnetId is not set"
    elif resource.get("appNetworkAccessType") != "VpcOnly":
        yield f"sends traffic of its apps past the VPC: {stated(resource, 'appNetworkAccessType')}"


@rule(
    "ML-SM-03",
    aws.sagemaker.NotebookInstance,
    reason="Root users of a notebook can switch off its safeguards and read what other users left there.",
    remedy="Set rootAccess to Disabled; lifecycle configurations run as root regardless.",
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:SageMaker.3", "checkov:CKV_AWS_307"],
)
def notebook_users_are_not_root(notebook: Resource) -> Iterator[str]:
    """Users of a notebook have no root access."""
    if notebook.get("rootAccess") != "Disabled":
        yield f"gives its users root access: {stated(notebook, 'rootAccess')}"


@rule(
    "ML-SM-04",
    aws.sagemaker.EndpointConfiguration,
    reason="SageMaker spreads instances over Availability Zones; one instance fails with its zone.",
    remedy="Set initialInstanceCount and managedInstanceScaling.minInstanceCount of each variant to 2 or more.",
    severity=Severity.MEDIUM,
    levels=Levels(Level.OFF, Level.ADVISORY, Level.MANDATORY),
    serves=["fsbp:SageMaker.4", "iso:A.8.14"],
)
def endpoint_has_several_instances(config: Resource) -> Iterator[str]:
    """Each production variant of an endpoint has two instances or more, unless it is serverless."""
    yield from independently(
        _variant_has_instances(each, place) for place, each in enumerate(parts(config, "productionVariants"))
    )


def _variant_has_instances(variant: Resource, place: int) -> Iterator[str]:
    if variant.has("serverlessConfig"):
        return
    own = variant.inputs.get("variantName")
    name = own if isinstance(own, str) else f"productionVariants[{place}]"
    count = number(variant.get("initialInstanceCount"))
    if count is None or count < MIN_INSTANCES:
        yield f"has fewer than two instances for {name}: {stated(variant, 'initialInstanceCount')}"
    if variant.get("managedInstanceScaling.status") == "ENABLED":
        least = number(variant.get("managedInstanceScaling.minInstanceCount"))
        if least is not None and least < MIN_INSTANCES:
            yield (
                f"scales {name} in to fewer than two instances: "
                f"{stated(variant, 'managedInstanceScaling.minInstanceCount')}"
            )


@rule(
    "ML-SM-05",
    aws.sagemaker.Model,
    reason="The container of a model could send the requests and the model to anyone.",
    remedy="Set enableNetworkIsolation to true.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=["fsbp:SageMaker.5", "checkov:CKV_AWS_370"],
)
def model_is_isolated(model: Resource) -> Iterator[str]:
    """The containers of a model have no network access."""
    if not is_on(model.get("enableNetworkIsolation")):
        yield f"has containers with network access: {stated(model, 'enableNetworkIsolation')}"


@rule(
    "ML-SM-06",
    aws.sagemaker.NotebookInstance,
    reason="Old platforms get no security updates, and IMDSv1 gives the role's credentials to any forged request.",
    remedy=(
        "Set platformIdentifier to notebook-al2023-v1, and "
        "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion to 2."
    ),
    severity=Severity.HIGH,
    levels=FROM_STAGING,
    serves=["fsbp:SageMaker.8", "checkov:CKV_AWS_371"],
)
def notebook_runs_a_supported_platform(notebook: Resource) -> Iterator[str]:
    """A notebook runs on a supported platform and requires IMDSv2."""
    yield from independently([_platform(notebook), _metadata_service(notebook)])


def _platform(notebook: Resource) -> Iterator[str]:
    platform = notebook.get("platformIdentifier")
    if platform is None:
        yield f"runs on {DEFAULT_PLATFORM}, which is not supported: platformIdentifier is not set"
    elif platform not in PLATFORMS:
        yield f"runs on a platform that is not supported: {stated(notebook, 'platformIdentifier')}"


def _metadata_service(notebook: Resource) -> Iterator[str]:
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_InstanceMetadataServiceConfiguration.html
    path = "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion"
    if number(notebook.get(path)) != 2:
        yield f"accepts IMDSv1: {stated(notebook, path)}"


@rule(
    "ML-SM-07",
    aws.sagemaker.NotebookInstance,
    aws.sagemaker.Domain,
    aws.sagemaker.EndpointConfiguration,
    reason="Only a key of your own can be audited, and withdrawn from those who should no longer read the data.",
    remedy="Set kmsKeyId, or kmsKeyArn of an endpoint configuration, to the stack's key for data.",
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=[
        "checkov:CKV_AWS_22",
        "checkov:CKV_AWS_98",
        "checkov:CKV_AWS_187",
        "nist:SC-13",
        "nist:SC-28(1)",
        "iso:A.8.24",
    ],
)
def storage_has_a_key_of_its_own(resource: Resource) -> Iterator[str]:
    """Volumes of notebooks, Studio domains and endpoints are encrypted with a KMS key of the customer."""
    fault = key_fault(resource, KEYS[resource.type])
    if fault and not any(_has_local_storage(each) for each in parts(resource, "productionVariants")):
        yield f"is not encrypted with a key of your own: {fault}"


def _has_local_storage(resource: Resource) -> bool:
    """Whether `instanceType` has encrypted disks of its own, for which SageMaker rejects a key.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateEndpointConfig.html
    """
    facts = instances.find(str(resource.get("instanceType")).removeprefix("ml."))
    return facts is not None and facts.nvme_disks > 0


@rule(
    "ML-SM-08",
    aws.sagemaker.DataQualityJobDefinition,
    aws.sagemaker.MonitoringSchedule,
    reason="Monitoring jobs copy the requests and answers of models to their volumes, their output and each other.",
    remedy=(
        "Set kmsKeyId of the output, volumeKmsKeyId of the cluster, and "
        "networkConfig.enableInterContainerTrafficEncryption."
    ),
    severity=Severity.MEDIUM,
    levels=FROM_STAGING,
    serves=[
        "fsbp:SageMaker.9",
        "checkov:CKV_AWS_367",
        "checkov:CKV_AWS_368",
        "checkov:CKV_AWS_369",
        "iso:A.8.24",
    ],
)
def monitoring_job_is_encrypted(resource: Resource) -> Iterator[str]:
    """Monitoring jobs encrypt output and volumes with a KMS key of the customer, and traffic between containers."""
    job = JOBS[resource.type]
    # A schedule without a definition names one, which is a resource of its own.
    if not job.definition or resource.has(job.definition):
        yield from independently([_output(resource, job), _volumes(resource, job), _traffic(resource, job)])


def _output(resource: Resource, job: _Job) -> Iterator[str]:
    if fault := key_fault(resource, job.at(f"{job.output}.kmsKeyId")):
        yield f"has output that is not encrypted with a key of your own: {fault}"


def _volumes(resource: Resource, job: _Job) -> Iterator[str]:
    cluster = job.at(job.cluster)
    fault = key_fault(resource, f"{cluster}.volumeKmsKeyId")
    if fault and not any(_has_local_storage(each) for each in parts(resource, cluster)):
        yield f"has volumes that are not encrypted with a key of your own: {fault}"


def _traffic(resource: Resource, job: _Job) -> Iterator[str]:
    path = job.at(f"{job.network}.enableInterContainerTrafficEncryption")
    if not is_on(resource.get(path)):
        yield f"does not encrypt traffic between its containers: {stated(resource, path)}"
