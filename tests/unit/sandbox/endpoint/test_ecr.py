"""ECR beyond moto: pull through caches, repository creation templates, and AWS's checks."""

import json
from typing import Any

import pytest

from mlsandbox.endpoint.extensions.ecr.lifecycle_policy import problems

ROLE = "arn:aws:iam::123456789012:role/maker"
KMS = {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000"}


def refused(account: Any, operation: str, **arguments: Any) -> str:
    code: str = account.refused(operation, "ecr", **arguments)[0]
    return code


def test_a_repository_prefix_has_one_pull_through_cache_rule(account: Any) -> None:
    ecr = account.client("ecr")
    ecr.create_pull_through_cache_rule(ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io")
    (rule,) = ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["quay"])["pullThroughCacheRules"]
    assert (rule["upstreamRegistry"], rule["registryId"]) == ("quay", "123456789012")
    again = {"ecrRepositoryPrefix": "quay", "upstreamRegistryUrl": "public.ecr.aws"}
    assert refused(account, "create_pull_through_cache_rule", **again) == "PullThroughCacheRuleAlreadyExistsException"
    ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    for operation in ("delete_pull_through_cache_rule", "update_pull_through_cache_rule"):
        gone = refused(account, operation, ecrRepositoryPrefix="quay")
        assert gone == "PullThroughCacheRuleNotFoundException"


def test_a_registry_with_authentication_requires_an_existing_secret(account: Any) -> None:
    hub = {"ecrRepositoryPrefix": "hub", "upstreamRegistryUrl": "registry-1.docker.io"}
    assert refused(account, "create_pull_through_cache_rule", **hub) == "InvalidParameterException"
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/nothing-AbCdEf"
    assert refused(account, "create_pull_through_cache_rule", **hub, credentialArn=arn) == "SecretNotFoundException"
    other = "arn:aws:secretsmanager:us-east-1:123456789012:secret:of-another-name-for-something-AbCdEf"
    assert refused(account, "create_pull_through_cache_rule", **hub, credentialArn=other) == "InvalidParameterException"


def test_an_unsupported_upstream_registry_is_rejected(account: Any) -> None:
    given = {"ecrRepositoryPrefix": "gcr", "upstreamRegistryUrl": "gcr.io"}
    assert refused(account, "create_pull_through_cache_rule", **given) == "UnsupportedUpstreamRegistryException"


def test_a_template_with_a_key_or_tags_requires_a_role(account: Any) -> None:
    template = {"prefix": "quay", "appliedFor": ["PULL_THROUGH_CACHE"]}
    for more in ({"encryptionConfiguration": KMS}, {"resourceTags": [{"Key": "a", "Value": "b"}]}):
        assert (
            refused(account, "create_repository_creation_template", **template, **more) == "InvalidParameterException"
        )
        account.client("ecr").create_repository_creation_template(**template, **more, customRoleArn=ROLE)
        again = refused(account, "create_repository_creation_template", **template)
        assert again == "TemplateAlreadyExistsException"
        account.client("ecr").delete_repository_creation_template(prefix="quay")


def test_a_repository_with_a_missing_key_is_rejected(account: Any) -> None:
    given = {"repositoryName": "sealed", "encryptionConfiguration": KMS}
    assert refused(account, "create_repository", **given) == "KmsException"


def test_an_image_tag_is_mutable_only_if_a_filter_excludes_it(account: Any) -> None:
    ecr = account.client("ecr")
    filters = [{"filter": "*-latest", "filterType": "WILDCARD"}]
    mutability = {"imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    ecr.create_repository(repositoryName="tagged", **mutability)

    def image(tag: str, number: int) -> dict[str, str]:
        manifest = json.dumps({"mediaType": "application/vnd.oci.image.manifest.v1+json", "number": number})
        return {"repositoryName": "tagged", "imageTag": tag, "imageManifest": manifest}

    for number in (1, 2):
        ecr.put_image(**image("main-latest", number))
    ecr.put_image(**image("v1", 1))
    assert refused(account, "put_image", **image("v1", 2)) == "ImageTagAlreadyExistsException"
    kept = refused(
        account, "put_image_tag_mutability", repositoryName="tagged", imageTagMutability="MUTABLE_WITH_EXCLUSION"
    )
    assert kept == "InvalidParameterException"


def rule(priority: int, **selection: Any) -> dict[str, Any]:
    wanted = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1, **selection}
    return {"rulePriority": priority, "selection": wanted, "action": {"type": "expire"}}


def tagged(priority: int, *patterns: str) -> dict[str, Any]:
    return rule(priority, tagStatus="tagged", tagPatternList=[*patterns])


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([rule(1), tagged(1, "v*")], "priorities must be unique"),
        ([tagged(1, "v*"), tagged(2, "v*")], "patterns must be unique"),
        ([rule(1, tagStatus="tagged")], "required for tagged images"),
        ([rule(1, tagPrefixList=["v"])], "required for tagged images, and allowed only for these"),
        ([rule(1), rule(2)], "Only one rule may select untagged"),
        ([rule(1, tagStatus="any"), rule(2)], "highest value of rulePriority"),
        ([rule(1, countType="sinceImagePushed")], "countUnit is required"),
        ([tagged(1, "*a*b*c*d*")], "at most 4 wildcards"),
    ],
)
def test_conflicting_rules_are_rejected(rules: list[dict[str, Any]], expected: str) -> None:
    assert expected in "; ".join(problems(rules))


def test_compatible_rules_are_accepted(account: Any) -> None:
    rules = [tagged(1, "v*"), tagged(2, "*"), rule(3)]
    assert [*problems(rules)] == []
    ecr = account.client("ecr")
    ecr.create_repository(repositoryName="ruled")
    ecr.put_lifecycle_policy(repositoryName="ruled", lifecyclePolicyText=json.dumps({"rules": rules}))
    wrong = json.dumps({"rules": [rule(1), rule(2)]})
    assert refused(account, "put_lifecycle_policy", repositoryName="ruled", lifecyclePolicyText=wrong) == (
        "InvalidParameterException"
    )
