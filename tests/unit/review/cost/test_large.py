"""Unpriced compute, databases and disks of any provider break limits in dollars."""

from typing import Any

import pytest

from costing import REGION, TODAY, Prices, change
from mlpctl.review.cost.estimate import estimate, limits
from mlpctl.review.plan.model import Plan
from mlpctl.review.types.machines import accelerated
from mlpctl.review.values.plain import UNKNOWN
from mlpctl.settings.cost import CostSettings

BOOK = Prices({})

INSTANCES: dict[str, tuple[str, dict[str, Any]]] = {
    "a droplet with GPUs": ("digitalocean:index/droplet:Droplet", {"size": "gpu-h100x8-640gb"}),
    "a droplet": ("digitalocean:index/droplet:Droplet", {"size": "s-1vcpu-1gb"}),
    "a pool of DigitalOcean": (
        "digitalocean:index/kubernetesNodePool:KubernetesNodePool",
        {"size": "gpu-mi300x1-192gb", "nodeCount": 2},
    ),
    "a Databricks cluster": ("databricks:index/cluster:Cluster", {"nodeTypeId": "g5.48xlarge", "numWorkers": 8}),
    "a Databricks warehouse": ("databricks:index/sqlEndpoint:SqlEndpoint", {"clusterSize": "4X-Large"}),
    "Databricks serving": ("databricks:index/modelServing:ModelServing", {"name": "llm"}),
    "a Databricks pool": ("databricks:index/instancePool:InstancePool", {"nodeTypeId": "Standard_NC24ads_A100_v4"}),
    "a Databricks job": ("databricks:index/job:Job", {"name": "train"}),
    "a Snowflake warehouse": ("snowflake:index/warehouse:Warehouse", {"warehouseSize": "XXLARGE"}),
    "CoreWeave": ("coreweave:index/cksCluster:CksCluster", {"name": "train"}),
    "CoreWeave's nodes": ("coreweave:index/nodePool:NodePool", {"instanceType": "gd-8xh100ib-i128"}),
    "Lambda": ("lambda:index/instance:Instance", {"instanceTypeName": "gpu_8x_h100_sxm5"}),
    "Lambda Labs": ("lambdalabs:index/instance:Instance", {"instanceTypeName": "gpu_1x_a100"}),
    "RunPod": ("runpod:index/pod:Pod", {"gpuTypeId": "NVIDIA A100 80GB PCIe"}),
    "OCI": ("oci:Core/instance:Instance", {"shape": "BM.GPU.H100.8"}),
    "OCI's nodes": ("oci:ContainerEngine/nodePool:NodePool", {"nodeShape": "VM.GPU.A10.1"}),
    "a cluster network of OCI": ("oci:Core/clusterNetwork:ClusterNetwork", {}),
    "Azure ND": (
        "azure-native:compute:VirtualMachine",
        {"hardwareProfile": {"vmSize": "Standard_ND96isr_H100_v5"}},
    ),
    "Azure NC": ("azure:compute/linuxVirtualMachine:LinuxVirtualMachine", {"size": "Standard_NC24ads_A100_v4"}),
    "Azure's sets": ("azure-native:compute:VirtualMachineScaleSet", {"sku": {"name": "Standard_NC6s_v3"}}),
    "AKS nodes": ("azure-native:containerservice:AgentPool", {"vmSize": "Standard_ND96asr_v4"}),
    "GCP a2": ("gcp:compute/instance:Instance", {"machineType": "a2-highgpu-8g"}),
    "GCP a3": ("gcp:compute/instanceGroupManager:InstanceGroupManager", {}),
    "GKE g2": ("gcp:container/nodePool:NodePool", {"nodeConfig": {"machineType": "g2-standard-96"}}),
    "a Vertex endpoint": ("gcp:vertex/aiEndpoint:AiEndpoint", {}),
    "Vultr": ("vultr:index/instance:Instance", {"plan": "vcg-a100-12c-120g-80vram"}),
    "Vultr's metal": ("vultr:index/bareMetalServer:BareMetalServer", {"plan": "vbm-112c-2048gb-8-h100-gpu"}),
    "Linode": ("linode:index/instance:Instance", {"type": "g1-gpu-rtx6000-4"}),
    "Linode's nodes": ("linode:index/lkeCluster:LkeCluster", {"pools": [{"type": "g2-gpu-rtx4000a4-m"}]}),
    "Scaleway": ("scaleway:instance/server:Server", {"type": "H100-2-80G"}),
    "Scaleway, older": ("scaleway:index/instanceServer:InstanceServer", {"type": "L40S-8-48G"}),
    "Scaleway's nodes": ("scaleway:kubernetes/pool:Pool", {"nodeType": "GPU-3070-S"}),
    "a Terraform module": ("net:tf:oci_core_instance", {"shape": "VM.GPU.A10.2"}),
    "an unlisted provider": ("acme:cloud/virtualMachine:VirtualMachine", {}),
    "an unlisted type": ("acme:index:Trainer", {"machine": "gpu_8x_h100_sxm5"}),
}

