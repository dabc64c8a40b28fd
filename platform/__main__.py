"""The whole platform on one page: stack config in, components out."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s

from mlpctl import config
from mlplatform import DataBucket, EksCluster, GpuNodePool, InferenceService, KeyRing, Network
from mlplatform.outputs import PlatformOutputs

platform = config.load()
tags = platform.all_tags
region = pulumi.Config("aws").require("region")
account_id = aws.get_caller_identity_output().account_id
partition = aws.get_partition_output().partition

keys = KeyRing(
    "keys",
    {"keys": platform.keys, "account_id": account_id, "region": region, "partition": partition, "tags": tags},
)

network = Network(
    "network",
    {"vpc": platform.network, "region": region, "logs_key_arn": keys.logs_key_arn, "tags": tags},
)

buckets = {
    name: DataBucket(name, {"bucket": bucket, "data_key_arn": keys.data_key_arn, "tags": tags})
    for name, bucket in platform.buckets.items()
}

cluster = EksCluster(
    "cluster",
    {
        "cluster": platform.cluster,
        "subnet_ids": network.private_subnet_ids,
        "secrets_key_arn": keys.secrets_key_arn,
        "logs_key_arn": keys.logs_key_arn,
        "disks_key_arn": keys.disks_key_arn,
        "partition": partition,
        "tags": tags,
    },
    # Nodes that come up before the network's routes and endpoints cannot reach the cluster.
    pulumi.ResourceOptions(depends_on=[network]),
)

gpu_pools = {
    name: GpuNodePool(
        name,
        {
            "pool": pool,
            "cluster_name": cluster.cluster_name,
            "cluster_version": cluster.cluster_version,
            "subnet_ids": network.private_subnet_ids,
            "disks_key_arn": keys.disks_key_arn,
            "partition": partition,
            "tags": tags,
        },
        pulumi.ResourceOptions(depends_on=[cluster]),
    )
    for name, pool in platform.gpu_pools.items()
}

kubernetes = k8s.Provider("cluster", kubeconfig=cluster.kubeconfig, opts=pulumi.ResourceOptions(depends_on=[cluster]))

services = {
    name: InferenceService(
        name,
        {"inference": inference},
        pulumi.ResourceOptions(providers=[kubernetes], depends_on=[gpu_pools[inference.pool]]),
    )
    for name, inference in platform.inference.items()
}

PlatformOutputs.export(
    region=region,
    vpc_id=network.vpc_id,
    private_subnet_ids=network.private_subnet_ids,
    **keys.outputs(),
    buckets={name: bucket.bucket_name for name, bucket in buckets.items()},
    bucket_arns={name: bucket.bucket_arn for name, bucket in buckets.items()},
    cluster_name=cluster.cluster_name,
    cluster_endpoint=cluster.cluster_endpoint,
    kubeconfig=cluster.kubeconfig,
    gpu_pools=[*gpu_pools],
    inference_endpoints={name: service.endpoint_url for name, service in services.items()},
)
