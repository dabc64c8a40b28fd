"""A team's own stack: a model and a bucket on the platform of another stack."""

import pulumi
import pulumi_kubernetes as k8s

from mlplatform import DataBucket, DataBucketSpec, InferenceService, InferenceServiceSpec
from mlplatform.outputs import PlatformOutputs

platform = PlatformOutputs.of(pulumi.StackReference(pulumi.Config().require("platform")))

transcripts = DataBucket(
    "transcripts",
    {
        # By default, a bucket is retained. This example deletes it.
        "bucket": DataBucketSpec(expire_days=90, retain=False),
        "data_key_arn": platform.data_key_arn,
        "tags": {"owner": "support-team"},
    },
)

cluster = k8s.Provider("cluster", kubeconfig=platform.kubeconfig)

support = InferenceService(
    "support",
    {
        "inference": InferenceServiceSpec(
            image="vllm/vllm-openai:v0.11.0",
            command_args=["Qwen/Qwen3-4B"],
            port=8000,
            pool="inference",
            spare_pods=0,
            egress=["0.0.0.0/0"],  # The model is downloaded from Hugging Face.
        ),
        "vpc_cidrs": platform.vpc_cidrs,
    },
    pulumi.ResourceOptions(providers=[cluster]),
)

pulumi.export("transcripts", transcripts.bucket_name)
pulumi.export("support", support.endpoint_url)
