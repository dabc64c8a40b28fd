"""Trust policies that let any identity of an OpenID Connect provider assume a role."""

import json
from typing import Any

import pytest

from changes import change, plan, update
from mlpctl.review.dangers.risk import dangers
from mlpctl.review.iam.federation import open_issuers
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Harm
from mlpctl.review.values.plain import UNKNOWN

GITHUB = "token.actions.githubusercontent.com"
EKS = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
BITBUCKET = "api.bitbucket.org/2.0/workspaces/shop/pipelines-config/identity/oidc"
CIRCLE = "oidc.circleci.com/org/2f1c3b44-0000-4000-8000-1234567890ab"
SPACELIFT = "shop.app.spacelift.io"
SENTINEL = "sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d"
ISSUERS = (
    *(GITHUB, f"{GITHUB}/shop", "gitlab.com", "gitlab.example.com", EKS, "app.terraform.io", BITBUCKET, CIRCLE),
    *("agent.buildkite.com", "oidc.vercel.com", "api.pulumi.com/oidc", "example.okta.com", "accounts.google.com"),
    *("cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI", "container.googleapis.com/v1/projects/a/clusters/b"),
)
ANY = "any identity of its OpenID Connect provider can assume it"


def trust(issuer: str, condition: Any = None, **more: Any) -> dict[str, Any]:
    federated = issuer if "." in issuer.split("/")[0] and issuer in BUILT_IN else provider(issuer)
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": federated},
        **({"Condition": condition} if condition is not None else {}),
        **more,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


BUILT_IN = ("accounts.google.com", "cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com")


def provider(issuer: str) -> str:
    return f"arn:aws:iam::123456789012:oidc-provider/{issuer}"


def subject(issuer: str, value: Any, operator: str = "StringLike") -> dict[str, Any]:
    return {operator: {f"{issuer}:sub": value}}


@pytest.mark.parametrize("issuer", ISSUERS)
def test_without_a_subject_any_identity_is_let_in(issuer: str) -> None:
    audience = {f"{issuer}:aud": "sts.amazonaws.com"}
    if issuer not in ("oidc.vercel.com", "api.pulumi.com/oidc"):
        assert open_issuers(trust(issuer, {"StringEquals": audience}))
    for condition in (
        None,
        {},
        {"Null": {f"{issuer}:sub": "false"}},
        {"Bool": {"aws:SecureTransport": "true"}},
        subject(issuer, "*"),
        subject(issuer, ["*", "?*"]),
        subject(issuer, "**"),
        subject(issuer, "${aws:username}"),
        subject(issuer, "a:b:c", "StringNotEquals"),
        subject(issuer, "a:b:*", "StringNotLike"),
        subject(issuer, "a:b:c", "StringEqualsIfExists"),
        subject(issuer, "a:b:*", "StringLikeIfExists"),
        subject(issuer, "a:b:c", "ForAllValues:StringEquals"),
        subject(issuer, "a:b:*", "ForAllValues:StringLike"),
        subject(issuer, "a:b:*", "ForAnyValue:StringLikeIfExists"),
        subject(issuer, []),
    ):
        assert open_issuers(trust(issuer, condition)) == {issuer.lower()}, condition
        assert open_issuers(json.dumps(trust(issuer, condition)))


OPEN = {
    GITHUB: [
        *("repo:*", "repo:*/*", "repo:*:ref:refs/heads/main", "repo:*/models:*", "repo:shop*", "repo:sho?/models:*"),
        *("*:ref:refs/heads/main", "*/models:*", "environment:prod*", "ref:refs/heads/main", "r*"),
        *("repository_owner:*", "repository_owner:sh*", "job_workflow_ref:*/deploy.yml@refs/heads/main"),
    ],
    "gitlab.com": ["project_path:*", "project_path:shop*", "project_path:*/models:*", "*:ref:main", "project*"],
    "app.terraform.io": [
        "organization:*",
        "organization:shop*",
        "organization:*:project:models:*",
        "*:run_phase:apply",
    ],
    "agent.buildkite.com": ["organization:*", "organization:shop*", "*:pipeline:deploy:*"],
    "accounts.google.com": ["1*", "10987654321098765432?"],
    EKS: ["system:serviceaccount:*", "system:serviceaccount:*:*", "system:*", "system:serviceaccount:*:trainer"],
    CIRCLE: [
        *("org/*", "org/*/project/*", "org/2f1c3b44/*", "org/2f1c3b44/project/*", "org/2f1c3b44/project/*/user/*"),
        *("org/2f1c3b44/project/?*", "org/2f1c3b44/project/${aws:username}"),
    ],
    BITBUCKET: ["*:*"],
    SPACELIFT: ["space:*", "space:*:stack:*", "space:?*", "space:*:*"],
}


