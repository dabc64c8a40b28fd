"""Differences between inputs: significant ones are shown, insignificant ones are counted."""

import base64
import json
from typing import Any

import pytest

from changes import change, update
from mlpctl.review.compare.delta import CHANGED_SECRET, HIDDEN
from mlpctl.review.compare.diff import differences
from mlpctl.review.plan.model import Op
from mlpctl.review.values.plain import UNKNOWN, Masked, Secret

TYPE = "aws:x/thing:Thing"


def shown(old: Any, new: Any, **fields: Any) -> list[tuple[str, str | None, str | None]]:
    return [(each.path, each.old, each.new) for each in differences(update(TYPE, old, new, **fields)).shown]


def policy(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


READ = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Principal": "*", "Resource": "*"}
FILTER = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}

NOISE = {
    "a list that is a set, reordered": ({"subnetIds": ["a", "b", "c"]}, {"subnetIds": ["c", "a", "b"]}),
    "security groups, reordered": ({"securityGroups": ["a", "b"]}, {"securityGroups": ["b", "a"]}),
    "reordered objects with unique names": (
        {"volumes": [{"name": "A", "emptyDir": {}}, {"name": "B", "secret": {}}]},
        {"volumes": [{"name": "B", "secret": {}}, {"name": "A", "emptyDir": {}}]},
    ),
    "rules without a name, reordered": (
        {"ingress": [{"fromPort": 1, "cidrBlocks": ["a", "b"]}, {"fromPort": 2, "cidrBlocks": ["c"]}]},
        {"ingress": [{"fromPort": 2, "cidrBlocks": ["c"]}, {"fromPort": 1, "cidrBlocks": ["b", "a"]}]},
    ),
    "a policy's statements and actions, reordered": (
        {"policy": policy(READ, DENY)},
        {"policy": policy(DENY, {**READ, "Action": READ["Action"][::-1]})},
    ),
    "a policy's single item with and without a list": (
        {"policy": policy(DENY)},
        {"policy": policy({**DENY, "Action": ["s3:*"], "Resource": ["*"]})},
    ),
    "a policy with a single statement without a list": (
        {"policy": policy(FILTER)},
        {"policy": json.dumps({"Version": "2012-10-17", "Statement": FILTER})},
    ),
    "JSON written in another way": ({"definition": '{"a": 1, "b": [2]}'}, {"definition": '{"b":[2],"a":1}'}),
    "JSON as a text and as an object": ({"definition": '{"a": 1}'}, {"definition": {"a": 1}}),
    "a number as a text": ({"size": "5"}, {"size": 5}),
    "a boolean as a text": ({"encrypted": "true"}, {"encrypted": True}),
    "a number with a point": ({"size": "5"}, {"size": 5.0}),
    "null and nothing": ({"a": None}, {}),
    "an empty list and nothing": ({}, {"a": []}),
    "an empty object of empty values and nothing": ({}, {"a": {"b": None, "c": {"d": []}}}),
    "an empty text and null": ({"a": ""}, {"a": None}),
    "a default that the provider filled in": ({}, {"force": False, "__defaults": ["force"]}),
    "what the engine puts behind a name": ({"name": "it-1a2b3c4"}, {"name": "it-9f8e7d6"}),
    "a build's hash": ({"contextHash": "ab"}, {"contextHash": "cd"}),
    "a checksum among annotations": (
        {"metadata": {"annotations": {"checksum/config": "ab"}}},
        {"metadata": {"annotations": {"checksum/config": "cd"}}},
    ),
    "the API server's own fields": (
        {"metadata": {"resourceVersion": "1", "managedFields": [{"a": 1}]}},
        {"metadata": {"resourceVersion": "2", "managedFields": [{"a": 2}]}},
    ),
}


@pytest.mark.parametrize("name", NOISE)
def test_insignificant_differences_are_hidden_and_counted(name: str) -> None:
    old, new = NOISE[name]
    found = differences(update(TYPE, old, new))
    assert found.shown == ()
    assert found.noise >= 1


