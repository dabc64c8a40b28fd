"""The Kubernetes Node objects of EKS instances, as pure functions of node group and instance type."""

from awsfacts import allocatable
from mlsandbox.cluster.kube import Object
from mlsandbox.endpoint import public_images
from mlsandbox.endpoint.eks.backend import Instance, Shape
from mlsandbox.endpoint.eks.instance_types import InstanceType
from mlsandbox.endpoint.public_images import Image

NODEGROUP_LABEL = "eks.amazonaws.com/nodegroup"

CLUSTER_ANNOTATION = "mlplatform.dev/eks-cluster"
"""Annotation with the name of the node's cluster: node group names are unique only within their cluster."""

_EFFECTS = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


def name(instance: Instance, region: str) -> str:
    """The node's name: the instance's private DNS name."""
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    return f"ip-{instance.private_ip.replace('.', '-')}.{domain}"


def manifest(nodegroup: Shape, instance: Instance, facts: InstanceType, region: str, disk_gib: int) -> Object:
    """The Node object as the kubelet registers it.

    `nodegroup` is EKS's `Nodegroup`, `disk_gib` the size of the root volume. NVIDIA GPUs and Neuron devices are
    allocatable if the image has their driver, as if the device plugin ran.
    """
    node_name = name(instance, region)
    image = public_images.find(region, nodegroup["releaseVersion"])
    capacity = _capacity(nodegroup["amiType"], image, facts, disk_gib)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node_name,
            "labels": _labels(nodegroup, instance, facts, region) | labels(nodegroup),
            "annotations": {
                # Tells kwok, and users, that this node has no kubelet.
                "kwok.x-k8s.io/node": "fake",
                # Tells metrics-server where this node's usage is: one server acts as the kubelet of all nodes.
                "metrics.k8s.io/resource-metrics-path": f"/metrics/nodes/{node_name}/metrics/resource",
                CLUSTER_ANNOTATION: nodegroup["clusterName"],
            },
        },
        "spec": {"providerID": f"aws:///{instance.zone}/{instance.id}", "taints": taints(nodegroup)},
        "status": {
            "capacity": capacity,
            "allocatable": _allocatable(capacity, facts),
            "addresses": [
                {"type": "InternalIP", "address": instance.private_ip},
                {"type": "InternalDNS", "address": node_name},
                {"type": "Hostname", "address": node_name},
                # The API server connects to this address for the kubelet, which runs on the local machine.
                {"type": "ExternalDNS", "address": "localhost"},
            ],
            "nodeInfo": _node_info(nodegroup, image, instance, facts),
        },
    }


def instance_id(node: Object) -> str:
    """The ID of the node's instance."""
    return str(node["spec"].get("providerID", "")).rpartition("/")[2]


def is_ready(node: Object) -> bool:
    """Whether the node is Ready."""
    conditions = node.get("status", {}).get("conditions", ())
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def belongs(node: Object, nodegroup: Shape) -> bool:
    """Whether the node is one of the node group's."""
    meta = node["metadata"]
    found = meta["labels"].get(NODEGROUP_LABEL), meta.get("annotations", {}).get(CLUSTER_ANNOTATION)
    return bool(found == (nodegroup["nodegroupName"], nodegroup["clusterName"]))


def labels(nodegroup: Shape) -> dict[str, str]:
    """The labels that are set on the node group."""
    return dict(nodegroup.get("labels") or {})


def taints(nodegroup: Shape) -> list[Object]:
    """The node group's taints in Kubernetes' format."""
    return [
        {"key": taint["key"], "effect": _EFFECTS[taint["effect"]]}
        | ({"value": taint["value"]} if taint.get("value") else {})
        for taint in nodegroup.get("taints") or ()
    ]


def _labels(nodegroup: Shape, instance: Instance, facts: InstanceType, region: str) -> dict[str, str]:
    template = nodegroup.get("launchTemplate")
    source = (
        {
            "eks.amazonaws.com/sourceLaunchTemplateId": template["id"],
            "eks.amazonaws.com/sourceLaunchTemplateVersion": template["version"],
        }
        if template
        else {}
    )
    return {
        "kubernetes.io/arch": facts.architecture,
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name(instance, region),
        "node.kubernetes.io/instance-type": instance.type,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": instance.zone,
        "beta.kubernetes.io/arch": facts.architecture,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/instance-type": instance.type,
        "failure-domain.beta.kubernetes.io/region": region,
        "failure-domain.beta.kubernetes.io/zone": instance.zone,
        NODEGROUP_LABEL: nodegroup["nodegroupName"],
        "eks.amazonaws.com/capacityType": nodegroup["capacityType"],
        **source,
    }


def _capacity(ami_type: str, image: Image | None, facts: InstanceType, disk_gib: int) -> dict[str, str]:
    devices: dict[str, str] = {}
    driven = image.nvidia if image else "NVIDIA" in ami_type or ami_type in ("AL2_x86_64_GPU", "CUSTOM")
    if facts.nvidia_gpus and driven:
        devices["nvidia.com/gpu"] = str(facts.nvidia_gpus)
    if facts.neuron_devices and (ami_type.endswith("_NEURON") or ami_type in ("AL2_x86_64_GPU", "CUSTOM")):
        devices["aws.amazon.com/neuron"] = str(facts.neuron_devices)
        devices["aws.amazon.com/neuroncore"] = str(facts.neuron_cores)
    return {
        "cpu": str(facts.vcpus),
        "memory": f"{allocatable.capacity_mib(facts.memory_mib)}Mi",
        "ephemeral-storage": f"{disk_gib}Gi",
        "pods": str(facts.max_pods),
        **devices,
    }


def _allocatable(capacity: dict[str, str], facts: InstanceType) -> dict[str, str]:
    # The DaemonSet pods of add-ons do not run here, so their resource requests are subtracted from allocatable.
    room = allocatable.room_for_models(facts.vcpus, facts.memory_mib, facts.max_pods)
    # The kubelet evicts pods when less than 10 % of the disk is free, and EKS reserves 1 GiB.
    disk_mib = int(int(capacity["ephemeral-storage"].removesuffix("Gi")) * 1024 * 0.9) - 1024
    return {
        **capacity,
        "cpu": f"{room.millicores}m",
        "memory": f"{room.memory_mib}Mi",
        "ephemeral-storage": f"{disk_mib}Mi",
    }


def _node_info(nodegroup: Shape, image: Image | None, instance: Instance, facts: InstanceType) -> dict[str, str]:
    version = f"v{nodegroup['version']}.0-eks-sandbox"
    return {
        "architecture": facts.architecture,
        "bootID": "",
        "containerRuntimeVersion": "kwok",
        "kernelVersion": "kwok",
        "kubeProxyVersion": version,
        "kubeletVersion": version,
        "machineID": instance.id,
        "operatingSystem": "linux",
        "osImage": image.name if image else nodegroup["amiType"],
        "systemUUID": instance.id,
    }
