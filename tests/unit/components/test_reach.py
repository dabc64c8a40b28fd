import pytest

from mlplatform.foundation.network.reach import Door, Subnet, unreachable

NEEDED = {"sts": "programs sign in"}
CLOSED = Subnet("a", "10.0.0.0/18", leaves=False)
OPEN = Subnet("a", "10.0.0.0/18", leaves=True)


@pytest.mark.parametrize(
    ("subnet", "doors", "why"),
    [
        (OPEN, [], None),
        (CLOSED, [], "it has no endpoint and no route leads out of the network (programs sign in)"),
        (CLOSED, [Door("sts", ["10.0.0.0/16"])], None),
        (CLOSED, [Door("sts", None)], None),
        (CLOSED, [Door("sts", ["10.0.0.0/16"], private_dns=False)], "it has no endpoint and no route"),
        (CLOSED, [Door("sqs", ["10.0.0.0/16"])], "it has no endpoint and no route"),
        (Subnet("a", "10.0.0.0/18", False, frozenset({"sts"})), [], None),
        # The service's host name resolves to the endpoint, so the route out of the network does not help.
        (OPEN, [Door("sts", ["100.64.0.0/16"])], "its endpoint allows 100.64.0.0/16 on port 443, not 10.0.0.0/18"),
        (OPEN, [Door("sts", [])], "its endpoint allows nothing on port 443"),
        (OPEN, [Door("sts", [], private_dns=False)], None),
    ],
)
def test_a_service_is_reachable_by_an_interface_endpoint_a_gateway_endpoint_or_a_route(
    subnet: Subnet, doors: list[Door], why: str | None
) -> None:
    found = [reason for _, _, reason in unreachable([subnet], doors, NEEDED)]
    assert bool(found) is (why is not None)
    assert why is None or found[0].startswith(why)