SHOWN = {
    "a list whose order counts": (
        {"args": ["a", "b"]},
        {"args": ["b", "a"]},
        [("args[0]", "a", "b"), ("args[1]", "b", "a")],
    ),
    "instance types in order of preference": (
        {"instanceTypes": ["g6.xlarge", "g5.xlarge"]},
        {"instanceTypes": ["g5.xlarge", "g6.xlarge"]},
        [("instanceTypes[0]", "g6.xlarge", "g5.xlarge"), ("instanceTypes[1]", "g5.xlarge", "g6.xlarge")],
    ),
    "containers that start one after the other": (
        {"initContainers": [{"name": "a"}, {"name": "b"}]},
        {"initContainers": [{"name": "b"}, {"name": "a"}]},
        [("initContainers", '["a", "b"]', '["b", "a"]')],
    ),
    "an item of a set": (
        {"subnetIds": ["a", "b"]},
        {"subnetIds": ["b", "a", "c"]},
        [("subnetIds[2]", None, "c")],
    ),
    "an item inserted before others": (
        {"args": ["a", "b", "c"]},
        {"args": ["x", "a", "b", "c"]},
        [("args[0]", None, "x")],
    ),
    "an object with a unique name": (
        {"containers": [{"name": "a", "image": "i:1"}, {"name": "b"}]},
        {"containers": [{"name": "a", "image": "i:2"}, {"name": "b"}]},
        [('containers["a"].image', "i:1", "i:2")],
    ),
    "a tag's value": (
        {"tags": [{"key": "team", "value": "a", "propagate": True}]},
        {"tags": [{"key": "team", "value": "b", "propagate": True}]},
        [('tags["team"].value', "a", "b")],
    ),
    "an action of a policy": (
        {"policy": policy(READ, DENY)},
        {"policy": policy(DENY, {**READ, "Action": ["s3:*", "s3:ListBucket"]})},
        [("policy.Statement[1].Action[0]", "s3:GetObject", "s3:*")],
    ),
    "a principal of a policy": (
        {"policy": policy({**DENY, "Principal": {"AWS": "arn:a"}})},
        {"policy": policy({**DENY, "Principal": {"AWS": "*"}})},
        [("policy.Statement[0].Principal.AWS[0]", "arn:a", "*")],
    ),
    "one of several principals": (
        {"policy": policy({**DENY, "Principal": {"AWS": ["a", "b", "c"]}})},
        {"policy": policy({**DENY, "Principal": {"AWS": ["b", "c", "d"]}})},
        [("policy.Statement[0].Principal.AWS[2]", "a", "d")],
    ),
    "a statement with a name": (
        {"policy": policy({**READ, "Sid": "Read"}, {**DENY, "Sid": "Deny"})},
        {"policy": policy({**DENY, "Sid": "Deny"}, {**READ, "Sid": "Read", "Effect": "Deny"})},
        [('policy.Statement["Read"].Effect', "Allow", "Deny")],
    ),
    "a number": ({"size": "5"}, {"size": 6}, [("size", "5", "6")]),
    "false that was not there": ({}, {"enabled": False}, [("enabled", None, "false")]),
    "true that was false": ({"enabled": "false"}, {"enabled": True}, [("enabled", "false", "true")]),
    "null that was a value": ({"a": 1}, {"a": None}, [("a", "1", "null")]),
    "a default that takes over from a value": (
        {"force": True, "__defaults": []},
        {"force": False, "__defaults": ["force"]},
        [("force", "true", "false")],
    ),
    "a name that is another": (
        {"name": "web-1a2b3c4"},
        {"name": "api-9f8e7d6"},
        [("name", "web-1a2b3c4", "api-9f8e7d6")],
    ),
    "a name that ends with a date": (
        {"name": "run-20260101"},
        {"name": "run-20260202"},
        [("name", "run-20260101", "run-20260202")],
    ),
    "a value that looks like an automatic name": (
        {"image": "web-1a2b3c4"},
        {"image": "web-9f8e7d6"},
        [("image", "web-1a2b3c4", "web-9f8e7d6")],
    ),
    "an unknown value": ({"arn": "a"}, {"arn": UNKNOWN}, [("arn", "a", "(known after the update)")]),
    "a partly unknown value": (
        {"subnetIds": ["a", "b"]},
        {"subnetIds": ["a", UNKNOWN]},
        [("subnetIds[1]", "b", "(known after the update)")],
    ),
    "a secret": (
        {"password": Secret("secret", b"1")},
        {"password": Secret("secret", b"2")},
        [("password", "(secret)", CHANGED_SECRET)],
    ),
    "what was plain and is secret now": (
        {"password": "hunter2"},
        {"password": Secret("secret", b"2")},
        [("password", "(secret)", CHANGED_SECRET)],
    ),
    "a key with a dot": (
        {"annotations": {"a.b/c": "1"}},
        {"annotations": {"a.b/c": "2"}},
        [('annotations["a.b/c"]', "1", "2")],
    ),
}


