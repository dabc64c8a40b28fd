"""Networks, as specs, and the policies and endpoints that they need."""

from enum import Enum
from ipaddress import IPv4Network

from pydantic import Field, field_validator, model_validator

from mlplatform import addressing, grammar, iam
from mlplatform.logs import retention
from mlplatform.spec import Spec

PRIVATE = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""https://www.rfc-editor.org/rfc/rfc1918"""

GATEWAY_SERVICES = ("s3", "dynamodb")
"""Services whose gateway endpoints cost nothing: https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html"""

NEEDED_WITHOUT_NAT = ("ec2", "ecr.api", "ecr.dkr", "eks", "eks-auth", "logs", "sts")
"""What nodes without a way to the internet have to reach:
https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html"""


class Nat(Enum):
    """How private subnets reach the internet."""

    NONE = "none"
    SINGLE = "single"
    PER_ZONE = "perZone"


class Vpc(Spec):
    """The platform's network."""

    cidr: str = Field(default="10.0.0.0/16", json_schema_extra={"immutable": True})
    """Addresses of the network, /16 to /24. Cannot change after the first deployment."""

    zones: list[str] = Field(min_length=2, max_length=addressing.MAX_ZONES, json_schema_extra={"immutable": True})
    """Availability zones, two or three, e.g. `us-east-1a`. Cannot change after the first deployment: EKS keeps a
    cluster in the zones that it was made in."""

    nat: Nat = Nat.PER_ZONE
    """NAT gateways: one in each zone, a single one (cheaper, but its zone takes the others down with it), or none."""

    interface_endpoints: list[str] = Field(default=[])
    """AWS services reached without leaving the network, e.g. `ecr.api`; each is paid per hour and zone."""

    flow_log_days: int = 30
    """Days that records of accepted and refused traffic are kept."""

    @field_validator("cidr")
    @classmethod
    def _cidr_can_be_cut(cls, value: str) -> str:
        network = grammar.network(value)
        if not addressing.WIDEST_PREFIX <= network.prefixlen <= addressing.NARROWEST_PREFIX:
            raise ValueError(f"allowed: /{addressing.WIDEST_PREFIX} to /{addressing.NARROWEST_PREFIX}")
        if not any(network.subnet_of(private) for private in PRIVATE):
            raise ValueError("allowed: private addresses (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16)")
        return value

    @field_validator("zones")
    @classmethod
    def _zones_differ(cls, value: list[str]) -> list[str]:
        if len({*value}) < len(value):
            raise ValueError("allowed: each zone once")
        return value

    @field_validator("interface_endpoints")
    @classmethod
    def _endpoints_differ(cls, value: list[str]) -> list[str]:
        if len({*value}) < len(value):
            raise ValueError("allowed: each service once")
        return value

    @field_validator("flow_log_days")
    @classmethod
    def _flow_log_days_are_known(cls, value: int) -> int:
        return retention(value)

    @model_validator(mode="after")
    def _nodes_reach_what_they_need(self) -> "Vpc":
        missing = [name for name in NEEDED_WITHOUT_NAT if name not in self.interface_endpoints]
        if self.nat is Nat.NONE and missing:
            raise ValueError(
                f"interfaceEndpoints needs {', '.join(missing)}: with nat none, nodes cannot join without them"
            )
        return self


def endpoint_service(service: str, region: str) -> str:
    """The name under which a VPC endpoint reaches an AWS service, e.g. `com.amazonaws.us-east-1.s3`.

    Regions of China begin the names of some services with `cn.`: interface endpoints of these cannot be had this way.
    """
    return f"com.amazonaws.{region}.{service}"


def flow_log_policy(log_group_arn: str) -> str:
    """What the flow log's role may do: write to its own log group.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
    """
    return iam.document(
        iam.allow(
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            on=[log_group_arn, f"{log_group_arn}:*"],
        )
    )
