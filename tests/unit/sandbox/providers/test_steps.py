"""The requests of a declaration's steps."""

from typing import Any

from mlsandbox.providers.aws import ecr, logs
from mlsandbox.providers.aws.conventions import conventional
from mlsandbox.providers.aws.steps import Update


def test_an_update_sends_all_properties_or_those_that_changed() -> None:
    olds, news = {"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}
    assert Update("a", "b", "c", by="put_it").sent(olds, news) == {"a", "b", "c"}
    assert Update("a", "b", "c", by="put_it", changed_only=True).sent(olds, news) == {"b", "c"}


def test_properties_in_together_are_sent_together() -> None:
    update = Update("a", "b", "c", by="put_it", changed_only=True, together=("a", "b"))
    assert update.sent({"a": 1, "b": 2}, {"a": 1, "b": 3}) == {"a", "b"}
    assert update.sent({"c": 1}, {"c": 2}) == {"c"}


def test_a_listed_conventional_type_has_plural_names() -> None:
    for noun, operation, key, result in (
        ("Vpc", "describe_vpcs", "VpcIds", "Vpcs[0]"),
        ("repository", "describe_repositories", "VpcIds", "repositories[0]"),
        ("NatGateway", "describe_nat_gateways", "VpcIds", "NatGateways[0]"),
    ):
        read = conventional("ec2", noun, "VpcId", listed=True)["read"]
        assert (read.operation, read.key, read.result) == (operation, key, result)
    one = conventional("eks", "accessEntry", ("clusterName", "principalArn"))["read"]
    assert (one.operation, one.key, one.result) == ("describe_access_entry", None, "accessEntry")


def test_a_property_removed_from_a_setting_is_reset(bench: Any) -> None:
    """ECR does not change the rules if a request omits them."""
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]}
    state = bench.create(ecr.REGISTRY_SCANNING.token, bench.unique("it"), {"scanType": "BASIC", "rules": [rule]})
    bench.update(state, bench.checked(state.subject, {"scanType": "BASIC"}, olds=state.inputs))
    found = bench.boto("ecr").get_registry_scanning_configuration()["scanningConfiguration"]
    assert found["rules"] == []
    bench.delete(state)


def test_a_property_with_an_unset_operation_is_removed(bench: Any) -> None:
    state = bench.create(logs.LOG_GROUP.token, bench.unique("it"), {"retentionInDays": 14})
    changed = bench.update(state, bench.checked(state.subject, {}, olds=state.inputs))
    assert changed.outputs["retentionInDays"] == 0
    (group,) = bench.boto("logs").describe_log_groups(logGroupNamePrefix=state.id)["logGroups"]
    assert "retentionInDays" not in group
    bench.delete(changed)