@pytest.mark.parametrize(("issuer", "value"), [(issuer, each) for issuer, found in OPEN.items() for each in found])
def test_a_pattern_that_names_nobody_lets_in_any_identity(issuer: str, value: str) -> None:
    assert open_issuers(trust(issuer, subject(issuer, value)))
    assert open_issuers(trust(issuer, subject(issuer, ["a:b", value]))), "one open value is enough"


LIMITED = {
    GITHUB: [
        *(
            "repo:shop/models:ref:refs/heads/main",
            "repo:shop/models:*",
            "repo:shop/*",
            "repo:shop/mod*:environment:prod",
        ),
        *("repo:shop@123456/models@456789:ref:refs/heads/main", "repository_owner:shop", "repository_owner_id:7:*"),
        *("environment:prod:repo:shop/models", "job_workflow_ref:shop/ci/.github/workflows/deploy.yml@*"),
    ],
    f"{GITHUB}/shop": ["repo:shop/models:*", "repo:sho*"],
    "gitlab.com": ["project_path:shop/models:ref_type:branch:ref:main", "project_path:shop/*"],
    "app.terraform.io": ["organization:shop:project:models:workspace:prod:run_phase:apply", "organization:shop:*"],
    "agent.buildkite.com": ["organization:shop:pipeline:deploy:*"],
    "api.pulumi.com/oidc": ["pulumi:deploy:org:shop:project:models:*"],
    "accounts.google.com": ["109876543210987654321"],
    "cognito-identity.amazonaws.com": ["eu-west-1:00000000-0000-4000-8000-000000000000"],
    EKS: ["system:serviceaccount:ml:trainer", "system:serviceaccount:ml:*", "system:serviceaccount:ml-*:trainer"],
    CIRCLE: [
        *("org/2f1c3b44/project/9988/user/*", "org/2f1c3b44/project/99*", "org/*/project/9988/*"),
        *("org/2f1c3b44/project/*/user/77", "org/2f1c3b44/project/9988/user/77"),
    ],
    SPACELIFT: [
        "space:ml:*",
        "space:ml-*",
        "space:*:stack:deploy:*",
        "space:root:stack:infra:run_type:TRACKED:scope:write",
    ],
    BITBUCKET: ["{11111111-2222-3333-4444-555555555555}:*"],
    "example.okta.com": ["svc-42", "svc-*"],
}


@pytest.mark.parametrize(("issuer", "value"), [(issuer, each) for issuer, found in LIMITED.items() for each in found])
def test_a_subject_of_a_tenant_limits_the_identities(issuer: str, value: str) -> None:
    operators = ["StringLike", "stringlike", "ForAnyValue:StringLike"]
    operators += [] if "*" in value else ["StringEquals", "StringEqualsIgnoreCase"]
    for operator in operators:
        assert not open_issuers(trust(issuer, subject(issuer, value, operator)))
        assert not open_issuers(trust(issuer, {operator: {f"{issuer.upper()}:SUB": [value, value]}}))


