import fnmatch
import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlplatform import ImageRegistry, ImageRegistrySpec
from mlplatform.checks.arguments import ArgumentsError
from mlplatform.registries.image_registry.spec import (
    ImageRepository,
    Upstream,
    cache_maker_policy,
    overlap,
    path_problem,
    registry_url,
    repository_lifecycle,
)
from mlplatform.testing import Plan, declare

KEY = "arn:aws:kms:us-east-1:123456789012:key/images"
ARNS = "arn:aws:ecr:us-east-1:123456789012:repository"


def registry(look_ups: Any = None, **images: Any) -> Plan:
    args = {
        "images": ImageRegistrySpec.model_validate(images),
        "images_key_arn": KEY,
        "account_id": "123456789012",
        "region": "us-east-1",
        "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
    }
    return declare(lambda: ImageRegistry("images", args), look_ups=look_ups)


def one(**repository: Any) -> Plan:
    return registry(repositories={"serving": repository})


@dataclass(frozen=True)
class Image:
    tags: frozenset[str]
    age_days: float


def expired(policy: str, images: list[Image]) -> set[Image]:
    """The images that a lifecycle policy deletes, by AWS's evaluation rules.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html#lp_evaluation_rules
    """
    gone: set[Image] = set()
    claimed: set[Image] = set()
    for rule in sorted(json.loads(policy)["rules"], key=lambda rule: rule["rulePriority"]):
        selection = rule["selection"]
        # A rule counts images that earlier rules matched or deleted, but cannot delete them.
        seen = [image for image in images if matches(selection, image)]
        if selection["countType"] == "imageCountMoreThan":
            chosen = sorted(seen, key=lambda image: image.age_days)[selection["countNumber"] :]
        else:
            chosen = [image for image in seen if image.age_days > selection["countNumber"]]
        gone |= {*chosen} - claimed
        claimed |= {*seen}
    return gone


def matches(selection: dict[str, Any], image: Image) -> bool:
    if selection["tagStatus"] == "untagged":
        return not image.tags
    if selection["tagStatus"] == "any":
        return True
    patterns = [*selection.get("tagPatternList", ()), *(f"{each}*" for each in selection.get("tagPrefixList", ()))]
    return bool(patterns) and all(any(fnmatch.fnmatchcase(tag, each) for tag in image.tags) for each in patterns)


def image(age_days: float, *tags: str) -> Image:
    return Image(frozenset(tags), age_days)