CAPACITY = {
    "instances": [
        "azure-native:compute:CapacityReservation",
        "azure-native:compute/v20240301:DedicatedHost",
        "azure:compute/dedicatedHost:DedicatedHost",
        "azure:compute/capacityReservation:CapacityReservation",
        "azure-native:avs:PrivateCloud",
        "azure:avs/privateCloud:PrivateCloud",
        "azure-native:cognitiveservices:Deployment",
        "azure-native:fabric:FabricCapacity",
        "azure-native:web:AppServicePlan",
        "azure:machinelearning/computeCluster:ComputeCluster",
        "gcp:compute/reservation:Reservation",
        "gcp:compute/futureReservation:FutureReservation",
        "gcp:compute/instanceFromTemplate:InstanceFromTemplate",
        "gcp:vmwareengine/privateCloud:PrivateCloud",
        "gcp:dataflow/flexTemplateJob:FlexTemplateJob",
        "gcp:vertex/aiDeploymentResourcePool:AiDeploymentResourcePool",
        "aws:evs/environment:Environment",
        "aws:m2/environment:Environment",
        "aws:elasticbeanstalk/environment:Environment",
        "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig",
        "aws-native:evs:Environment",
        "aws-native:ec2:CapacityReservationFleet",
    ],
    "databases": [
        "azure-native:synapse:SqlPool",
        "azure:synapse/sqlPool:SqlPool",
        "azure-native:redisenterprise:RedisEnterprise",
        "azure-native:redis:RedisEnterprise",
        "azure:redis/cache:Cache",
        "azure-native:oracledatabase:CloudExadataInfrastructure",
        "gcp:bigquery/reservation:Reservation",
        "gcp:bigquery/biReservation:BiReservation",
        "gcp:bigquery/capacityCommitment:CapacityCommitment",
        "gcp:oracledatabase/cloudExadataInfrastructure:CloudExadataInfrastructure",
        "aws:odb/cloudExadataInfrastructure:CloudExadataInfrastructure",
        "aws:odb/cloudVmCluster:CloudVmCluster",
        "aws:kendra/index:Index",
        "aws-native:odb:CloudVmCluster",
    ],
    "disks": [
        "azure-native:storagecache:AmlFilesystem",
        "azure:managedlustre/fileSystem:FileSystem",
        "azure:netapp/pool:Pool",
        "gcp:compute/storagePool:StoragePool",
    ],
    "commitments": ["gcp:compute/regionCommitment:RegionCommitment", "aws:savingsplans/savingsPlan:SavingsPlan"],
    "dedicated hardware": [
        "azure-native:network:ExpressRouteCircuit",
        "azure-native:keyvault:ManagedHsm",
        "gcp:compute/interconnect:Interconnect",
        "aws:directconnect/connection:Connection",
        "aws:cloudhsmv2/hsm:Hsm",
        "aws-native:cloudhsmv2:Hsm",
    ],
    "a subscription": ["aws:shield/subscription:Subscription"],
}
CAPACITY_TYPES = [(type, what) for what, types in CAPACITY.items() for type in types]

