"""Updates that give up instances with GPUs, which may not be available again, for all clouds and forms of pools."""

from typing import Any

import pytest

from changes import plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.report.model import Harm

ND, NC = "Standard_ND96isr_H100_v5", "Standard_NC4as_T4_v3"
A3, A2 = "a3-highgpu-8g", "a2-highgpu-1g"
AKS, CLASSIC_AKS = "azure-native:containerservice:ManagedCluster", "azure:containerservice/kubernetesCluster"
AKS_POOL = "azure:containerservice/kubernetesClusterNodePool:KubernetesClusterNodePool"
AKS_OLD = "azure-native:containerservice/v20240101:ManagedCluster"
GKE, NATIVE_GKE = "gcp:container/cluster:Cluster", "google-native:container/v1:Cluster"
GKE_POOL, RESERVATION = "gcp:container/nodePool:NodePool", "gcp:compute/reservation:Reservation"
GCE, AZURE_VM = "gcp:compute/instance:Instance", "azure-native:compute:VirtualMachine"
ML = "azure-native:machinelearningservices:Compute"
ML_ENDPOINT = "azure-native:machinelearningservices:OnlineDeployment"
PTU, FLEET = "azure-native:cognitiveservices:Deployment", "aws:ec2/fleet:Fleet"
CLUSTER = "aws-native:sagemaker:Cluster"


def aks(**pool: Any) -> dict[str, Any]:
    return {"agentPoolProfiles": [{"name": "gpu", "vmSize": ND, **pool}]}


def gke(**pool: Any) -> dict[str, Any]:
    return {"nodePools": [{"name": "gpu", "nodeConfig": {"machineType": A3}, **pool}]}


def specific(**values: Any) -> dict[str, Any]:
    return {"specificReservation": {"instanceProperties": {"machineType": A3}, **values}}


def gce(**values: Any) -> dict[str, Any]:
    return {"machineType": A3, **values}


def scales(low: int, high: int, **more: Any) -> dict[str, Any]:
    properties = {"vmSize": ND, "scaleSettings": {"minNodeCount": low, "maxNodeCount": high}, **more}
    return {"properties": {"computeType": "AmlCompute", "properties": properties}}


def classic(low: int, high: int, **more: Any) -> dict[str, Any]:
    return {"vmSize": ND, "scaleSettings": {"minNodeCount": low, "maxNodeCount": high}, **more}


def target(**values: Any) -> dict[str, Any]:
    return {"targetCapacitySpecification": {"defaultTargetCapacityType": "on-demand", **values}}


def group(count: int, kind: str = "ml.p5.48xlarge") -> dict[str, Any]:
    return {"instanceGroups": [{"instanceGroupName": "w", "instanceType": kind, "instanceCount": count}]}


