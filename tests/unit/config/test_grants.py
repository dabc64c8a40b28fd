"""Comparison of what two stacks allow people and exempt from rules."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlpctl.config import Platform
from mlpctl.config.guards import Against, table, weaker
from mlpctl.keys import PLATFORM
from unit.review.commands import Mlpctl, mlpctl, prices

__all__ = ["mlpctl", "prices"]  # fixtures

ADMINS = {"role": "admins", "level": "clusterAdmin"}


def stack(
    access: dict[str, Any] | None = None, region: str = "us-east-1", accounts: tuple[str, ...] = (), **policies: Any
) -> Platform:
    given = {
        "profile": "dev",
        "owner": "a",
        "network": {"zones": [f"{region}a", f"{region}b"]},
        "allowedAccounts": [*accounts],
        "cluster": {"privateAccessCidrs": ["192.168.0.0/20"], "access": {"admins": ADMINS, **(access or {})}},
        "policies": policies,
    }
    return Platform.model_validate(given, context={"region": region})


def found(one: Platform, other: Platform, *against: Against) -> list[tuple[str, str, str]]:
    return [(each.path, each.value, each.than) for each in weaker(one, other, against or Against)]


def principal(name: str, account: str = "123456789012") -> str:
    return f"arn:aws:iam::{account}:{name}"


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [
        (
            {"role": "devs", "level": "clusterAdmin", "groups": ["devs"]},
            None,
            ("devs: clusterAdmin, groups devs", "none"),
        ),
        ({"role": "devs", "level": "view"}, None, ("devs: view", "none")),
        ({"role": "devs", "groups": ["a"]}, None, ("devs: groups a", "none")),
        ({"role": "devs", "level": "edit"}, {"role": "devs", "level": "view"}, ("devs: edit", "devs: view")),
        ({"role": "devs", "level": "admin"}, {"role": "devs", "groups": ["a"]}, ("devs: admin", "devs: groups a")),
        (
            {"role": "devs", "groups": ["a", "b"]},
            {"role": "devs", "groups": ["a"]},
            ("devs: groups a, b", "devs: groups a"),
        ),
        (
            {"role": "devs", "level": "edit"},
            {"role": "devs", "level": "edit", "namespaces": ["a"]},
            ("devs: edit", "devs: edit in a"),
        ),
        (
            {"role": "devs", "level": "edit", "namespaces": ["a*"]},
            {"role": "devs", "level": "edit", "namespaces": ["ab", "c"]},
            ("devs: edit in a*", "devs: edit in ab, c"),
        ),
        ({"role": "others", "level": "view"}, {"role": "devs", "level": "view"}, ("others: view", "none")),
        ({"principalArn": principal("user/admins"), "level": "view"}, None, ("user/admins: view", "none")),
        (
            {"principalArn": principal("role/x/admin2", "999999999999"), "level": "view"},
            {"role": "admin2", "level": "view"},
            ("role/x/admin2: view", "none"),
        ),
    ],
)
def test_more_access_is_weaker(one: dict[str, Any], other: dict[str, Any] | None, values: tuple[str, str]) -> None:
    more = stack({"people": one}, accounts=("123456789012",))
    less = stack({"people": other} if other else {}, accounts=("123456789012",))
    assert found(more, less) == [("cluster.access.people", *values)]
    assert found(more, less, Against.LOSS) == []


def test_the_same_or_less_access_is_not_weaker() -> None:
    other = stack({"people": {"role": "devs", "level": "edit", "namespaces": ["a*", "b"], "groups": ["x", "y"]}})
    for entry in (
        {"role": "devs", "level": "edit", "namespaces": ["ab"], "groups": ["x"]},
        {"role": "devs", "level": "view", "namespaces": ["a*"]},
        {"role": "devs", "groups": ["y"]},
        {"principalArn": principal("role/path/devs"), "level": "edit", "namespaces": ["b"]},
    ):
        assert found(stack({"another-name": entry}), other) == []
    assert found(stack(), other) == []


def test_an_administrator_in_the_place_of_another_is_weaker() -> None:
    assert found(stack({"admins": {**ADMINS, "role": "everybody"}}), stack()) == [
        ("cluster.access.admins", "everybody: clusterAdmin", "none")
    ]


PERMISSION = {"resource": "a-1", "reason": "copied elsewhere", "owner": "ml", "expires": "2027-01-31"}
WAIVER = {**PERMISSION, "resource": "a-*", "rule": "ML-S3-07"}


def test_waivers_and_approvals_that_the_other_has_not_are_weaker() -> None:
    row = ("policies.waivers[0]", "ML-S3-07 for a-* until 2027-01-31")
    assert found(stack(waivers=[WAIVER]), stack()) == [(*row, "none")]
    assert found(stack(waivers=[WAIVER]), stack(waivers=[{**WAIVER, "rule": "ML-S3-08"}])) == [(*row, "none")]
    assert found(stack(waivers=[WAIVER]), stack(waivers=[{**WAIVER, "resource": "a-1"}])) == [(*row, "none")]
    shorter = stack(waivers=[{**WAIVER, "expires": "2027-01-30"}])
    assert found(stack(waivers=[WAIVER]), shorter) == [(*row, "ML-S3-07 for a-* until 2027-01-30")]
    assert len(found(stack(waivers=[WAIVER]), stack(), Against.LOSS)) == 1
    assert len(found(stack(waivers=[WAIVER]), stack(), Against.INTRUDERS)) == 1
    approval = {**PERMISSION, "resource": "b-1"}
    assert found(stack(approvals=[approval]), stack(approvals=[PERMISSION])) == [
        ("policies.approvals[0]", "b-1 until 2027-01-31", "none")
    ]
    assert found(stack(approvals=[approval]), stack(), Against.INTRUDERS) == []


def test_waivers_and_approvals_that_the_other_covers_are_not_weaker() -> None:
    wide = [{**WAIVER, "resource": "a*"}, {**WAIVER, "resource": "b*"}]
    other = stack(waivers=wide, approvals=[PERMISSION])
    one = stack(waivers=[WAIVER, {**WAIVER, "resource": "b", "reason": "another reason"}], approvals=[PERMISSION])
    assert found(one, other) == []
    assert found(stack(), other) == []


def test_more_regions_are_weaker() -> None:
    row = "policies.allowedRegions"
    assert found(stack(allowedRegions=["us-east-1", "eu-west-1"]), stack()) == [
        (row, "us-east-1, eu-west-1", "default")
    ]
    wide = stack(region="eu-west-1", allowedRegions=["eu-west-1", "eu-west-2"])
    narrow = stack(region="eu-west-1", allowedRegions=["eu-west-1"])
    assert found(wide, narrow) == [(row, "eu-west-1, eu-west-2", "eu-west-1")]
    assert found(narrow, wide) == []
    own = stack(allowedRegions=["us-east-1"])
    assert found(own, stack(region="eu-west-1")) == [], "the stack's own region"


def test_more_instance_types_are_weaker() -> None:
    # Without it, a list must contain the types of the system nodes.
    waived = {**WAIVER, "rule": "ML-COST-01", "resource": "cluster-*"}

    def types(*names: str) -> Platform:
        return stack(allowedInstanceTypes=[*names], waivers=[waived])

    row = "policies.allowedInstanceTypes"
    for one, other, values in (
        (types("*"), types(), ("*", "any")),
        (types("m7i.*", "*.*"), types(), ("m7i.*, *.*", "any")),
        (types(), types("g6.*"), ("any", "g6.*")),
        (types("*"), types("g6.*"), ("*", "g6.*")),
        (types("g6.*", "p5.48xlarge"), types("g6.*"), ("g6.*, p5.48xlarge", "g6.*")),
        (types("g*"), types("g6.*"), ("g*", "g6.*")),
    ):
        assert found(one, other) == [(row, *values)]
    for one, other in (
        (types("g6.*"), types()),
        (types("g6.xlarge", "g6.2*"), types("g6.*")),
        (types("g6.*"), types("*")),
        (types(), types()),
    ):
        assert found(one, other) == []


def test_a_namespace_that_is_only_guarded_in_the_other_stack_is_weaker() -> None:
    def with_a_trainer(**guardrails: Any) -> Platform:
        given = stack().model_dump(mode="json", by_alias=True, exclude_unset=True)
        given["workloads"] = {"trainer": {"namespace": "training", "queues": {"jobs": "consume"}}}
        return Platform.model_validate({**given, "guardrails": guardrails})

    one = with_a_trainer(existingNamespaces=["training"])
    row = ("guardrails.existingNamespaces", "training", "none")
    assert found(one, with_a_trainer(namespaces={"training": {}})) == [row]
    assert found(one, with_a_trainer()) == [row], "the platform creates the namespaces of workloads"
    assert found(one, one) == found(one, stack()) == []


def test_a_workload_s_namespace_without_the_guards_of_the_other_stack_is_weaker() -> None:
    def with_a_trainer(**sections: Any) -> Platform:
        given = stack().model_dump(mode="json", by_alias=True, exclude_unset=True)
        given["workloads"] = {"trainer": {"namespace": "training", "queues": {"jobs": "consume"}}}
        return Platform.model_validate({**given, **sections})

    guarded = with_a_trainer(guardrails={"namespaces": {"training": {}, "other": {}}})
    row = ("guardrails.namespaces", "none", "training, other")
    assert found(with_a_trainer(), guarded) == [row]
    assert found(with_a_trainer(guardrails={"namespaces": {"training": {}}}), guarded) == []
    assert found(with_a_trainer(workloads={}), guarded) == [], "nothing of the platform is there"
    assert found(guarded, with_a_trainer()) == []


def test_images_that_are_only_scanned_or_copied_in_the_other_stack_are_weaker() -> None:
    def registry(account: Any = None, own: str = "123456789012", region: str = "us-east-1") -> Platform:
        given = stack(region=region, accounts=(own,)).model_dump(mode="json", by_alias=True, exclude_unset=True)
        return Platform.model_validate({**given, "images": {"account": account}}, context={"region": region})

    both = {"scanning": "enhanced", "replicateTo": ["us-west-2"]}
    elsewhere = registry(both, own="210987654321")
    row = ("images.account", "none", "scanning enhanced, copies in us-west-2")
    assert found(registry(), elsewhere) == found(registry(), elsewhere, Against.LOSS) == [row]
    copied = registry({"scanning": "basic", "replicateTo": ["us-west-2"]}, own="210987654321")
    assert found(registry(), copied, Against.INTRUDERS) == []
    assert found(registry(), registry({"scanning": "basic"}, own="210987654321")) == []
    assert found(registry(), registry(both)) == [], "the settings of the other stack are for the whole account"
    assert found(registry(region="us-west-1"), registry(both)) == [row]


def test_rules_that_only_the_other_makes_mandatory_are_weaker() -> None:
    def rows(one: Platform, other: Platform, *always: str) -> list[tuple[str, str, str]]:
        return [(each.path, each.value, each.than) for each in weaker(one, other, mandatory=lambda profile: always)]

    other = stack(mandatory=["ML-VPC-05", "ML-S3-07"])
    assert rows(stack(mandatory=["ML-S3-07"]), other) == [("policies.mandatory", "ML-S3-07", "ML-VPC-05")]
    assert rows(stack(), other, "ML-VPC-05") == [("policies.mandatory", "none", "ML-S3-07")]
    assert rows(stack(), other, "ML-VPC-05", "ML-S3-07") == []
    assert rows(other, stack()) == []


def test_a_row_of_the_table_is_readable() -> None:
    rows = weaker(stack({"people": {"role": "devs", "level": "edit"}}, waivers=[WAIVER]), stack())
    cells = [[str(cell) for cell in column.cells] for column in table(rows, "one", "other").columns]
    assert cells[1] == ["devs: edit", "ML-S3-07 for a-* until 2027-01-31"]
    assert cells[2] == ["none", "none"]


def test_a_copy_of_prod_with_more_rights_is_weaker_than_staging(tmp_path: Path, root: Path, mlpctl: Mlpctl) -> None:
    (tmp_path / "Pulumi.yaml").write_text((root / "Pulumi.yaml").read_text())
    (tmp_path / "stacks").mkdir()
    given = yaml.safe_load((root / "stacks" / "Pulumi.prod.yaml").read_text())
    platform = given["config"][PLATFORM]
    platform["cluster"]["access"]["everybody"] = {"role": "developers", "level": "clusterAdmin", "groups": ["devs"]}
    platform["policies"] = {
        "waivers": [{**WAIVER, "resource": "*bucket"}],
        "approvals": [PERMISSION],
        "allowedInstanceTypes": ["*"],
    }
    (tmp_path / "stacks" / "Pulumi.wide.yaml").write_text(yaml.safe_dump(given))
    (tmp_path / "stacks" / "Pulumi.staging.yaml").write_text((root / "stacks" / "Pulumi.staging.yaml").read_text())
    ran = mlpctl("config", "compare", "--stack", "wide", "--with", "staging")
    assert ran.code == 1
    for setting in ("cluster.access.everybody", "policies.waivers[0]", "policies.approvals[0]", "policies.allowedInst"):
        assert setting in ran.out
    assert "platform-admins" not in ran.out
