"""A small price book, and resources that it prices."""

from collections.abc import Mapping
from typing import Any

from costing import Prices

BOOK = Prices(
    {
        "ec2/m7i.large": 0.1,
        "ec2/p5.48xlarge": 55,
        "ebs/gp3-storage": 0.08,
        "nat/gateway": 0.045,
        "nat/data": 0.05,
        "kms/key": 1,
        "eks/cluster": 0.1,
        "eks/extended-support": 0.5,
        "secrets-manager/secret": 0.4,
        "s3/standard-storage": 0.02,
    }
)
VOLUME, KEY, NAT = "aws:ebs/volume:Volume", "aws:kms/key:Key", "aws:ec2/natGateway:NatGateway"
NODES, INSTANCE, BUCKET = "aws:eks/nodeGroup:NodeGroup", "aws:ec2/instance:Instance", "aws:s3/bucket:Bucket"
SMALL: Mapping[str, Any] = {"type": "gp3", "size": 100}
LARGE: Mapping[str, Any] = {"type": "gp3", "size": 300}
POOL: Mapping[str, Any] = {
    "instanceTypes": ["m7i.large"],
    "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3},
}