TAKEN: list[tuple[str, Any, Any]] = [
    (AKS, aks(count=4), aks(count=1)),
    (AKS, aks(count=4), aks(count=0)),
    (AKS, aks(minCount=4), aks(minCount=1)),
    (AKS, aks(maxCount=4), aks(maxCount=1)),
    (AKS, aks(), aks(vmSize=NC)),
    (AKS, aks(scaleSetPriority="Regular"), aks(scaleSetPriority="Spot")),
    (AKS, aks(availabilityZones=["1", "2"]), aks(availabilityZones=["1"])),
    (AKS, aks(), {"agentPoolProfiles": [{"name": "cpu", "vmSize": "Standard_D2s_v5"}]}),
    (AKS, aks(), {"agentPoolProfiles": []}),
    (AKS_OLD, aks(count=4), aks(count=1)),
    (
        CLASSIC_AKS,
        {"defaultNodePool": {"vmSize": ND, "nodeCount": 4}},
        {"defaultNodePool": {"vmSize": ND, "nodeCount": 1}},
    ),
    (
        CLASSIC_AKS,
        {"defaultNodePool": {"vmSize": ND, "minCount": 4}},
        {"defaultNodePool": {"vmSize": ND, "minCount": 0}},
    ),
    (
        CLASSIC_AKS,
        {"defaultNodePool": {"vmSize": ND, "maxCount": 4}},
        {"defaultNodePool": {"vmSize": ND, "maxCount": 1}},
    ),
    (CLASSIC_AKS, {"defaultNodePool": {"vmSize": ND}}, {"defaultNodePool": {"vmSize": NC}}),
    (GKE, gke(nodeCount=4), gke(nodeCount=1)),
    (GKE, gke(initialNodeCount=4), gke(initialNodeCount=1)),
    (GKE, gke(autoscaling={"minNodeCount": 2}), gke(autoscaling={"minNodeCount": 0})),
    (GKE, gke(autoscaling={"maxNodeCount": 9}), gke(autoscaling={"maxNodeCount": 1})),
    (GKE, gke(autoscaling={"totalMaxNodeCount": 9}), gke(autoscaling={"totalMaxNodeCount": 1})),
    (GKE, gke(), gke(nodeConfig={"machineType": A2})),
    (GKE, gke(), {"nodePools": []}),
    (GKE, {"nodeConfig": {"machineType": A3}}, {"nodeConfig": {"machineType": A2}}),
    (
        GKE,
        {"nodeConfig": {"machineType": A3}, "initialNodeCount": 3},
        {"nodeConfig": {"machineType": A3}, "initialNodeCount": 1},
    ),
    (NATIVE_GKE, gke(initialNodeCount=4), gke(initialNodeCount=1)),
    (GKE_POOL, {"nodeCount": 3}, {"nodeCount": 0}),
    (GKE_POOL, {"autoscaling": {"totalMaxNodeCount": 8}}, {"autoscaling": {"totalMaxNodeCount": 1}}),
    (GKE_POOL, {"autoscaling": {"totalMinNodeCount": 8}}, {"autoscaling": {"totalMinNodeCount": 1}}),
    ("google-native:container/v1:NodePool", {"config": {"machineType": A3}}, {"config": {"machineType": A2}}),
    (RESERVATION, specific(count=8), specific(count=1)),
    (RESERVATION, specific(), {"specificReservation": {"instanceProperties": {"machineType": A2}}}),
    ("google-native:compute/v1:Reservation", specific(count="8"), specific(count="1")),
    (
        "gcp:compute/futureReservation:FutureReservation",
        {"specificSkuProperties": {"totalCount": "8"}},
        {"specificSkuProperties": {"totalCount": "1"}},
    ),
    (GCE, gce(), gce(machineType="e2-small")),
    (GCE, gce(desiredStatus="RUNNING"), gce(desiredStatus="TERMINATED")),
    (GCE, gce(), gce(desiredStatus="SUSPENDED")),
    (GCE, gce(scheduling={"provisioningModel": "STANDARD"}), gce(scheduling={"provisioningModel": "SPOT"})),
    (GCE, gce(scheduling={}), gce(scheduling={"preemptible": True})),
    (
        GCE,
        gce(guestAccelerators=[{"type": "nvidia-l4", "count": 4}]),
        gce(guestAccelerators=[{"type": "nvidia-l4", "count": 1}]),
    ),
    (GCE, gce(guestAccelerators=[{"type": "nvidia-l4", "count": 4}]), gce(guestAccelerators=[])),
    ("gcp:workbench/instance:Instance", {"gceSetup": {"machineType": A2}}, {"gceSetup": {"machineType": "e2-small"}}),
    ("gcp:workbench/instance:Instance", {"desiredState": "ACTIVE"}, {"desiredState": "STOPPED"}),
    (
        "azure-native:compute:CapacityReservation",
        {"sku": {"name": ND, "capacity": 4}},
        {"sku": {"name": ND, "capacity": 1}},
    ),
    ("azure-native:compute:CapacityReservation", {"sku": {"name": ND}}, {"sku": {"name": NC}}),
    (
        "azure:compute/capacityReservation:CapacityReservation",
        {"sku": {"name": ND, "capacity": 4}},
        {"sku": {"name": ND, "capacity": 0}},
    ),
    (AZURE_VM, {"hardwareProfile": {"vmSize": ND}}, {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}),
    ("azure:compute/linuxVirtualMachine:LinuxVirtualMachine", {"size": ND}, {"size": "Standard_D2s_v5"}),
    ("azure:compute/windowsVirtualMachine:WindowsVirtualMachine", {"size": ND}, {"size": NC}),
    ("azure:compute/virtualMachine:VirtualMachine", {"vmSize": ND}, {"vmSize": NC}),
    (AZURE_VM, {"priority": "Regular"}, {"priority": "Spot"}),
    (ML, scales(2, 8), scales(0, 8)),
    (ML, scales(2, 8), scales(2, 1)),
    (ML, scales(0, 8), scales(0, 8, vmSize=NC)),
    (ML, scales(0, 8), scales(0, 8, vmPriority="LowPriority")),
    ("azure:machinelearning/computeCluster:ComputeCluster", classic(2, 8), classic(0, 8)),
    ("azure:machinelearning/computeCluster:ComputeCluster", classic(2, 8), classic(2, 1)),
    ("azure:machinelearning/computeCluster:ComputeCluster", classic(2, 8), classic(2, 8, vmSize=NC)),
    ("azure:machinelearning/computeInstance:ComputeInstance", {"virtualMachineSize": ND}, {"virtualMachineSize": NC}),
    (ML_ENDPOINT, {"sku": {"capacity": 4}}, {"sku": {"capacity": 1}}),
    (
        ML_ENDPOINT,
        {"onlineDeploymentProperties": {"instanceType": ND}},
        {"onlineDeploymentProperties": {"instanceType": NC}},
    ),
    (
        ML_ENDPOINT,
        {"onlineDeploymentProperties": {"scaleSettings": {"minInstances": 4}}},
        {"onlineDeploymentProperties": {"scaleSettings": {"minInstances": 1}}},
    ),
    (
        ML_ENDPOINT,
        {"onlineDeploymentProperties": {"scaleSettings": {"maxInstances": 4}}},
        {"onlineDeploymentProperties": {"scaleSettings": {"maxInstances": 1}}},
    ),
    (
        PTU,
        {"sku": {"name": "ProvisionedManaged", "capacity": 300}},
        {"sku": {"name": "ProvisionedManaged", "capacity": 50}},
    ),
    (PTU, {"sku": {"name": "ProvisionedManaged", "capacity": 50}}, {"sku": {"name": "Standard", "capacity": 50}}),
    ("azure:cognitive/deployment:Deployment", {"sku": {"capacity": 300}}, {"sku": {"capacity": 50}}),
    ("azure:cognitive/deployment:Deployment", {"scale": {"capacity": 300}}, {"scale": {"capacity": 50}}),
    (
        "azure-native:cognitiveservices:Deployment",
        {"properties": {"scaleSettings": {"capacity": 300}}},
        {"properties": {"scaleSettings": {"capacity": 50}}},
    ),
    (
        "azure-native:machinelearningservices:OnlineDeployment",
        {"properties": {"scaleSettings": {"minInstances": 3}}},
        {"properties": {"scaleSettings": {"minInstances": 1}}},
    ),
    (AKS_POOL, {"priority": "Regular"}, {"priority": "Spot"}),
    (AKS_POOL, {"zones": ["1", "2"]}, {"zones": ["1"]}),
    (CLUSTER, group(16), group(4)),
    (CLUSTER, group(16), group(0)),
    (CLUSTER, group(16), group(16, "ml.g5.xlarge")),
    (CLUSTER, group(16), {"instanceGroups": []}),
    (FLEET, target(totalTargetCapacity=8), target(totalTargetCapacity=1)),
    (FLEET, target(onDemandTargetCapacity=8), target(onDemandTargetCapacity=1)),
    (FLEET, target(totalTargetCapacity=8), target(totalTargetCapacity=8, defaultTargetCapacityType="spot")),
    ("aws-native:ec2:Ec2Fleet", target(totalTargetCapacity=8), target(totalTargetCapacity=0)),
    ("aws:ec2/spotFleetRequest:SpotFleetRequest", {"targetCapacity": 8}, {"targetCapacity": 1}),
    ("aws:ec2/spotFleetRequest:SpotFleetRequest", {"onDemandTargetCapacity": 8}, {"onDemandTargetCapacity": 1}),
    (
        "aws-native:ec2:SpotFleet",
        {"spotFleetRequestConfigData": {"targetCapacity": 8}},
        {"spotFleetRequestConfigData": {"targetCapacity": 1}},
    ),
]


