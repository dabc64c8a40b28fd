"""The policy pack: what it reads of the stack's config, and what it reports."""

import json
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi_policy import EnforcementLevel
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from mlpctl.policies import pack
from mlpctl.policies.rule import Level
from mlpctl.policies.rules import rules
from mlpctl.policies.stack import StackRules
from mlpctl.settings.policies import PolicySettings

TODAY = date(2026, 11, 29)
BUCKET, BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"


@pytest.fixture(autouse=True)
def config() -> Iterator[None]:
    yield
    pulumi.runtime.set_all_config({})


def configured(value: str) -> StackRules:
    pulumi.runtime.set_all_config({"mlplatform:platform": value})
    return pack.stack_rules()


def test_the_stack_s_profile_and_waivers_are_read() -> None:
    waiver = {
        "rule": "ML-S3-01",
        "resource": "a",
        "reason": "public on purpose",
        "owner": "ml",
        "expires": "2027-01-31",
    }
    found = configured(json.dumps({"profile": "dev", "policies": {"waivers": [waiver]}}))
    assert (found.profile, found.policies.waivers[0].rule) == ("dev", "ML-S3-01")


def test_invalid_config_ends_the_pack_with_one_sentence() -> None:
    with pytest.raises(SystemExit, match=r"policies\.waivers\.0\.rule: Field required"):
        configured(json.dumps({"profile": "dev", "policies": {"waivers": [{}]}}))
    with pytest.raises(SystemExit, match="is not JSON"):
        configured("{")
    for value in ("[]", "null", '"x"', '{"profile": "Prod"}', '{"profile": ["prod"]}', '{"profile": null}'):
        with pytest.raises(SystemExit, match="The config of the stack is invalid"):
            configured(value)
    for policies in ([], None, ""):
        with pytest.raises(SystemExit, match="policies"):
            configured(json.dumps({"profile": "dev", "policies": policies}))


def test_a_program_without_the_platform_s_config_has_no_profile() -> None:
    assert pack.stack_rules().profile == ""


def resource(type: str, name: str, props: Any, depends: Any = None) -> Any:
    return SimpleNamespace(
        urn=f"urn:pulumi:dev::shop::{type}::{name}",
        resource_type=type,
        props=unknown_checking_proxy(props),
        opts=SimpleNamespace(protect=False),
        property_dependencies=depends or {},
    )


def reported(profile: str, level: Level, *resources: Any) -> list[str]:
    """The violations that the pack reports for a preview with these resources."""
    checks = pack.Checks(rules(), StackRules.of({"profile": profile, "owner": "ml"}, PolicySettings()), TODAY)
    found: list[str] = []
    for each in resources:
        checks.of_resources(level).validate(each, lambda text, urn: found.append(text))
    stack: Any = SimpleNamespace(resources=[*resources])
    checks.of_stack(level).validate(stack, lambda text, urn: found.append(text))
    return found


def test_a_violation_is_reported_once_at_its_level() -> None:
    bucket = resource(BUCKET, "open", {"bucket": "open-1"})
    mandatory = reported("prod", Level.MANDATORY, bucket)
    assert [each for each in mandatory if each.startswith("ML-S3-01: open has no public access block.")] != []
    assert len(mandatory) == len({*mandatory})
    assert not {*mandatory} & {*reported("prod", Level.ADVISORY, bucket)}


def test_relations_are_found_by_the_dependencies_of_the_engine() -> None:
    bucket = resource(BUCKET, "data", {})
    guards = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    block = resource(BLOCK, "block", {"bucket": UNKNOWN_STRING_VALUE, **guards}, {"bucket": [bucket]})
    assert not [each for each in reported("prod", Level.MANDATORY, bucket, block) if "ML-S3-01" in each]


def test_relations_are_found_by_the_ids_that_the_engine_shows_for_the_stack() -> None:
    """Inputs do not contain them, and a program may have got an ID without a dependency, e.g. from a lookup."""
    guards = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
    bucket, block = resource(BUCKET, "data", {}), resource(BLOCK, "block", {"bucket": "data-1", **guards})
    checks = pack.Checks(rules(), StackRules.of({"profile": "prod"}, PolicySettings()), TODAY)
    for each in (bucket, block):
        checks.of_resources(Level.MANDATORY).validate(each, lambda text, urn: None)
    for id, violations in (("data-1", 0), (UNKNOWN_STRING_VALUE, 1)):
        shown = resource(BUCKET, "data", {"id": id, "bucket": "data-1"})
        found: list[str] = []
        stack: Any = SimpleNamespace(resources=[shown, block])
        checks.of_stack(Level.MANDATORY).validate(stack, lambda text, urn, found=found: found.append(text))
        assert len([each for each in found if "ML-S3-01" in each]) == violations


def test_a_rule_for_the_stack_reports_single_resources() -> None:
    untagged = [each for each in reported("prod", Level.MANDATORY, resource(BUCKET, "data", {})) if "ML-TAG-01" in each]
    assert len(untagged) == 1
    assert untagged[0].startswith("ML-TAG-01: data lacks the tags ")


def test_what_is_not_known_yet_is_named() -> None:
    bucket = resource(BUCKET, "data", {})
    block = resource(BLOCK, "block", {"bucket": UNKNOWN_STRING_VALUE})
    (line,) = [each for each in reported("prod", Level.ADVISORY, bucket, block) if each.startswith("Not evaluated")]
    assert "ML-S3-01" in line


def test_whether_a_resource_is_retained_is_not_known_and_blocks_nothing() -> None:
    """The engine's options for policy packs lack `retainOnDelete`, and a review passes a retained resource."""
    files = resource("aws:efs/fileSystem:FileSystem", "files", {})
    assert not [each for each in reported("prod", Level.MANDATORY, files) if "ML-OPS-02" in each]
    (line,) = [each for each in reported("prod", Level.ADVISORY, files) if each.startswith("Not evaluated")]
    assert "ML-OPS-02 (the engine does not tell policy packs whether a resource is retained" in line


def test_the_policies_have_the_levels_of_the_engine() -> None:
    checks = pack.Checks(rules(), StackRules.of({}, PolicySettings()), TODAY)
    assert checks.of_stack(Level.MANDATORY).enforcement_level is EnforcementLevel.MANDATORY
    assert checks.of_resources(Level.ADVISORY).enforcement_level is EnforcementLevel.ADVISORY
