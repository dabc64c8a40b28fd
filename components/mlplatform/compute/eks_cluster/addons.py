"""The add-ons of a cluster and their settings."""

import json
from collections.abc import Mapping
from typing import Any, Final

from awsfacts import zones
from awsfacts.allocatable import FILE_DRIVER, SECRETS_STORE
from mlplatform.compute.gpu_node_pool.spec import GPU_TAINT

NETWORK_PLUGIN: Final = "vpc-cni"


NETWORK_PLUGIN_ACCOUNT: Final = ("kube-system", "aws-node")
"""Namespace and service account of the network plugin. The platform creates its role."""


NODE_MONITOR: Final = "eks-node-monitoring-agent"
"""Known faults by version, 2026-11-29. All versions: `DCGMError` of a GPU node whose driver starts slowly remains until
the pod is restarted (https://github.com/aws/eks-node-monitoring-agent/issues/266), and EKS does not repair the node
(https://docs.aws.amazon.com/eks/latest/userguide/node-health-nma.html). Before 1.6.6, a failed Fabric Manager is not
reported (https://github.com/aws/eks-node-monitoring-agent/pull/164). 1.6.6 reports false errors for nodes with NVSwitch
(https://github.com/aws/eks-node-monitoring-agent/pull/181), and 1.7.0 for H100 GPUs
(https://github.com/aws/eks-node-monitoring-agent/pull/261)."""


BEFORE_NODES: Final = (NETWORK_PLUGIN, "eks-pod-identity-agent", "kube-proxy")
"""Add-ons that a node needs to become ready."""


AFTER_NODES: Final = ("coredns", "metrics-server", NODE_MONITOR)
"""Add-ons that need a node to run on. If they are created before the nodes, they stay DEGRADED for 20 minutes."""


SECRETS_STORE_SETTINGS: Final = json.dumps(
    {
        # The provider has to run on GPU nodes too. The driver tolerates all taints by default.
        "tolerations": [{"operator": "Exists"}],
        "secrets-store-csi-driver": {"syncSecret": {"enabled": True}},
    }
)
"""Syncs fetched secrets to Kubernetes secrets, which environment variables can refer to. Values of the charts
`secrets-store-csi-driver-provider-aws` and `secrets-store-csi-driver`, 2026-11-28:
https://github.com/aws/secrets-store-csi-driver-provider-aws"""


FILE_DRIVER_ACCOUNT: Final = ("kube-system", "efs-csi-controller-sa")
"""Namespace and service account of the EFS CSI controller, which creates access points. Mounting needs no role:
https://docs.aws.amazon.com/eks/latest/userguide/efs-csi.html"""


OWN_ACCOUNTS: Final = {
    NETWORK_PLUGIN_ACCOUNT: "the network plugin",
    FILE_DRIVER_ACCOUNT: "the driver of shared file systems",
}
"""Service accounts of add-ons for which the platform creates a role, with the add-on's description."""


OPTIONAL: Final = (SECRETS_STORE, FILE_DRIVER)
"""Optional add-ons."""


ADDONS: Final = (*BEFORE_NODES, *AFTER_NODES, *OPTIONAL)


NODE_MONITOR_SETTINGS: Final = json.dumps(
    {"dcgmAgent": {"tolerations": [{"key": GPU_TAINT, "operator": "Exists", "effect": "NoSchedule"}]}}
)
"""Lets the agent that reads the GPUs' health run on GPU nodes. By default, the chart sets no tolerations, and every
tainted GPU node counts as unhealthy:
https://github.com/aws/eks-node-monitoring-agent/blob/main/charts/eks-node-monitoring-agent/values.yaml"""


def pod_zones(subnet_ids: Mapping[str, Any]) -> list[str]:
    """The zones of the pods' subnets.

    Raises:
        ValueError: they are not names of zones of one region. The message follows `has`.
    """
    if wrong := [zone for zone in subnet_ids if not zones.NAME.match(zone)]:
        raise ValueError(f"{', '.join(wrong)}; allowed: zones by their names, e.g. us-east-1a")
    if len(regions := sorted({*map(zones.region_of, subnet_ids)})) > 1:
        raise ValueError(f"zones of {', '.join(regions)}; allowed: zones of one region")
    return [*subnet_ids]


def network_plugin_settings(pod_subnet_ids: Mapping[str, str]) -> str:
    """Settings of the network plugin, which enforces network policies.

    With prefix delegation, addresses do not limit the number of pods on a node:
    https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses.html. Network interfaces in the pods'
    own subnets have the security groups of their node:
    https://docs.aws.amazon.com/eks/latest/userguide/cni-custom-network-tutorial.html.

    Args:
        pod_subnet_ids: subnet of the pods in each zone, by the zone's name; empty for the nodes' own subnets.

    Raises:
        ValueError: a key is not the name of a zone. The message follows `has`.
    """
    settings: dict[str, Any] = {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true"}}
    if pod_subnet_ids:
        settings["env"]["AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"] = "true"
        settings["env"]["ENI_CONFIG_LABEL_DEF"] = "topology.kubernetes.io/zone"
        settings["eniConfig"] = {
            "create": True,
            "region": zones.region_of(pod_zones(pod_subnet_ids)[0]),
            "subnets": {zone: {"id": id} for zone, id in sorted(pod_subnet_ids.items())},
        }
    return json.dumps(settings)
