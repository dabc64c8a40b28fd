"""Safeguards of networks and of data that are turned off, and what deletions then delete."""

import json
from typing import Any

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm

INGRESS, POINT = "internetGatewayBlockMode", "publicAccessBlockConfiguration"
FIREWALL = "aws:networkfirewall/firewallPolicy:FirewallPolicy"
LINK = "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"
LIFE = "aws:opensearch/serverlessLifecyclePolicy:ServerlessLifecyclePolicy"


def told(type: str, old: Any, new: Any, harm: Harm = Harm.IDENTITY) -> str:
    return " ".join(each.text for each in dangers(plan(update(type, old, new))) if each.harm is harm)


def actions(name: str, *values: str) -> dict[str, Any]:
    return {"firewallPolicy": {name: [*values]}}


OFF: list[tuple[str, Any, Any, str]] = [
    (
        "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions",
        {INGRESS: "block-bidirectional"},
        {INGRESS: "off"},
        "VPCs may be reachable",
    ),
    (
        "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions",
        {INGRESS: "block-bidirectional"},
        {INGRESS: "block-ingress"},
        "may open connections",
    ),
    (
        FIREWALL,
        actions("statelessDefaultActions", "aws:drop"),
        actions("statelessDefaultActions", "aws:pass"),
        "matches no rule passes",
    ),
    (
        FIREWALL,
        actions("statefulDefaultActions", "aws:drop_strict"),
        actions("statefulDefaultActions"),
        "matches no rule passes",
    ),
    (
        "aws:route53/resolverFirewallRule:ResolverFirewallRule",
        {"action": "BLOCK"},
        {"action": "ALLOW"},
        "names that it blocked",
    ),
    (
        "aws:route53/resolverFirewallConfig:ResolverFirewallConfig",
        {"firewallFailOpen": "DISABLED"},
        {"firewallFailOpen": "ENABLED"},
        "all names are resolved",
    ),
    (
        "aws:s3/accessPoint:AccessPoint",
        {"bucket": "b"},
        {"bucket": "b", POINT: {"blockPublicPolicy": False}},
        "objects may become public",
    ),
    ("aws:s3/accessPoint:AccessPoint", {"vpcConfiguration": {"vpcId": "v"}}, {}, "accepts requests from the internet"),
]


def test_a_guard_of_a_network_that_is_turned_off_is_reported() -> None:
    for type, old, new, says in OFF:
        assert told(type, old, new).count(says) == 1, (type, new)
        assert says not in told(type, new, old), (type, new)


def test_an_exception_from_the_block_of_a_vpc_is_reported() -> None:
    type = "aws:ec2/vpcBlockPublicAccessExclusion:VpcBlockPublicAccessExclusion"
    for mode, says in (("allow-egress", "is reachable from its VPC"), ("allow-bidirectional", "can connect to it")):
        inputs = {"vpcId": "vpc-1", "internetGatewayExclusionMode": mode}
        (danger,) = dangers(plan(change(type, Op.CREATE, inputs=inputs)))
        assert says in danger.text


def life(resource: str, **retention: Any) -> dict[str, Any]:
    return {"policy": json.dumps({"Rules": [{"ResourceType": "index", "Resource": [resource], **retention}]})}


def test_a_shorter_life_of_data_is_reported() -> None:
    one, year, forever = (
        life("index/x/*", MinIndexRetention="1d"),
        life("index/x/*", MinIndexRetention="365d"),
        life("index/x/*", NoMinIndexRetention=True),
    )
    feature = "aws:sagemaker/featureGroup:FeatureGroup"
    month, hour = (
        {"onlineStoreConfig": {"ttlDuration": {"unit": unit, "value": value}}}
        for unit, value in (("Days", 30), ("Hours", 1))
    )
    for type, old, new, says in (
        (LIFE, forever, one, "documents expire"),
        (LIFE, year, one, "documents expire sooner"),
        (LIFE, one, life("index/*/*", MinIndexRetention="1d"), "documents expire"),
        (LIFE, life("index/*/*", MinIndexRetention="1d"), one, ""),
        (LIFE, one, year, ""),
        (LIFE, one, forever, ""),
        (feature, month, hour, "deleted from its online store sooner"),
        (feature, {"onlineStoreConfig": {}}, hour, "deleted from its online store sooner"),
        (feature, hour, month, ""),
        (feature, hour, {"onlineStoreConfig": {}}, ""),
    ):
        text = told(type, old, new, Harm.DATA)
        assert (says in text) if says else text == "", (type, new)
    (danger,) = dangers(plan(change(LIFE, Op.CREATE, inputs=one)))
    assert "documents expire" in danger.text
    assert dangers(plan(change(LIFE, Op.CREATE, inputs=forever))) == ()
    collection = "aws:opensearch/serverlessCollection:ServerlessCollection"
    for op, told_too in ((Op.CREATE, False), (Op.SAME, True)):
        existing = change(collection, op, name="c", inputs={"name": "x"})
        assert bool(dangers(plan(existing, change(LIFE, Op.CREATE, inputs=one)))) is told_too


def test_what_a_deletion_deletes_follows_from_the_inputs() -> None:
    for type, on, off, says in (
        (LINK, {"deleteDataInFilesystem": True}, {}, "the files below its path"),
        (
            "aws:sagemaker/domain:Domain",
            {"retentionPolicy": {"homeEfsFileSystem": "Delete"}},
            {"retentionPolicy": {"homeEfsFileSystem": "Retain"}},
            "home directories",
        ),
    ):
        assert "a deletion will also delete" in told(type, off, on, Harm.PROTECTION)
        assert told(type, on, off, Harm.PROTECTION) == ""
        for inputs, lost in ((on, True), (off, False)):
            found = dangers(plan(change(type, Op.DELETE, inputs=inputs)))
            texts = [each.text for each in found if each.harm is Harm.DATA]
            assert bool(texts) is lost and all(says in each for each in texts), (type, inputs)
            assert all("unless" not in each.text for each in found)


def test_a_link_that_deletes_no_files_only_interrupts_their_import() -> None:
    old, new = ({"fileSystemId": "f", "fileSystemPath": path} for path in ("/a", "/b"))
    (danger,) = dangers(plan(change(LINK, Op.DELETE, inputs=old)))
    assert (danger.harm, "no longer imported" in danger.text) == (Harm.SERVING, True)
    replaced = {"op": Op.REPLACE, "forced_by": ("fileSystemPath",)}
    assert dangers(plan(update(LINK, old, new, **replaced))) == ()
    deleting = {**old, "deleteDataInFilesystem": True}
    (danger,) = dangers(plan(update(LINK, deleting, {**new, "deleteDataInFilesystem": True}, **replaced)))
    assert danger.harm is Harm.DATA and danger.text.startswith("Replaces")
    system = change("aws:fsx/lustreFileSystem:LustreFileSystem", Op.DELETE, name="f", id="f", inputs={})
    assert len(dangers(plan(system, change(LINK, Op.DELETE, inputs=deleting)))) == 1


def test_a_renamed_database_loses_its_address() -> None:
    for type, name in (("aws:rds/instance:Instance", "identifier"), ("aws:rds/cluster:Cluster", "clusterIdentifier")):
        assert "its DNS name changes" in told(type, {name: "ml"}, {name: "ml-old"}, Harm.SERVING)
