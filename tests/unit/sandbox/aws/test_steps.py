"""What the steps of a declaration send."""

from typing import Any

from mlsandbox.providers.aws import ecr, logs
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.steps import Update


def test_an_update_sends_all_properties_or_those_that_changed() -> None:
    olds, news = {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}
    assert Update("a", "b", "c", by="put_it").sent(olds, news) == {"a", "b", "c"}
    assert Update("a", "b", "c", by="put_it", changed_only=True).sent(olds, news) == {"b", "c"}


def test_properties_that_go_together_are_sent_together() -> None:
    update = Update("a", "b", "c", by="put_it", changed_only=True, together=("a", "b"))
    assert update.sent({"a": 1, "b": 2}, {"a": 1, "b": 3}) == {"a", "b"}
    assert update.sent({"c": 1}, {"c": 2}) == {"c"}


def test_a_conventional_type_is_described_by_its_plural_where_its_operation_lists() -> None:
    for noun, operation, key, result in (
        ("Vpc", "describe_vpcs", "VpcIds", "Vpcs[0]"),
        ("repository", "describe_repositories", "VpcIds", "repositories[0]"),
        ("NatGateway", "describe_nat_gateways", "VpcIds", "NatGateways[0]"),
    ):
        read = conventional("ec2", noun, "VpcId", listed=True)["read"]
        assert (read.operation, read.key, read.result) == (operation, key, result)
    one = conventional("eks", "accessEntry", ("clusterName", "principalArn"))["read"]
    assert (one.operation, one.key, one.result) == ("describe_access_entry", None, "accessEntry")


def test_what_is_taken_out_of_a_setting_is_taken_away(bench: Any) -> None:
    """ECR leaves rules as they are where a request has none."""
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    state = bench.create(ecr.REGISTRY_SCANNING.token, bench.unique("it"), {"scanType": "BASIC", "rules": [rule]})
    bench.update(state, bench.checked(state.subject, {"scanType": "BASIC"}, olds=state.inputs))
    found = bench.boto("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    assert found["rules"] == []
    bench.delete(state)


def test_what_another_operation_takes_away_is_taken_away(bench: Any) -> None:
    state = bench.create(logs.LOG_GROUP.token, bench.unique("it"), {"retentionInDays": 14})
    changed = bench.update(state, bench.checked(state.subject, {}, olds=state.inputs))
    assert changed.outputs["retentionInDays"] == 0
    (group,) = bench.boto("logs").describe_log_groups(logGroupNamePrefix=state.id)["logGroups"]
    assert "retentionInDays" not in group
    bench.delete(changed)