def harms(type: str, old: Any, new: Any) -> set[Harm]:
    return {each.harm for each in dangers(plan(update(type, old, new)))}


@pytest.mark.parametrize(("type", "old", "new"), TAKEN)
def test_fewer_or_other_instances_are_a_loss_of_capacity(type: str, old: Any, new: Any) -> None:
    assert harms(type, old, new) == {Harm.CAPACITY}
    assert harms(type, old, old) == set()


@pytest.mark.parametrize(
    ("type", "old", "new"),
    [
        (AKS, aks(count=1), aks(count=4)),
        (
            AKS,
            aks(),
            {"agentPoolProfiles": [*aks()["agentPoolProfiles"], {"name": "cpu", "vmSize": "Standard_D2s_v5"}]},
        ),
        (GKE, gke(nodeCount=1), gke(nodeCount=4)),
        (RESERVATION, specific(count=1), specific(count=8)),
        (GCE, gce(desiredStatus="TERMINATED"), gce(desiredStatus="RUNNING")),
        (ML, scales(0, 1), scales(1, 8)),
        (PTU, {"sku": {"name": "Standard", "capacity": 1}}, {"sku": {"name": "ProvisionedManaged", "capacity": 50}}),
        (CLUSTER, group(4), group(16)),
        (FLEET, target(totalTargetCapacity=1), target(totalTargetCapacity=8)),
    ],
)
def test_more_instances_are_no_danger(type: str, old: Any, new: Any) -> None:
    assert harms(type, old, new) == set()


def test_the_report_names_the_instances_that_may_not_be_available_again() -> None:
    (danger,) = dangers(plan(update(AKS, aks(count=4), aks(count=1))))
    assert danger.text.endswith(f"nodes are terminated; {ND} may not be available again.")


def test_given_up_accelerators_are_named_if_the_new_machine_has_none() -> None:
    old, new = ({"hardwareProfile": {"vmSize": each}} for each in (ND, "Standard_D2s_v5"))
    (danger,) = dangers(plan(update(AZURE_VM, old, new)))
    assert danger.text.endswith(f"it restarts as another instance type; {ND} may not be available again.")