CHARGED: list[tuple[str, dict[str, Any], str]] = [
    ("aws:glue/devEndpoint:DevEndpoint", {"numberOfNodes": 10}, "instances"),
    ("aws:mskconnect/connector:Connector", {}, "instances"),
    ("aws:sagemaker/mlflowTrackingServer:MlflowTrackingServer", {"trackingServerSize": "Large"}, "instances"),
    ("aws:sagemaker/trainingJob:TrainingJob", {}, "instances"),
    ("aws:kinesisanalyticsv2/application:Application", {}, "instances"),
    ("aws:dms/replicationConfig:ReplicationConfig", {}, "instances"),
    ("aws:neptunegraph/graph:Graph", {"provisionedMemory": 128}, "databases"),
    ("aws:athena/capacityReservation:CapacityReservation", {"targetDpus": 1000}, "reserved capacity"),
    ("aws:opensearchingest/pipeline:Pipeline", {"minUnits": 10}, "reserved capacity"),
    ("aws:acmpca/certificateAuthority:CertificateAuthority", {}, "certificate authorities"),
    ("aws:networkfirewall/firewall:Firewall", {}, "firewalls"),
    ("aws-native:athena:CapacityReservation", {}, "reserved capacity"),
    ("gcp:workstations/workstationConfig:WorkstationConfig", {}, "instances"),
    ("gcp:colab/runtime:Runtime", {}, "instances"),
    ("gcp:vertex/aiFeatureOnlineStore:AiFeatureOnlineStore", {}, "databases"),
    ("azure-native:sql:ElasticPool", {}, "databases"),
    ("azure:mssql/elasticPool:ElasticPool", {}, "databases"),
    ("azure-native:search:Service", {}, "databases"),
    ("azure-native:powerbidedicated:CapacityDetails", {}, "reserved capacity"),
    ("azure-native:apimanagement:ApiManagementService", {}, "instances"),
    ("azure-native:network:DdosProtectionPlan", {}, "firewalls"),
    ("kubernetes:cluster.x-k8s.io/v1beta1:MachineDeployment", {}, "instances"),
    ("kubernetes:infrastructure.cluster.x-k8s.io/v1beta2:AWSManagedMachinePool", {}, "instances"),
    ("kubernetes:sagemaker.services.k8s.aws/v1alpha1:Endpoint", {}, "instances"),
    ("kubernetes:eks.services.k8s.aws/v1alpha1:Nodegroup", {}, "instances"),
    ("kubernetes:elasticache.aws.upbound.io/v1beta1:ReplicationGroup", {}, "databases"),
    ("kubernetes:rds.services.k8s.aws/v1alpha1:DBSubnetGroup", {}, ""),
]

_ON_DEMAND = {"shardCount": 4000, "streamModeDetails": {"streamMode": "ON_DEMAND"}}


def _profiles(*types: str) -> dict[str, Any]:
    return {"workloadProfiles": [{"name": each.lower(), "workloadProfileType": each} for each in types]}


OPTIONAL: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("aws:emrserverless/application:Application", {"initialCapacities": [{"initialCapacityType": "Driver"}]}, {}),
    ("aws:kinesis/stream:Stream", {"shardCount": 1000}, {"streamModeDetails": {"streamMode": "ON_DEMAND"}}),
    ("aws:kinesis/stream:Stream", {"shardCount": "5"}, {"shardCount": 1}),
    ("aws:kinesis/stream:Stream", {"shardCount": UNKNOWN}, _ON_DEMAND),
    ("aws-native:kinesis:Stream", {"shardCount": 1000}, {}),
    ("aws-native:kinesis:Stream", {"shardCount": 1000}, _ON_DEMAND),
    ("azure-native:app:ManagedEnvironment", _profiles("D4"), {"workloadProfiles": []}),
    ("azure-native:app:ManagedEnvironment", _profiles("Consumption", "D4"), _profiles("Consumption")),
    ("azure-native:app:ManagedEnvironment", {"workloadProfiles": UNKNOWN}, {}),
    ("azure:containerapp/environment:Environment", _profiles("E8"), _profiles("Consumption")),
]

OTHERS: dict[str, tuple[str, dict[str, Any], str]] = {
    "a database": ("digitalocean:index/databaseCluster:DatabaseCluster", {"size": "db-s-4vcpu"}, "databases"),
    "a cluster of MongoDB": ("mongodbatlas:index/advancedCluster:AdvancedCluster", {}, "databases"),
    "a disk": ("digitalocean:index/volume:Volume", {"size": 16000}, "disks"),
    "a disk of OCI": ("oci:Core/volume:Volume", {"sizeInGbs": "32768"}, "disks"),
}


def broken(type: str, inputs: dict[str, Any], **settings: Any) -> tuple[str, list[str]]:
    """The expensive part of a new resource, and the limits that it breaks."""
    found = estimate(Plan((change(type, inputs),)), BOOK, region=REGION, usage={}, today=TODAY)
    limit = CostSettings.model_validate({"maxMonthlyUsd": 1000, "maxMonthlyDeltaUsd": 1000, **settings})
    return found.resources[0].large, [each.name for each in limits(found, limit) if each.broken]


@pytest.mark.parametrize("name", INSTANCES)
def test_unpriced_compute_breaks_a_limit_in_dollars(name: str) -> None:
    type, inputs = INSTANCES[name]
    assert broken(type, inputs) == ("instances", ["cost.maxMonthlyUsd", "cost.maxMonthlyDeltaUsd"])