@pytest.mark.parametrize("name", SHOWN)
def test_significant_differences_are_shown(name: str) -> None:
    old, new, expected = SHOWN[name]
    assert shown(old, new) == expected


@pytest.mark.parametrize(
    "text",
    ["postgres://app:(secret)@db", '{"password": "(secret)"}', "first\npassword: (secret)\n"],
)
def test_a_text_that_differs_in_its_redacted_part_is_shown(text: str) -> None:
    one, other = Masked(text, b"1"), Masked(text, b"2")
    for old, new in ((one, other), ({"a": [one]}, {"a": [other]}), ({"subnetIds": [one]}, {"subnetIds": [other]})):
        ((_, before, after),) = shown({"x": old}, {"x": new})
        assert before != after and str(after).endswith(CHANGED_SECRET)
    assert shown({"x": one}, {"x": Masked(text, b"1")}) == []


def test_an_unchanged_secret_is_not_a_difference() -> None:
    assert differences(update(TYPE, {"p": Secret("a", b"1")}, {"p": Secret("b", b"1")})).shown == ()


def test_default_tags_do_not_repeat_differences_of_tags() -> None:
    found = differences(
        update(
            TYPE,
            {"tags": {"a": "1"}, "tagsAll": {"a": "1", "org": "x"}},
            {"tags": {"a": "2"}, "tagsAll": {"a": "2", "org": "y"}},
        )
    )
    assert [each.path for each in found.shown] == ["tags.a", "tagsAll.org"]
    assert found.noise == 1
    # A default tag that overrides ours is a separate difference.
    assert len(shown({"tags": {"a": "1"}, "tagsAll": {"a": "1"}}, {"tags": {"a": "2"}, "tagsAll": {"a": "3"}})) == 2


def test_a_new_default_value_is_noise_if_the_provider_reports_only_other_properties() -> None:
    old, new = {"size": 1}, {"size": 2, "monitoring": False}
    assert [path for path, *_ in shown(old, new, reported=("size",))] == ["size"]
    assert [path for path, *_ in shown(old, new, reported=("size", "monitoring"))] == ["monitoring", "size"]


def test_an_unknown_list_is_a_set_if_the_provider_does_not_report_it() -> None:
    old, new = {"things": [1, 2], "size": 1}, {"things": [2, 1], "size": 2}
    assert [path for path, *_ in shown(old, new, reported=("size",))] == ["size"]
    assert [path for path, *_ in shown(old, new)] == ["size", "things[0]", "things[1]"]


def test_a_provider_version_is_noise() -> None:
    assert differences(update("pulumi:providers:aws", {"version": "7.1.0"}, {"version": "7.2.0"})).noise == 1
    assert shown({"version": "6.83.0"}, {"version": "7.1.0"}) == [("version", "6.83.0", "7.1.0")]
    major = differences(update("pulumi:providers:aws", {"version": "6.83.0"}, {"version": "7.1.0"}))
    assert [each.path for each in major.shown] == ["version"]
    assert shown({"version": "1"}, {"version": "2"}) == [("version", "1", "2")]


def test_a_difference_that_forces_a_replacement_comes_first_and_is_marked() -> None:
    old = {"a": 1, "disks": [{"deviceName": "x", "ebs": {"iops": 1, "size": 1}}]}
    new = {"a": 2, "disks": [{"deviceName": "x", "ebs": {"iops": 2, "size": 2}}]}
    found = differences(update(TYPE, old, new, op=Op.REPLACE, forced_by=("disks[0].ebs.size",))).shown
    assert [(each.path, each.forces) for each in found] == [
        ('disks["x"].ebs.size', True),
        ("a", False),
        ('disks["x"].ebs.iops', False),
    ]


