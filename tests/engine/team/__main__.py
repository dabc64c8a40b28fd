"""A small team stack on the platform of the stack `local`, with data, GPU nodes and a model."""

import pulumi
import pulumi_kubernetes as k8s

import mlplatform as ml
from mlplatform.outputs import PlatformOutputs

config = pulumi.Config()
tags = config.get_object("tags") or {"owner": "search"}
types = config.get_object("instanceTypes") or ["g6.2xlarge"]
names = config.get_object("buckets") or ["datasets", "models"]
platform = PlatformOutputs.of(pulumi.StackReference("organization/mlplatform/local"))

buckets = {
    name: ml.DataBucket(
        name, {"bucket": ml.DataBucketSpec(retain=False), "data_key_arn": platform.data_key_arn, "tags": tags}
    )
    for name in names
}
pool = ml.GpuNodePool(
    "search",
    {
        "pool": ml.GpuNodePoolSpec(instance_types=types, nodes=1, max_nodes=2),
        "cluster_name": platform.cluster_name,
        "subnet_ids": platform.private_subnet_ids,
        "disks_key_arn": platform.disks_key_arn,
        "tags": tags,
    },
)
cluster = k8s.Provider(
    "cluster",
    # Unknown before the first update, like the kubeconfig of a cluster in the same stack.
    kubeconfig=pulumi.Output.all(platform.kubeconfig, buckets["models"].bucket_arn).apply(lambda known: known[0]),
)
ml.InferenceService(
    "search",
    {
        "inference": ml.InferenceServiceSpec(
            image="vllm/vllm-openai:v0.23.0", port=8000, pool="search", spare_pods=0, cpu="2", memory="8Gi"
        )
    },
    pulumi.ResourceOptions(providers=[cluster], depends_on=[pool]),
)
pulumi.export("buckets", {name: bucket.bucket_name for name, bucket in buckets.items()})
