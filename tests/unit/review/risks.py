"""Types, and the dangers of changes to them."""

import json
from typing import Any

from changes import plan
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change
from mlpctl.review.report.model import Danger

BUCKET, DATABASE, KEY = "aws:s3/bucket:Bucket", "aws:rds/instance:Instance", "aws:kms/key:Key"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
NODES, TEMPLATE = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/launchTemplate:LaunchTemplate"
RESERVATION = "aws:ec2/capacityReservation:CapacityReservation"
CLUSTER, GROUP = "aws:eks/cluster:Cluster", "aws:ec2/securityGroup:SecurityGroup"
ROLE, ATTACHMENT = "aws:iam/role:Role", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
POLICY, INGRESS = "aws:iam/policy:Policy", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
DEPLOYMENT, SERVICE = "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Service"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
POOL, ENDPOINT = "kubernetes:karpenter.sh/v1:NodePool", "aws:sagemaker/endpoint:Endpoint"
GPU = {"instanceTypes": ["g6.2xlarge"], "scalingConfig": {"desiredSize": 2, "maxSize": 4, "minSize": 0}}
CPU = {**GPU, "instanceTypes": ["m7i.2xlarge"]}


def document(action: Any = "s3:GetObject", **more: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*", **more}]})


def only(*changes: Change) -> Danger:
    (danger,) = dangers(plan(*changes))
    return danger


LIFE = {"rules": [{"id": "a", "expiration": {"days": 90}}]}
