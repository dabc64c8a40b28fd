"""The whole platform on one page: stack config in, components out."""

import pulumi
import pulumi_kubernetes as k8s

import mlplatform as ml
from mlpctl import config
from mlplatform import iam
from mlplatform.compute.eks_cluster.kubeconfig import with_credentials_of
from mlplatform.compute.eks_cluster.spec import creator_has_no_entry
from mlplatform.foundation.network import preflight
from mlplatform.lookups import caller, s3_cidrs
from mlplatform.outputs import PlatformOutputs

platform = config.load()
region = pulumi.Config("aws").require("region")
account_id, partition = caller(platform.allowed_accounts)
creator_has_no_entry("cluster", platform.cluster)
tagged = {"tags": platform.all_tags}
here = {"account_id": account_id, "region": region, "partition": partition}
boundary = platform.permissions_boundary and iam.own_policy(platform.permissions_boundary, account_id, partition)
guarded = {"protect": platform.protect}
bounded = {"permissions_boundary_arn": boundary, **tagged}

preflight.check(platform.network, platform.pools, region, **platform.needs)
keys = ml.KeyRing("keys", {"keys": platform.keys, **here, **tagged, **guarded})
logged, secrets = {"logs_key_arn": keys.logs_key_arn}, {"secrets_key_arn": keys.secrets_key_arn}
network = ml.Network("network", {"vpc": platform.network, **platform.needs, **here, **logged, **bounded, **guarded})
pods = {"pod_subnet_ids": network.pod_subnet_ids}
buckets = {
    name: ml.DataBucket(name, {"bucket": bucket, "data_key_arn": keys.data_key_arn, **tagged, **guarded})
    for name, bucket in platform.buckets.items()
}
images = ml.ImageRegistry(
    "images", {"images": platform.images, "images_key_arn": keys.images_key_arn, **here, **bounded, **guarded}
)

# What every group of nodes is given.
nodes = {
    "subnet_ids": network.private_subnet_ids,
    "disks_key_arn": keys.disks_key_arn,
    "cached_repository_arns": [images.cached_repository_arns[name] for name in platform.images.pull_through],
    "partition": partition,
    **bounded,
}
cluster = ml.EksCluster(
    "cluster",
    {
        "cluster": platform.cluster,
        "secrets_store": platform.uses_secrets,
        **secrets,
        **pods,
        **logged,
        **nodes,
        **guarded,
    },
    # Nodes that come up before the network's routes and endpoints cannot reach the cluster.
    pulumi.ResourceOptions(depends_on=[network]),
)
gpu_pools = {
    name: ml.GpuNodePool(
        name,
        {
            "pool": pool,
            **cluster.joining(),
            **here,
            **nodes,
            **guarded,
            "subnet_ids": network.private_subnets_in(pool.zones),
        },
        pulumi.ResourceOptions(depends_on=[cluster]),
    )
    for name, pool in platform.gpu_pools.items()
}

workloads = {
    name: ml.WorkloadIdentity(
        name,
        {
            "workload": workload,
            "cluster_name": cluster.cluster_name,
            "bucket_arns": {each: buckets[each].bucket_arn for each in workload.buckets},
            "data_key_arn": keys.data_key_arn,
            "repository_arns": images.repository_arns,
            **secrets,
            **here,
            **bounded,
        },
    )
    for name, workload in platform.workloads.items()
}
kubeconfig = with_credentials_of(pulumi.Config("aws"), cluster.kubeconfig)
kubernetes = k8s.Provider("cluster", kubeconfig=kubeconfig, opts=pulumi.ResourceOptions(depends_on=[cluster]))
bucket_names = {name: bucket.bucket_name for name, bucket in buckets.items()}
# Where a model finds its image, its weights and its secrets.
sources = {
    **{"repository_urls": images.repository_urls, "registry_url": images.registry_url},
    **{"bucket_names": bucket_names, "region": region},
}
s3 = {"s3_cidrs": s3_cidrs(region)} if platform.models_on_s3 else {}
services = {
    name: ml.InferenceService(
        name,
        {"inference": inference, **sources, **(s3 if name in platform.models_on_s3 else {}), **guarded},
        # Pods get their role when they start, so roles come first.
        pulumi.ResourceOptions(providers=[kubernetes], depends_on=[gpu_pools[inference.pool], *workloads.values()]),
    )
    for name, inference in platform.inference.items()
}

PlatformOutputs.export(
    region=region,
    **network.outputs(),
    **keys.outputs(),
    buckets=bucket_names,
    bucket_arns={name: bucket.bucket_arn for name, bucket in buckets.items()},
    repositories=images.repository_urls,
    cluster_name=cluster.cluster_name,
    cluster_endpoint=cluster.cluster_endpoint,
    cluster_security_group_id=cluster.security_group_id,
    kubeconfig=cluster.kubeconfig,
    gpu_pools=[*gpu_pools],
    inference_endpoints={name: service.endpoint_url for name, service in services.items()},
)
