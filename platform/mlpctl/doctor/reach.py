"""Checks whether this machine can reach the API server, which objects in the cluster need."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mlpctl.doctor.account import cluster, own_cluster
from mlpctl.doctor.asking import LOCAL, Answers, Question
from mlpctl.doctor.finding import Check, Finding, Level, Wanted

CONNECT: Final = "Connect"
"""The operation of this machine that resolves a host name and opens a TCP connection."""

PRIVATE: Final = "cluster.privateAccessCidrs"
PUBLIC: Final = "cluster.publicAccessCidrs"

WITHOUT_OBJECTS: Final = (
    "pulumi up --stack {stack} --exclude '**::pulumi:providers:kubernetes::cluster' --exclude-dependents"
)
"""An update that leaves out the objects in the cluster (docs/adr/0029)."""


def connection(endpoint: str) -> Question:
    """Whether this machine can open a connection to an API server."""
    host, _, port = endpoint.removeprefix("https://").rstrip("/").partition(":")
    return Question(LOCAL, CONNECT, {"host": host, "port": int(port or 443)})


def _endpoint(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    if not answers.exists(cluster(wanted)):
        yield from _new(wanted)
        return
    found = own_cluster(wanted, answers)
    if found is None or not found.get("endpoint"):
        yield Finding(Level.NOT_CHECKED, "The cluster has no endpoint yet", cluster(wanted), "cluster")
        return
    question = connection(found["endpoint"])
    private = not found["resourcesVpcConfig"]["endpointPublicAccess"]
    kind, field = ("private", PRIVATE) if private else ("public", PUBLIC)
    refusal = answers.refusal(question)
    if refusal is None:
        yield Finding(Level.PASSES, f"This machine reaches the {kind} endpoint at {answers(question)}", question, field)
        return
    fact = f"This machine does not reach the {kind} endpoint: {refusal.message}"
    admitted = "network that a route to the VPC leads from" if private else "public address of this machine"
    fix = (
        f"Add the {admitted} to {field}, or work from a runner or a VPN that is admitted. From here, an update can "
        f"leave out the objects in the cluster: `{WITHOUT_OBJECTS.format(stack=wanted.stack)}`"
    )
    yield Finding(Level.BLOCKS, fact, question, field, fix)


def _new(wanted: Wanted) -> Iterator[Finding]:
    spec = wanted.platform.cluster
    if spec.public_access_cidrs:
        yield Finding(
            Level.NOTE, f"The new cluster's endpoint admits {', '.join(spec.public_access_cidrs)}", None, PUBLIC
        )
        return
    admitted = [*spec.private_access_cidrs, *spec.private_access_security_groups]
    fact = f"The new cluster's endpoint is private; it admits {', '.join(admitted) or 'nobody else'}"
    fix = (
        "Objects in the cluster need a runner or a VPN in these networks. From elsewhere, create the rest first: "
        f"`{WITHOUT_OBJECTS.format(stack=wanted.stack)}`"
    )
    yield Finding(Level.NOTE, fact, None, PRIVATE, fix)


def _address(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    networks = wanted.platform.cluster.public_access_cidrs
    if not networks:
        return
    if not wanted.address:
        fact = "The public address of this machine is not known, so it was not compared with publicAccessCidrs"
        yield Finding(Level.NOT_CHECKED, fact, None, PUBLIC, "Run the command with `--address`.")
        return
    address = ipaddress.ip_address(wanted.address)
    if any(address in ipaddress.ip_network(each) for each in networks):
        yield Finding(Level.PASSES, f"publicAccessCidrs admits {address}", None, PUBLIC)
    else:
        fact = f"publicAccessCidrs does not admit {address}; it has {', '.join(networks)}"
        yield Finding(Level.WARNS, fact, None, PUBLIC, f"Add {address}/{address.max_prefixlen}, or its network.")


def _groups(wanted: Wanted) -> Question:
    ids = sorted(wanted.platform.cluster.private_access_security_groups)
    return Question(
        "ec2", "DescribeSecurityGroups", {"Filters": [{"Name": "group-id", "Values": ids}]}, "SecurityGroups"
    )


def _security_groups(wanted: Wanted, answers: Answers) -> Iterator[Finding]:
    ids, question = wanted.platform.cluster.private_access_security_groups, _groups(wanted)
    if not ids:
        return
    field = "cluster.privateAccessSecurityGroups"
    there: dict[str, Any] = {each["GroupId"]: each for each in answers(question)}
    for id in ids:
        if id in there:
            yield Finding(Level.PASSES, f"The security group {id} exists", question, field)
        else:
            fact = f"The account has no security group {id} in {wanted.region}"
            yield Finding(Level.BLOCKS, fact, question, field, "Correct the ID, or remove it.")


def _asks_endpoint(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    found = own_cluster(wanted, answers)
    own = (connection(found["endpoint"]),) if found and found.get("endpoint") else ()
    return (cluster(wanted), *own)


def _asks_groups(wanted: Wanted, answers: Answers) -> Iterable[Question]:
    return (_groups(wanted),) if wanted.platform.cluster.private_access_security_groups else ()


CHECKS: Final = (
    Check("reach.endpoint", "whether this machine reaches the API server", _endpoint, _asks_endpoint),
    Check("reach.address", "the address of this machine against `publicAccessCidrs`", _address),
    Check("reach.groups", "the security groups that may reach the API server", _security_groups, _asks_groups),
)
