"""Rules of security groups, and the dangers of changes to them."""

from collections.abc import Sequence
from typing import Any

from changes import plan
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Change
from mlpctl.review.report.model import Danger

GROUP, RULE = "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/securityGroupRule:SecurityGroupRule"
ACL, ACL_RULE = "aws:ec2/networkAcl:NetworkAcl", "aws:ec2/networkAclRule:NetworkAclRule"
ALL, ALL_6, OFFICE = "0.0.0.0/0", "::/0", "198.18.0.0/24"
HALVES = ["0.0.0.0/1", "128.0.0.0/1"]


def allow(first: Any, last: Any = None, *cidrs: str, protocol: Any = "tcp") -> dict[str, Any]:
    """A rule of a security group."""
    last = first if last is None else last
    four = [each for each in cidrs or [ALL] if ":" not in each]
    six = [each for each in cidrs if ":" in each]
    return {"protocol": protocol, "fromPort": first, "toPort": last, "cidrBlocks": four, "ipv6CidrBlocks": six}


def reported(*changes: Change) -> Sequence[Danger]:
    return dangers(plan(*changes))