def test_a_difference_that_forces_a_replacement_is_shown_even_if_it_is_noise() -> None:
    found = differences(
        update(TYPE, {"name": "it-1a2b3c4"}, {"name": "it-9f8e7d6"}, op=Op.REPLACE, forced_by=("name",))
    )
    assert [(each.path, each.old, each.new, each.forces) for each in found.shown] == [
        ("name", "it-1a2b3c4", "it-9f8e7d6", True)
    ]


def test_values_hidden_by_the_engine_are_shown_as_changed() -> None:
    inputs = {"password": Secret("secret"), "user": "a", "list": [1]}
    assert shown(inputs, inputs, reported=("password", "user", "arn")) == [
        ("password", "(secret)", CHANGED_SECRET),
        ("user", HIDDEN, HIDDEN),
    ]


def test_a_reordered_set_is_noise_even_if_the_provider_reports_it() -> None:
    assert shown({"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}, reported=("subnetIds[0]", "subnetIds[1]")) == []


LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
MOVES = [{"days": 30, "storageClass": "STANDARD_IA"}, {"days": 90, "storageClass": "GLACIER"}]
RULES = [{"id": "logs", "status": "Enabled", "transitions": MOVES}, {"id": "tmp", "status": "Disabled"}]


@pytest.mark.parametrize(
    ("type", "old", "new", "noise"),
    [
        (LIFECYCLE, {"rules": RULES}, {"rules": RULES[::-1]}, True),
        (LIFECYCLE, {"rules": RULES}, {"rules": [{**RULES[0], "transitions": MOVES[::-1]}, RULES[1]]}, True),
        (TYPE, {"rules": RULES}, {"rules": RULES[::-1]}, False),
        (TYPE, {"transitions": MOVES}, {"transitions": MOVES[::-1]}, False),
        (LIFECYCLE, {"rules": RULES}, {"rules": RULES[:1]}, False),
        (
            NODE_GROUP,
            {"instanceTypes": ["g6.xlarge", "g5.xlarge"]},
            {"instanceTypes": ["g5.xlarge", "g6.xlarge"]},
            False,
        ),
    ],
    ids=["rules", "a list in a rule", "another type", "another type's list", "a rule less", "ordered"],
)
def test_the_record_of_a_type_defines_unordered_lists(type: str, old: Any, new: Any, noise: bool) -> None:
    found = differences(update(type, old, new))
    assert (found.shown == (), found.noise > 0) == (noise, noise)


def test_multiline_texts_are_shown_as_an_excerpt() -> None:
    old = "\n".join(map(str, range(100)))
    (found,) = differences(update(TYPE, {"data": {"conf": old}}, {"data": {"conf": old.replace("50", "fifty")}})).shown
    assert (found.path, found.old, found.new) == ("data.conf", "(100 lines)", "(100 lines)")
    assert "-50\n+fifty" in found.excerpt


def test_base64_is_compared_as_decoded_text() -> None:
    one, other = (base64.b64encode(f"#!/bin/sh\necho {word}\n".encode()).decode() for word in ("one", "other"))
    (found,) = differences(update(TYPE, {"userData": one}, {"userData": other})).shown
    assert "-echo one\n+echo other" in found.excerpt


def test_base64_of_binary_data_is_compared_unchanged() -> None:
    one, other = (base64.b64encode(bytes([255, number] * 20)).decode() for number in (1, 2))
    (found,) = differences(update(TYPE, {"x": one}, {"x": other})).shown
    assert (found.old, found.new) == (one, other)


@pytest.mark.parametrize(("op", "sides"), [(Op.CREATE, {"new": {"a": 1}}), (Op.DELETE, {"old": {"a": 1}})])
def test_created_and_deleted_resources_have_no_differences(op: Op, sides: Any) -> None:
    assert differences(change(TYPE, op, **{"old": None, "new": None, **sides})).shown == ()
