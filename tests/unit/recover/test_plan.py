"""The action for each operation of an interrupted update."""

from typing import Any

import pytest

from mlpctl.recover.plan import (
    Candidate,
    Choices,
    Finding,
    Found,
    Idempotent,
    Known,
    LookupFailed,
    Pending,
    Verdict,
    commands,
    decide,
    needs_lookup,
    pending,
    recovered,
    refreshed,
    taken,
)

URN = "urn:pulumi:dev::mlplatform::mlplatform:index:Network$aws:ec2/vpc:Vpc::network-vpc"
PARENT = "urn:pulumi:dev::mlplatform::mlplatform:index:Network::network"
OURS = {"mlplatform:stack": "mlplatform/dev", "mlplatform:name": "network-vpc", "owner": "ml"}
THEIRS = {"mlplatform:stack": "mlplatform/prod", "mlplatform:name": "network-vpc"}
DELETE = "aws ec2 delete-vpc --vpc-id {id}"
NOBODY = Choices()


def operation(kind: str = "creating", **more: Any) -> Pending:
    return Pending(
        kind,
        {
            "urn": URN,
            "type": "aws:ec2/vpc:Vpc",
            "custom": True,
            "parent": PARENT,
            "inputs": {"cidrBlock": "10.0.0.0/16"},
            "dependencies": [PARENT],
            **more,
        },
    )


def test_a_resource_that_exists_once_is_imported() -> None:
    action = decide(operation(), Found([Candidate("vpc-1", OURS)], DELETE), frozenset(), NOBODY)
    assert (action.verdict, action.id) == (Verdict.IMPORT, "vpc-1")


def test_a_resource_that_does_not_exist_is_dropped() -> None:
    action = decide(operation(), Found(delete=DELETE), frozenset(), NOBODY)
    assert (action.verdict, action.reason) == (Verdict.DROP, "was not created")


def test_a_resource_in_the_state_is_not_a_candidate() -> None:
    found = Found([Candidate("vpc-old", OURS), Candidate("vpc-new", OURS)])
    assert decide(operation(), found, frozenset({"vpc-old"}), NOBODY).id == "vpc-new"


def test_with_two_candidates_the_user_gets_exact_commands_to_choose_from() -> None:
    found = Found([Candidate("vpc-1", OURS), Candidate("vpc-2", OURS)], DELETE)
    action = decide(operation(), found, frozenset(), NOBODY)
    assert action.verdict is Verdict.ASK
    assert [command for command, _ in commands(action, "mlpctl recover --stack dev")] == [
        "mlpctl recover --stack dev --import network-vpc=vpc-1",
        "mlpctl recover --stack dev --import network-vpc=vpc-2",
        "aws ec2 delete-vpc --vpc-id vpc-1",
        "aws ec2 delete-vpc --vpc-id vpc-2",
        "mlpctl recover --stack dev --drop network-vpc",
    ]
    taken_over = decide(operation(), found, frozenset(), Choices(take={"network-vpc": "vpc-2"}))
    assert (taken_over.verdict, taken_over.id) == (Verdict.IMPORT, "vpc-2")
    assert decide(operation(), found, frozenset(), Choices(drop=frozenset({URN}))).verdict is Verdict.DROP


def test_a_resource_without_tags_is_identified_by_its_parent() -> None:
    assert decide(operation(), Found([Candidate("rtbassoc-1")]), frozenset(), NOBODY).verdict is Verdict.IMPORT


@pytest.mark.parametrize(
    ("id", "tags", "verdict"),
    [
        ("network-vpc-0a1b2c3", {}, Verdict.IMPORT),
        ("cluster:network-vpc-0a1b2c3", {}, Verdict.IMPORT),
        ("network-vpc", {}, Verdict.ASK),
        ("network-vpc-0a1b2c3", THEIRS, Verdict.ASK),
        ("network-vpc", THEIRS, Verdict.ASK),
    ],
)
def test_without_tags_only_random_digits_identify_the_owner_of_a_name(
    id: str, tags: dict[str, str], verdict: Verdict
) -> None:
    assert decide(operation(), Found([Candidate(id, tags)]), frozenset(), NOBODY).verdict is verdict