def test_other_conditions_that_limit_the_identities() -> None:
    for issuer, condition in [
        (GITHUB, {"StringEquals": {f"{GITHUB}:repository_id": "456789"}}),
        (GITHUB, {"StringLike": {f"{GITHUB}:job_workflow_ref": "shop/ci/.github/workflows/*"}}),
        (GITHUB, {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        (GITHUB, subject(GITHUB, UNKNOWN)),
        (GITHUB, UNKNOWN),
        (CIRCLE, {"StringEquals": {f"{CIRCLE}:oidc.circleci.com/project-id": "9988"}}),
        ("cognito-identity.amazonaws.com", {"StringEquals": {"cognito-identity.amazonaws.com:aud": "eu-west-1:1-2"}}),
        ("accounts.google.com", {"StringEquals": {"accounts.google.com:aud": "109876543210987654321"}}),
        ("api.pulumi.com/oidc", {"StringEquals": {"api.pulumi.com/oidc:aud": "shop"}}),
        (SENTINEL, {"StringLike": {"sts:RoleSessionName": "MicrosoftSentinel_0000*"}}),
    ]:
        assert not open_issuers(trust(issuer, condition)), condition
    for issuer, condition in [
        (GITHUB, {"StringEquals": {f"{GITHUB}:ref": "refs/heads/main", f"{GITHUB}:environment": "prod"}}),
        (GITHUB, {"StringLike": {f"{GITHUB}:repository": "*/models"}}),
        ("accounts.google.com", {"StringEquals": {"accounts.google.com:aud": "1-x.apps.googleusercontent.com"}}),
        ("cognito-identity.amazonaws.com", {"StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}}),
        (SENTINEL, {"StringLike": {"sts:RoleSessionName": "*"}}),
    ]:
        assert open_issuers(trust(issuer, condition)), condition


GITHUB_CLAIMS = {
    "repository": "shop/models",
    "repository_id": "456789",
    "repository_owner_id": "7",
    "job_workflow_ref": "shop/ci/.github/workflows/deploy.yml@refs/heads/main",
    "actor": "somebody",
    "actor_id": "42",
    "enterprise_id": "9",
}
BUILDKITE_CLAIMS = {
    "organization_id": "0184-1",
    "organization_slug": "shop",
    "pipeline_id": "0184-2",
    "cluster_id": "1-2",
}
CLAIMS = {
    **dict.fromkeys(
        (GITHUB, f"{GITHUB}/shop", "token.actions.shop.ghe.com", "github.com/enterprises/shop"), GITHUB_CLAIMS
    ),
    **dict.fromkeys(("agent.buildkite.com", "agent.shop.buildkite.dev", "agent.eu.buildkite.site"), BUILDKITE_CLAIMS),
    "gitlab.com": {
        "namespace_id": "1234",
        "project_id": "5678",
        "user_id": "9",
        "user_login": "somebody",
        "user_email": "a@example.com",
    },
    "accounts.google.com": {"google/organization_number": "123456789012"},
    "idcs-0123abcd.identity.oraclecloud.com": {"rpst_id": "ocid1.instance.oc1..a"},
    CIRCLE: {"oidc.circleci.com/project-id": "9988"},
}


@pytest.mark.parametrize(("issuer", "claim"), [(issuer, each) for issuer, found in CLAIMS.items() for each in found])
def test_other_claims_that_aws_evaluates_limit_the_identities(issuer: str, claim: str) -> None:
    key, value = f"{issuer}:{claim}", CLAIMS[issuer][claim]
    audience = {f"{issuer}:aud": "sts.amazonaws.com"}
    for operator in ("StringEquals", "stringlike", "StringEqualsIgnoreCase", "ForAnyValue:StringEquals"):
        assert not open_issuers(trust(issuer, {"StringEquals": audience, operator: {key: value}})), operator
        assert open_issuers(trust(issuer, {operator: {key: []}}))
    assert open_issuers(trust(issuer, {"StringLike": {key: "*"}}))
    assert open_issuers(trust(issuer, {"StringEqualsIfExists": {key: value}}))
    assert open_issuers(trust(issuer, {"StringEquals": {f"id.example.com:{claim}": value}}))
    deny = {"Effect": "Deny", "Action": "sts:*", "Principal": "*", "Condition": {"StringNotEquals": {key: value}}}
    assert not open_issuers({"Statement": [*trust(issuer)["Statement"], deny]})


def test_a_numeric_claim_has_numeric_operators() -> None:
    google, key = "accounts.google.com", "accounts.google.com:google/organization_number"
    for value in ("123456789012", 123456789012, ["123456789012", "210987654321"]):
        assert not open_issuers(trust(google, {"NumericEquals": {key: value}}))
        deny = {"Effect": "Deny", "Action": "sts:*", "Principal": "*", "Condition": {"NumericNotEquals": {key: value}}}
        assert not open_issuers({"Statement": [*trust(google)["Statement"], deny]})
    for operator in ("NumericNotEquals", "NumericGreaterThan", "NumericLessThanEquals", "NumericEqualsIfExists"):
        assert open_issuers(trust(google, {operator: {key: "123456789012"}}))


def test_a_pattern_of_mail_addresses_of_one_domain_limits_the_identities() -> None:
    for value, limited in {"*@shop.example": True, "ops-*@shop.example": True, "*@*": False, "a@*": False}.items():
        assert bool(open_issuers(trust("gitlab.com", {"StringLike": {"gitlab.com:user_email": value}}))) is not limited


def test_claims_that_strangers_can_share_do_not_limit_the_identities() -> None:
    for issuer, claim, value in [
        ("agent.buildkite.com", "pipeline_slug", "deploy"),
        ("agent.buildkite.com", "build_branch", "main"),
        ("agent.buildkite.com", "cluster_name", "default"),
        ("gitlab.com", "ref_protected", "true"),
        ("gitlab.com", "pipeline_source", "push"),
        ("accounts.google.com", "organization_number", "123456789012"),
        (GITHUB, "workflow", "deploy"),
        ("gitlab.example.com", "project_id", "5678"),
    ]:
        assert open_issuers(trust(issuer, {"StringEquals": {f"{issuer}:{claim}": value}})), claim


@pytest.mark.parametrize("action", ["*", "sts:*", "STS:AssumeRoleWith*", ["sts:TagSession", "sts:AssumeRole*"]])
def test_every_notation_of_the_action(action: Any) -> None:
    assert open_issuers(trust(GITHUB, Action=action)) == {GITHUB}


def test_other_statements_are_about_no_identities() -> None:
    assert not open_issuers(trust(GITHUB, Action="sts:TagSession"))
    assert not open_issuers(trust(GITHUB, Effect="Deny"))
    assert not open_issuers(trust(GITHUB, Principal={"Service": "ec2.amazonaws.com"}))
    assert not open_issuers(trust(GITHUB, Principal={"Federated": "arn:aws:iam::123456789012:saml-provider/okta"}))
    assert not open_issuers(trust(GITHUB, Principal={"Federated": UNKNOWN}))


def test_a_deny_statement_may_limit_the_identities() -> None:
    allowed = trust(GITHUB)["Statement"][0]
    deny = {
        "Effect": "Deny",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": "*",
        "Condition": {"StringNotLike": {f"{GITHUB}:sub": "repo:shop/*"}},
    }
    assert not open_issuers({"Statement": [allowed, deny]})
    for more in (
        {"Condition": {"StringNotLike": {f"{GITHUB}:sub": "repo:*"}}},
        {"Condition": {**deny["Condition"], "Bool": {"aws:SecureTransport": "false"}}},
        {"Principal": {"Federated": provider("gitlab.com")}},
        {"Action": "sts:TagSession"},
    ):
        assert open_issuers({"Statement": [allowed, {**deny, **more}]}), more


ROLES = {
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws-native:iam:Role": "assumeRolePolicyDocument",
    "ci:tf:aws_iam_role": "assumeRolePolicy",
}


def told(*changes: Any) -> bool:
    return any(ANY in each.text for each in dangers(plan(*changes)) if each.harm is Harm.IDENTITY)


@pytest.mark.parametrize("type", ROLES)
def test_a_role_that_any_identity_can_assume_is_a_danger(type: str) -> None:
    name = ROLES[type]
    for form in (json.dumps, dict):
        broad = form(trust(GITHUB, {"StringEquals": {f"{GITHUB}:aud": "sts.amazonaws.com"}}))
        narrow = form(trust(GITHUB, subject(GITHUB, "repo:shop/models:*")))
        assert told(change(type, Op.CREATE, inputs={name: broad}))
        assert told(update(type, {name: narrow}, {name: broad}))
        assert not told(change(type, Op.CREATE, inputs={name: narrow}))
        assert not told(update(type, {name: broad}, {name: narrow}))
        assert not told(update(type, {name: broad, "tags": {}}, {name: broad, "tags": {"a": "b"}}))
        two = form({"Statement": [*trust(GITHUB)["Statement"], *trust("gitlab.com")["Statement"]]})
        assert told(update(type, {name: broad}, {name: two})), "another provider"
