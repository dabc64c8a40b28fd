"""New Kubernetes Services and Lightsail instances that are open to the internet."""

from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

SERVICE, PORTS = "kubernetes:core/v1:Service", "aws:lightsail/instancePublicPorts:InstancePublicPorts"


def text_of(*changes: Any) -> str:
    return " ".join(each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


def service(*ports: int, kind: str = "LoadBalancer", annotations: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "s", "annotations": annotations or {}},
        "spec": {"type": kind, "ports": [{"port": port, "name": f"p{port}"} for port in ports], **spec},
    }


@pytest.mark.parametrize(("port", "name"), [(22, "SSH"), (5432, "PostgreSQL"), (6379, "Redis"), (8265, "Ray")])
def test_a_new_load_balancer_on_a_private_port_is_reported(port: int, name: str) -> None:
    says = f"the whole internet can connect to its pods on tcp {port} ({name})"
    assert says in text_of(change(SERVICE, Op.CREATE, inputs=service(port)))
    assert says in text_of(change(SERVICE, Op.CREATE, inputs=service(443, port)))
    wide = service(port, loadBalancerSourceRanges=["0.0.0.0/0"])
    assert says in text_of(change(SERVICE, Op.CREATE, inputs=wide))


def test_a_new_load_balancer_for_the_web_or_the_own_network_is_not_reported() -> None:
    internal = {"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}
    for made in (
        service(80, 443),
        service(8080),
        service(80, 443, 15021),
        service(5432, loadBalancerSourceRanges=["10.0.0.0/8"]),
        service(5432, annotations=internal),
        service(5432, kind="ClusterIP"),
        service(5432, kind="NodePort"),
    ):
        assert text_of(change(SERVICE, Op.CREATE, inputs=made)) == ""


def ports(*numbers: int, **sources: Any) -> dict[str, Any]:
    infos = [{"protocol": "tcp", "fromPort": each, "toPort": each, **sources} for each in numbers]
    return {"instanceName": "i", "portInfos": infos}


def test_the_ports_of_a_lightsail_instance() -> None:
    assert "tcp 22 (SSH)" in text_of(change(PORTS, Op.CREATE, inputs=ports(22)))
    assert "tcp 22 (SSH)" in text_of(change(PORTS, Op.CREATE, inputs=ports(22, cidrs=["0.0.0.0/0"])))
    assert "tcp 22 (SSH)" in text_of(update(PORTS, ports(443), ports(443, 22)))
    for made in (ports(80, 443), ports(22, cidrs=["192.0.2.0/24"]), ports(22, cidrListAliases=["lightsail-connect"])):
        assert text_of(change(PORTS, Op.CREATE, inputs=made)) == ""