def test_the_evaluator_of_these_tests_agrees_with_aws_s_example() -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_examples.html, multiple rules."""
    rules = [
        {
            "rulePriority": number,
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": [prefix],
                "countType": "imageCountMoreThan",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        }
        for number, prefix in ((1, "prod"), (2, "beta"))
    ]
    a, b, c = image(3, "beta-1", "prod-1"), image(2, "beta-2", "prod-2"), image(1, "beta-3")
    assert expired(json.dumps({"rules": rules}), [a, b, c]) == {a}
    for rule in rules:
        rule["rulePriority"] = 3 - rule["rulePriority"]  # type: ignore[operator]  # the test's own numbers
    assert expired(json.dumps({"rules": rules}), [a, b, c]) == {a, b}


def test_a_released_image_never_expires_regardless_of_its_age_and_other_tags() -> None:
    policy = repository_lifecycle(ImageRepository(release_tags=["v*", "prod"], keep_newest=1))
    released = [image(3000, "v1"), image(2000, "sha-1", "v2"), image(1000, "prod")]
    assert expired(policy, [*released, image(1, "sha-2")]) == set()


def test_the_newest_images_with_other_tags_are_kept() -> None:
    policy = repository_lifecycle(ImageRepository(keep_newest=2))
    new, old = [image(1, "sha-4"), image(2, "sha-3")], [image(3, "sha-2"), image(4, "sha-1")]
    assert expired(policy, [*new, *old, image(5, "v1")]) == {*old}


def test_an_image_without_a_tag_expires_after_the_days_in_the_spec() -> None:
    policy = repository_lifecycle(ImageRepository(untagged_days=7))
    assert expired(policy, [image(8), image(6)]) == {image(8)}


tags = st.sampled_from(["v1", "v2.0", "prod", "sha-1", "sha-2", "main"])
images = st.lists(st.builds(Image, st.frozensets(tags, max_size=3), st.integers(0, 40000)), max_size=12, unique=True)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from(["v*", "prod", "*", "*1", "v2.*"]), min_size=1, max_size=3, unique=True),
    st.integers(1, 3),
    images,
)
def test_no_released_image_is_ever_deleted(releases: list[str], keep: int, pushed: list[Image]) -> None:
    policy = repository_lifecycle(ImageRepository(release_tags=releases, keep_newest=keep))
    gone = expired(policy, [each for each in pushed if each.age_days < 36500])
    kept = [tag for each in gone for tag in each.tags if any(fnmatch.fnmatchcase(tag, one) for one in releases)]
    assert kept == []


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        ("v*", "cache-*", False),
        ("v*", "v1", True),
        ("*-cache", "v*", True),
        ("latest", "latest", True),
        ("a*b", "a*c", False),
        ("*", "", True),
        ("v1", "v2", False),
    ],
)
def test_patterns_overlap_if_a_tag_matches_both(one: str, other: str, common: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is common


def test_a_release_tag_is_immutable() -> None:
    assert one().one(aws.ecr.Repository).inputs["imageTagMutability"] == "IMMUTABLE"
    moving = one(mutable_tags=["cache-*"]).one(aws.ecr.Repository).inputs
    assert moving["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert moving["imageTagMutabilityExclusionFilters"] == [{"filter": "cache-*", "filterType": "WILDCARD"}]
    with pytest.raises(ValidationError, match=r"mutableTags has \*-cache; allowed: .* \(v\*\)"):
        ImageRepository(mutable_tags=["*-cache"])


def test_images_are_scanned_and_encrypted_with_the_platform_s_key() -> None:
    repository = one().one(aws.ecr.Repository).inputs
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert repository["name"] == "mlplatform/test/serving", "a name that people can know beforehand"


@pytest.mark.parametrize("retain", [True, False])
def test_a_retained_repository_retains_its_policies(retain: bool) -> None:
    plan = one(retain=retain, shared_with=["210987654321"])
    assert {each.retained for each in plan if each.custom} == {retain}
    assert plan.one(aws.ecr.Repository).inputs["forceDelete"] is not retain


def test_listed_accounts_may_only_pull() -> None:
    assert one().of(aws.ecr.RepositoryPolicy) == []
    policy = json.loads(one(shared_with=["210987654321"]).one(aws.ecr.RepositoryPolicy).inputs["policy"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"AWS": ["arn:aws:iam::210987654321:root"]}
    assert not [action for action in statement["Action"] if "Put" in action or "*" in action]
    assert "Resource" not in statement, "ECR knows none in a repository's policy"


def test_the_account_s_settings_are_not_managed_by_default() -> None:
    plan = registry(repositories={"serving": {}}, pull_through={"quay": {"upstream": "quay.io"}})
    assert plan.of(aws.ecr.RegistryScanningConfiguration) == []
    assert plan.of(aws.ecr.ReplicationConfiguration) == []


def test_by_default_the_account_s_images_are_scanned_continuously() -> None:
    scanning = registry(account={}).one(aws.ecr.RegistryScanningConfiguration).inputs
    (rule,) = scanning["rules"]
    assert (scanning["scanType"], rule["scanFrequency"]) == ("ENHANCED", "CONTINUOUS_SCAN")
    assert rule["repositoryFilters"] == [{"filter": "*", "filterType": "WILDCARD"}]


def test_only_images_of_this_stack_are_copied_and_copies_are_immutable() -> None:
    plan = registry(account={"replicateTo": ["eu-west-1", "eu-west-2"]})
    (rule,) = plan.one(aws.ecr.ReplicationConfiguration).inputs["replicationConfiguration"]["rules"]
    assert [each["region"] for each in rule["destinations"]] == ["eu-west-1", "eu-west-2"]
    assert {each["registryId"] for each in rule["destinations"]} == {"123456789012"}
    assert rule["repositoryFilters"] == [{"filter": "mlplatform/test/", "filterType": "PREFIX_MATCH"}]
    copies = {each.inputs["region"]: each.inputs for each in plan.of(aws.ecr.RepositoryCreationTemplate)}
    assert {*copies} == {"eu-west-1", "eu-west-2"}
    assert {each["imageTagMutability"] for each in copies.values()} == {"IMMUTABLE"}


def test_copies_keep_the_tags_that_can_be_moved() -> None:
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html: the copy of a moved tag has no tag."""
    plan = registry(
        account={"replicateTo": ["eu-west-1"]},
        repositories={"serve": {"mutableTags": ["dev-*", "pr-*"]}, "train": {"mutableTags": ["dev-*", "main"]}},
    )
    copies = plan.one(aws.ecr.RepositoryCreationTemplate).inputs
    assert copies["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    filters = [each["filter"] for each in copies["imageTagMutabilityExclusionFilters"]]
    assert filters == ["dev-*", "pr-*", "main"]


def test_copies_have_at_most_five_patterns_of_mutable_tags() -> None:
    repositories = {"serve": {"mutableTags": list("abc")}, "train": {"mutableTags": list("cdef")}}
    registry(repositories=repositories)
    with pytest.raises(ValueError, match="repositories have 6 different mutableTags; allowed: 5 in total if"):
        registry(account={"replicateTo": ["eu-west-1"]}, repositories=repositories)


def test_repositories_of_a_cache_are_encrypted_immutable_and_tagged() -> None:
    plan = registry(pull_through={"quay": {"upstream": "quay.io"}})
    rule = plan.one(aws.ecr.PullThroughCacheRule)
    template = plan.one(aws.ecr.RepositoryCreationTemplate)
    assert rule.inputs["ecrRepositoryPrefix"] == template.inputs["prefix"] == "quay"
    assert template.urn in rule.depends_on, "what is cached before has none of this"
    assert template.inputs["encryptionConfigurations"] == [{"encryptionType": "KMS", "kmsKey": KEY}]
    assert template.inputs["imageTagMutability"] == "IMMUTABLE"
    assert template.inputs["resourceTags"]["mlplatform:name"] == "images-quay-cache"
    assert expired(template.inputs["lifecyclePolicy"], [image(9999, "v1"), image(15)]) == {image(15)}


def test_the_role_of_caches_can_create_repositories_only_with_their_prefixes() -> None:
    make, seal = json.loads(cache_maker_policy([f"{ARNS}/quay/*"], KEY))["Statement"]
    assert (make["Action"], make["Resource"]) == (["ecr:CreateRepository", "ecr:TagResource"], [f"{ARNS}/quay/*"])
    assert seal["Resource"] == [KEY]
    role = registry(pull_through={"quay": {"upstream": "quay.io"}}).one(aws.iam.Role).inputs
    assert role["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": "ecr.amazonaws.com"}


def test_credentials_of_a_cache_are_passed_as_the_arn_of_a_secret() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
    plan = registry(
        look_ups={"aws:secretsmanager/getSecret:getSecret": {"arn": arn, "id": arn}},
        pull_through={"hub": {"upstream": "docker.io", "credentials": "ecr-pullthroughcache/hub"}},
    )
    rule = plan.one(aws.ecr.PullThroughCacheRule).inputs
    assert (rule["upstreamRegistryUrl"], rule["credentialArn"]) == ("registry-1.docker.io", arn)
    with pytest.raises(ValidationError, match=r"credentials is missing; allowed: .* docker\.io needs one"):
        registry(pull_through={"hub": {"upstream": "docker.io"}})


def test_a_secret_that_the_program_creates_is_not_looked_up() -> None:
    def program() -> None:
        secret = aws.secretsmanager.Secret("hub", name="ecr-pullthroughcache/hub")
        args: Any = {
            "images": {"pullThrough": {"hub": {"upstream": "docker.io", "credentials": "ecr-pullthroughcache/hub"}}},
            "credential_arns": {"hub": secret.arn},
            "images_key_arn": KEY,
            **{"account_id": "123456789012", "region": "us-east-1"},
        }
        ImageRegistry("images", args)

    plan = declare(program)
    assert (
        plan.one(aws.ecr.PullThroughCacheRule)
        .inputs["credentialArn"]
        .endswith("secret:ecr-pullthroughcache/hub-AbCdEf")
    )
    assert plan.asked == ()


def test_outputs_have_the_repositories_names_as_keys() -> None:
    outputs = registry(repositories={"a": {}, "b": {}}, pull_through={"quay": {"upstream": "quay.io"}}).outputs[
        "images"
    ]
    assert {*outputs["repository_urls"]} == {*outputs["repository_arns"]} == {"a", "b"}
    assert outputs["cached_repository_arns"] == {"quay": f"{ARNS}/quay/*"}
    assert outputs["registry_url"] == "123456789012.dkr.ecr.us-east-1.amazonaws.com"
    assert registry_url("1", "cn-north-1", "aws-cn").endswith(".amazonaws.com.cn")


@pytest.mark.parametrize("name", ["Serving", "a_b", "-a", "a" * 21])
def test_names_of_repositories_are_validated(name: str) -> None:
    with pytest.raises(ValidationError, match=r"repositories has .*; allowed: lower-case letters"):
        registry(repositories={name: {}})


def test_outputs_without_repositories_are_empty_mappings() -> None:
    outputs = registry().outputs["images"]
    assert [outputs[name] for name in ("repository_urls", "repository_arns", "cached_repository_arns")] == [{}, {}, {}]


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("name", ["hub", "team/ecr-pullthroughcache/hub", "ecr-pullthroughcache"])
def test_a_secret_of_a_cache_has_the_name_that_ecr_requires(name: str, later: bool) -> None:
    def program() -> None:
        arn = f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf"
        args: Any = {
            "images": {"pullThrough": {"hub": {"upstream": "docker.io", "credentials": "ecr-pullthroughcache/hub"}}},
            "credential_arns": {"hub": pulumi.Output.from_input(arn) if later else arn},
            "images_key_arn": KEY,
            **{"account_id": "123456789012", "region": "us-east-1"},
        }
        ImageRegistry("images", args)

    with pytest.raises(
        ArgumentsError, match=r"credential_arns\.hub is .* whose name begins with ecr-pullthroughcache/"
    ):
        declare(program)


@pytest.mark.parametrize(
    ("upstream", "path", "allowed"),
    [
        ("docker.io", "python", "library/python, or"),
        ("docker.io", "library/percona/operator", "an owner and a name, e.g. library/operator"),
        ("quay.io", "ollama", "an owner and a name"),
        ("ghcr.io", "ollama", "an owner and a name"),
        ("public.ecr.aws", "nginx", "an owner and a name"),
        *((each, "vllm/vllm-openai", None) for each in ("docker.io", "quay.io", "ghcr.io", "public.ecr.aws")),
        ("docker.io", "library/python", None),
        ("ghcr.io", "a/b/c", None),
        ("registry.k8s.io", "pause", None),
    ],
)
def test_an_image_of_a_public_registry_has_an_owner(upstream: str, path: str, allowed: str | None) -> None:
    found = path_problem(Upstream(upstream), path)
    assert found is None if allowed is None else (found or "").startswith(allowed)