@pytest.mark.parametrize("name", OTHERS)
def test_unpriced_databases_and_disks_break_a_limit_in_dollars(name: str) -> None:
    type, inputs, what = OTHERS[name]
    assert broken(type, inputs) == (what, ["cost.maxMonthlyUsd", "cost.maxMonthlyDeltaUsd"])


@pytest.mark.parametrize(("type", "what"), CAPACITY_TYPES)
def test_unpriced_reserved_and_dedicated_capacity_breaks_a_limit_in_dollars(type: str, what: str) -> None:
    assert broken(type, {}) == (what, ["cost.maxMonthlyUsd", "cost.maxMonthlyDeltaUsd"])


def test_capacity_that_is_charged_without_use_breaks_a_limit_in_dollars() -> None:
    for type, inputs, what in CHARGED:
        assert broken(type, inputs)[0] == what, type


def test_a_type_with_and_without_capacity_of_its_own_breaks_a_limit_only_with_it() -> None:
    for type, with_it, without in OPTIONAL:
        assert broken(type, with_it)[1] != [], type
        assert broken(type, without) == ("", []), type


@pytest.mark.parametrize("tier", ["tier-xl", "tier-2xl", "tier-4xl"])
def test_a_provisioned_control_plane_breaks_a_limit_in_dollars(tier: str) -> None:
    book = Prices({"eks/cluster": 0.1})
    limit = CostSettings.model_validate({"maxMonthlyUsd": 1000})
    for given, large in ((tier, "instances"), ("standard", "")):
        inputs = {"version": "1.34", "controlPlaneScalingConfig": {"tier": given}}
        plan = Plan((change("aws:eks/cluster:Cluster", inputs),))
        found = estimate(plan, book, region=REGION, usage={}, today=TODAY)
        assert found.resources[0].large == large
        assert limits(found, limit)[0].broken is bool(large)


@pytest.mark.parametrize("name", ["a droplet with GPUs", "a Databricks cluster", "OCI"])
def test_the_stack_file_can_allow_unpriced_resources(name: str) -> None:
    type, inputs = INSTANCES[name]
    assert broken(type, inputs, maxUnpriced=1)[1] == []
    assert broken(type, inputs, maxUnpriced=0)[1] == ["cost.maxUnpriced"]


@pytest.mark.parametrize(
    ("type", "inputs"),
    [
        ("digitalocean:index/domain:Domain", {"name": "shop.example"}),
        ("databricks:index/grants:Grants", {"catalog": "main"}),
        ("snowflake:index/role:Role", {}),
        ("postgresql:index/database:Database", {}),
        ("random:index/randomPassword:RandomPassword", {}),
        ("kubernetes:apps/v1:Deployment", {"spec": {"template": {"limits": {"nvidia.com/gpu": "1"}}}}),
    ],
)
def test_cheap_types_break_no_limit(type: str, inputs: dict[str, Any]) -> None:
    assert broken(type, inputs) == ("", [])


ACCELERATED = [
    "gpu-h100x8-640gb",
    "gpu-4000adax1-20gb",
    "VM.GPU.A10.1",
    "BM.GPU4.8",
    "vcg-a16-2c-8g-2vram",
    "g1-gpu-rtx6000-1",
    "L4-1-24G",
    "H100-SXM-8-80G",
    "RENDER-S",
    "gpu_1x_gh200",
    "gd-1xgh200",
    "gb200-4x",
    "h100-380",
    "t2-45",
    "ecs.gn7i-c8g1.2xlarge",
    "GN10X.2XLARGE40",
    "gx3-16x80x1l4",
    "GEX44",
    "gpua5000.small",
    "a100-80gb.1x",
    "gpu-h100-sxm",
    "ml.p5.48xlarge",
    "g2-standard-4",
    "Standard_ND96isr_H100_v5",
]
PLAIN = [
    "s-1vcpu-1gb",
    "VM.Standard.E4.Flex",
    "vc2-1c-1gb",
    "g6-standard-2",
    "DEV1-S",
    "gpu-nodes",
    "gpu",
    "b2-7",
    "t3.large",
    "e2-standard-4",
    "Standard_D4s_v5",
    "orders",
    "cx22",
    "a-b",
    "h100",
    "gd-shop",
]


@pytest.mark.parametrize("text", ACCELERATED)
def test_machine_types_with_accelerators_are_recognized(text: str) -> None:
    assert accelerated([text]) == (text,)


@pytest.mark.parametrize("text", PLAIN)
def test_other_machine_types_and_words_are_not_accelerated(text: str) -> None:
    assert accelerated([text]) == ()