@pytest.mark.parametrize(
    ("finding", "verdict", "id"),
    [
        (Idempotent("is a setting"), Verdict.DROP, ""),
        (Known("table_0.0.0.0/0"), Verdict.IMPORT, "table_0.0.0.0/0"),
        (LookupFailed("the query to AWS failed"), Verdict.ASK, ""),
    ],
)
def test_operations_that_need_no_lookup_or_whose_lookup_failed(finding: Finding, verdict: Verdict, id: str) -> None:
    action = decide(operation(), finding, frozenset(), NOBODY)
    assert (action.verdict, action.id) == (verdict, id)


@pytest.mark.parametrize(
    ("each", "verdict"),
    [
        (operation("updating"), Verdict.REFRESH),
        (operation("deleting"), Verdict.REFRESH),
        (operation("reading"), Verdict.DROP),
        (operation(type="mlplatform:index:Network", custom=False), Verdict.DROP),
        (operation(type="pulumi:providers:kubernetes"), Verdict.DROP),
    ],
    ids=lambda each: getattr(each, "operation", each.value if isinstance(each, Verdict) else ""),
)
def test_operations_that_create_nothing_need_no_lookup(each: Pending, verdict: Verdict) -> None:
    assert not needs_lookup(each)
    assert decide(each, None, frozenset(), NOBODY).verdict is verdict


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    made = {"type": "creating", "resource": operation().resource}
    changed = {"type": "updating", "resource": operation("updating", urn=PARENT).resource}
    return {"resources": [{"urn": PARENT, "type": "x"}, *resources], "pending_operations": [made, changed]}


def carried_out(before: dict[str, Any]) -> list[dict[str, Any]]:
    (create,) = [each for each in pending(before) if needs_lookup(each)]
    found = Found([Candidate("vpc-1", OURS, {"__fieldManager": "pulumi"})])
    after = recovered(before, [decide(create, found, frozenset(), NOBODY)])
    assert after["pending_operations"] == []
    return list(after["resources"])


def test_an_imported_resource_is_in_the_state_as_after_its_creation() -> None:
    parent, vpc = carried_out(state())
    assert parent["urn"] == PARENT
    assert vpc == {
        **operation().resource,
        "id": "vpc-1",
        "outputs": {"cidrBlock": "10.0.0.0/16", "__fieldManager": "pulumi"},
        "refreshBeforeUpdate": True,
    }


def test_a_replaced_resource_is_pending_deletion() -> None:
    old = {"urn": URN, "type": "aws:ec2/vpc:Vpc", "id": "vpc-0"}
    resources = carried_out(state(old))
    assert [(each.get("id"), each.get("delete", False)) for each in resources] == [
        (None, False),
        ("vpc-0", True),
        ("vpc-1", False),
    ]


def test_a_resource_deleted_before_its_replacement_is_removed() -> None:
    old = {"urn": URN, "type": "aws:ec2/vpc:Vpc", "id": "vpc-0", "pendingReplacement": True}
    assert [each.get("id") for each in carried_out(state(old))] == [None, "vpc-1"]


def test_imported_and_changed_resources_are_refreshed() -> None:
    create, update = pending(state())
    actions = [decide(create, Known("vpc-1"), frozenset(), NOBODY), decide(update, None, frozenset(), NOBODY)]
    assert refreshed(actions) == [URN, PARENT]


def test_a_choice_must_match_exactly_one_operation() -> None:
    operations = pending(state())
    assert Choices(take={"network-vpc": "vpc-1"}, drop=frozenset({PARENT})).unknown(operations) == []
    assert Choices(take={"netwrok": "vpc-1"}, drop=frozenset({"b"})).unknown(operations) == ["netwrok", "b"]
    assert Choices(drop=frozenset({"network-vpc"})).unknown([*operations, *operations]) == ["network-vpc"]


def test_ids_of_other_types_are_ignored() -> None:
    resources = [{"urn": URN, "type": "aws:ec2/vpc:Vpc", "id": "a"}, {"urn": URN, "type": "other", "id": "b"}]
    assert taken({"resources": resources}, "other") == {"b"}


@pytest.mark.parametrize("kind", ["creating", "updating", "deleting", "reading", "importing"])
def test_every_operation_can_be_dropped_or_imported_manually(kind: str) -> None:
    each = operation(kind)
    assert decide(each, None, frozenset(), Choices(drop=frozenset({"network-vpc"}))).verdict is Verdict.DROP
    action = decide(each, None, frozenset(), Choices(take={"network-vpc": "vpc-9"}))
    assert (action.verdict, action.id) == (Verdict.IMPORT, "vpc-9")
