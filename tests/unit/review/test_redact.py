"""Redaction of a plan: no secret is shown, and nothing else is lost."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlpctl.review.plan.model import Plan
from mlpctl.review.reading import reader
from mlpctl.review.redact import Redactor, scrub
from mlpctl.review.redact.signs import named_secret
from mlpctl.review.values.plain import UNKNOWN, Masked, Secret, dotted, walk
from unit.review.canaries import CANARIES, Canary, plan_with_canaries, resource

PLANS = Path(__file__).parents[2] / "golden" / "plans"

NAMES_OF_SECRETS = [
    *("OPENAI_KEY", "DATADOG_KEY", "WANDB_KEY", "PINECONE_KEY", "STRIPE_KEY", "GITLAB_PAT", "DB_CRED", "OTP_SEED"),
    "password",
    "masterUserPassword",
    "DB_PASSWORD",
    "db-passwd",
    "rootPassword",
    "passwordWo",
    "dbpassword",
    "PGPASSWORD",
    "secret",
    "client_secret",
    "CLIENTSECRET",
    "secretString",
    "secretAccessKey",
    "aws_secret_access_key",
    "accessKey",
    "apiKey",
    "APIKey",
    "X-API-KEY",
    "openaiApiKey",
    "token",
    "authToken",
    "HF_TOKEN",
    "sessionToken",
    "oauth2Token",
    "privateKey",
    "privateKeyPem",
    "ssh_key",
    "signingKey",
    "storageAccountKey",
    "connectionString",
    "primaryConnectionString",
    "DATABASE_URL",
    "dsn",
    "credentials",
    "gcpCredentials",
    "kubeconfig",
    ".dockerconfigjson",
    "shop:dbPassword",
    "app/db/password",
    "webhookUrl",
    "passphrase",
    "jwt",
    "hmac",
]
NAMES_OF_NONE = [
    "secretName",
    "secretArn",
    "secretId",
    "secretsKeyArn",
    "secretKeyRef",
    "secretNamespace",
    "imagePullSecrets",
    "existingSecret",
    "tokenTtl",
    "tokenUrl",
    "tokenEndpoint",
    "maxTokens",
    "max_new_tokens",
    "numTokens",
    "tokenizer",
    "tokens",
    "passwordLength",
    "passwordPolicy",
    "password_encryption",
    "manageMasterUserPassword",
    "masterUserSecretKmsKeyId",
    "kmsKeyId",
    "keyArn",
    "keyName",
    "publicKey",
    "accessKeyId",
    "privateKeyId",
    "credentialsProvider",
    "automountServiceAccountToken",
    "passThroughBehavior",
    "iamPassRole",
    "compass",
    "authenticationMode",
    "author",
    "monkey",
    "keyPolicy",
    "bucketKeyEnabled",
    "partitionKey",
    "cookieName",
    "token.actions.githubusercontent.com:sub",
    "token.actions.githubusercontent.com",
    "secretRotationDays",
    "forceOverwriteReplicaSecret",
]
RANDOM = "q7Zp2Lk9Xv4Bn8Mt3Rc6Wd1Ys5Hg0Jf7Ka2"
HARMLESS_TEXTS = [
    "arn:aws:iam::123456789012:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:orders-db-AbCdEf",
    "AmazonEC2ContainerRegistryReadOnly AmazonEKSWorkerNodePolicy AmazonSSMManagedEC2InstanceDefaultPolicy",
    "vpc-0a1b2c3d4e5f60718",
    "cr-0f5c8a1d2e3b4a697",
    "eipalloc-0123456789abcdef0",
    "db-ABCDEFGHIJKL01234567890123",
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/serving@sha256:" + "9b1f3c5d" * 8,
    "0f5c8a1d-2e3b-4a69-97c1-5d0e8f7a6b42",
    "4d1e243c7f8a9b0c1d2e3f405162738495a6b7c8",
    "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen2.5-VL-72B-Instruct-GPTQ-Int4",
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B",
    "mlplatform-prod-checkpoints-7f3a9c2",
    "https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8f3nKq7Lp2Xv9Rb4Wc6Yd8Zt1Ms5Hj0Fk3Ga7Qe9Nu ops@example",
    f"-----BEGIN CERTIFICATE-----\nMIID{RANDOM}\n{RANDOM}\n-----END CERTIFICATE-----\n",
    f"p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A{RANDOM}",
    f"sha256-{RANDOM}",
    "AmazonEC2ContainerRegistry2024ReadOnly",
    "Aa1Bb2Aa1Bb2Aa1Bb2Aa1Bb2Aa1Bb2",
    base64.b64encode(
        b"-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBa\n-----END CERTIFICATE-----\n"
    ).decode(),
    base64.b64encode(b"#!/bin/bash\nset -euo pipefail\n/etc/eks/bootstrap.sh prod --use-max-pods false\n").decode(),
    base64.b64encode(gzip.compress(b"#!/bin/bash\n/etc/eks/bootstrap.sh prod\n" * 9, mtime=0)).decode(),
    "--max-num-batched-tokens 8192 --tokenizer Qwen/Qwen3-8B --max-model-len 16384",
    "docker://nginx:1.25@sha256:" + "ab" * 32,
    "git@github.com:example/shop.git",
    "ops@example.com",
    "The password policy needs 14 characters. Basic authentication is off; bearer tokens are used.",
    "password: ${DB_PASSWORD}",
    "export TOKEN=$(aws secretsmanager get-secret-value --secret-id x)",
    '{"secretName": "tls", "tokenTtl": "24h", "items": [{"key": "tls.key", "path": "tls.key"}]}',
    "spec:\n  volumes:\n  - name: tls\n    secret:\n      secretName: web-tls\n",
    "task-runner-with-a-long-name-1A and risk-Assessment-2025-Overview-Final",
    "sk-learn pipelines",
]


def hidden(plan: Plan) -> set[str]:
    """The redacted places: `NAME old|new PATH`."""
    return {
        f"{change.name} {side} {dotted(path)}"
        for change in plan
        for side in ("old", "new")
        for path, value in walk(getattr(change, side) or {})
        if isinstance(value, (Secret, Masked))
    }


@pytest.fixture(scope="module")
def plan() -> Plan:
    return reader.read(json.dumps(plan_with_canaries()))


def test_there_are_more_than_forty_canaries_and_each_is_in_the_plan() -> None:
    assert len({canary.secret for canary in CANARIES}) == len(CANARIES) > 40


@pytest.mark.parametrize("canary", CANARIES, ids=lambda canary: canary.way)
def test_a_canary_is_redacted(canary: Canary, plan: Plan) -> None:
    output = repr(plan)
    assert not [form for form in canary.forms if form in output]


def test_the_text_around_a_secret_is_preserved(plan: Plan) -> None:
    by_name = {change.name: change.inputs for change in plan}
    patterns, texts = by_name["patterns"], by_name["texts"]
    assert str(patterns["p"]) == "postgres://app:(secret)@db.internal:5432/app?sslmode=require"
    assert str(patterns["n"]) == "Bearer (secret)"
    assert str(patterns["description"]) == "rotate (secret) soon"
    assert str(texts["policy"]) == '{"Version": 1, "settings": {"dbPassword": "(secret)"}}'
    assert str(texts["values"]) == "replicas: 2\nauth:\n  # from the vault\n  adminPassword: (secret)\n"
    assert str(texts["block"]) == "tls:\n  privateKey: (secret)\n  port: 443\n"
    assert base64.b64decode(texts["userData"]) == b"#!/bin/bash\nexport HF_TOKEN=(secret)\nexec serve\n"
    assert str(texts["ini"]) == "[default]\naws_secret_access_key = (secret)\nregion = us-east-1\n"
    assert by_name["environment"]["containers"][0]["args"][:2] == ["--port", "80"]
    assert by_name["environment"]["containers"][0]["env"][1] == {"name": "LOG_LEVEL", "value": "debug"}


def test_a_value_that_is_secret_on_one_side_is_hidden_on_both(plan: Plan) -> None:
    marked = next(change for change in plan if change.name == "marked")
    assert marked.old == {"plain": Secret("secret", marked.old["plain"].mark), "size": 1}  # type: ignore[index] # it has one
    assert marked.new == {"plain": Secret("secret"), "size": 2}


@pytest.mark.parametrize("name", NAMES_OF_SECRETS)
def test_a_secret_is_recognized_by_its_name(name: str) -> None:
    assert named_secret(name)
    assert isinstance(Redactor().value("umbrella-7", name), Secret)
    assert "umbrella" not in scrub(f"{name.split('/')[-1].split(':')[-1]}='umbrella-7'")


@pytest.mark.parametrize("name", NAMES_OF_NONE)
def test_a_similar_but_harmless_name_hides_nothing(name: str) -> None:
    assert Redactor().value("a-value-of-it", name) == "a-value-of-it"
    assert Redactor().value(4096, name) == 4096


@pytest.mark.parametrize("text", HARMLESS_TEXTS)
def test_a_value_that_only_looks_like_a_secret_is_preserved(text: str) -> None:
    assert scrub(text) == text
    assert Redactor().value(text, "description") == text


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf",
        "${DB_PASSWORD}",
        "{{resolve:secretsmanager:x}}",
        {"secretName": "web-tls", "optional": True},
        [{"name": "regcred"}],
        [{"name": "DB", "valueFrom": "db-parameter"}],
        {"items": [{"key": "tls.key", "path": "tls.key"}], "secretName": "web-tls"},
    ],
)
def test_a_reference_to_a_secret_is_preserved(value: Any) -> None:
    assert Redactor().value(value, "secret") == value


def test_unknown_values_of_secrets_remain_unknown() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert Redactor().inputs({"password": unknown, "handle": unknown}, hidden={"handle"}) == {
        "password": UNKNOWN,
        "handle": UNKNOWN,
    }


def test_nothing_in_our_real_plan_is_redacted() -> None:
    assert hidden(reader.load(PLANS / "created.json")) == set()


def test_only_the_secrets_of_another_programs_plan_are_redacted() -> None:
    both = {
        "orders {} password",
        "orders-db {} secretString",
        "ledger {} rootPassword",
        "flags {} __provider",
        "web {} buildArgs.NPM_TOKEN",
        "web {} registries[0].password",
        "web {} spec.template.spec.containers[0].env[2].value",
        "web {} spec.template.spec.containers[0].env[3].value",
    }
    made = {"payment new properties.value", "cache new values.auth.password"}
    plan = reader.load(PLANS / "foreign.json")
    assert hidden(plan) == {each.format(side) for each in both for side in ("old", "new")} | made
    assert [message.text for message in plan.messages] == ["the secret (secret) has no expiry"]


def test_copies_of_secrets_are_hidden_even_without_a_mark() -> None:
    both = {"prot {} tags.a", "prot {} tagsAll.a"}
    plan = reader.load(PLANS / "replacements.json")
    assert hidden(plan) == {each.format(side) for each in both for side in ("old", "new")}
    (made,) = reader.read(
        json.dumps({"steps": [resource("x", "t:i:T", new={"tags": {"a": "[secret]"}, "tagsAll": {"a": "brief"}})]})
    )
    assert hidden(Plan((made,))) == {"x new tags.a", "x new tagsAll.a"}


def test_a_secret_list_item_is_matched_by_name_if_its_position_changes() -> None:
    before = {"env": [{"name": "B", "value": "[secret]"}]}
    after = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "brief"}]}
    shown = Redactor().inputs(after, twin=before)["env"]
    assert shown[0] == {"name": "A", "value": "1"}
    assert isinstance(shown[1]["value"], Secret)


def test_values_that_are_nested_too_deeply_are_hidden() -> None:
    value: Any = "umbrella-77"
    text = "password=umbrella-77 and more of it"
    for _ in range(200):
        value = {"a": [value]}
    for _ in range(12):
        text = base64.b64encode(text.encode()).decode()
    assert "umbrella" not in repr(Redactor().value(value))
    shown = scrub(text)
    while shown != "(secret)":
        shown = base64.b64decode(shown).decode()


def test_lone_surrogates_are_replaced() -> None:
    values = {"long": "half a \ud83d character", "s": "\ud83d", "\udc00": 1}
    step = resource("a", "t:i:T", new=values) | {"detailedDiff": {"\ud83d": {"kind": "add"}}}
    message = {"severity": "info", "message": "\ud83d"}
    plan = reader.read(json.dumps({"steps": [step], "diagnostics": [message], "config": {"a:b": "\ud83d"}}))
    repr((plan, [change.inputs for change in plan])).encode()
    assert "\ud83d" not in "".join([*map(str, walk(plan.changes[0].inputs)), *plan.changes[0].reported])
    plan.messages[0].text.encode()


def test_secrets_are_equal_if_their_hidden_values_are() -> None:
    shown = [Redactor().value(text, "password") for text in ("one-umbrella", "one-umbrella", "two-umbrella")]
    assert shown[0] == shown[1] != shown[2]
    urls = [Redactor().value(f"postgres://app:{text}@db/app", "x") for text in ("one", "one", "two")]
    assert urls[0] == urls[1] != urls[2]
    assert str(urls[0]) == str(urls[2]) == "postgres://app:(secret)@db/app"
    assert urls[0] != "postgres://app:(secret)@db/app"


def again(secret: str, value: Any) -> Any:
    first = Redactor()
    first.value({"password": secret})
    return Redactor(first.found).value({"v": value})["v"]  # type: ignore[index, call-overload]


@pytest.mark.parametrize("secret", ["hunter2", "s3cr3t!", "x9Q!k", "Zk3+", "qwertz", "sunshine", "Passw0rd"])
def test_a_short_secret_is_redacted_where_it_is_a_whole_value(secret: str) -> None:
    assert isinstance(again(secret, secret), Secret)
    assert isinstance(again(secret, [secret])[0], Secret)
    assert secret not in str(again(secret, json.dumps({"user": "app", "v": secret})))


@pytest.mark.parametrize("secret", ["hunter2", "s3cr3t!", "x9Q!k", "Passw0rd", "Pa5w", "k7Q!", "Pa55w"])
def test_a_short_secret_that_is_no_word_is_redacted_in_texts(secret: str) -> None:
    assert str(again(secret, f"use {secret} to log in")) == "use (secret) to log in"
    assert str(again(secret, f"app:{secret}@db")) == "app:(secret)@db"
    if len(secret) < 8:
        assert again(secret, f"the{secret}s") == f"the{secret}s"


@pytest.mark.parametrize("word", ["admin", "postgres", "true", "1234567", "3.14", "10.0.0.1", "abc", "aaaa"])
def test_a_usual_value_is_not_redacted_elsewhere(word: str) -> None:
    assert again(word, word) == word
    assert again(word, f"use {word} here") == f"use {word} here"


def test_a_short_secret_is_redacted_as_a_key_and_in_a_short_text() -> None:
    for secret in ("Pa5w", "Pa55w", "k7Q!", "hunter2"):
        assert secret not in str(again(secret, {secret: "x", "a": [{f"{secret}:": 1}, f"{secret} "]}))
    assert again("Pa5w", {"Pa5wn": "aPa5w", "Pa5": "5w"}) == {"Pa5wn": "aPa5w", "Pa5": "5w"}


def test_a_short_word_is_not_redacted_in_texts() -> None:
    assert again("qwertz", "the qwertz layout") == "the qwertz layout"


def test_the_hexadecimal_form_of_a_secret_is_redacted() -> None:
    for secret in ("ZDFrqjhTQqVC56MGPFS9Dfrx", "correct-horse", "hunter2"):
        for form in (secret.encode().hex(), secret.encode().hex().upper()):
            assert form not in str(again(secret, form))
            assert form not in str(again(secret, f"key={form}; next"))


def test_a_short_secret_does_not_redact_words_elsewhere() -> None:
    redactor = Redactor()
    redactor.value({"password": "postgres"})
    again = Redactor(redactor.found)
    assert again.value({"password": "postgres", "engine": "postgres"})["engine"] == "postgres"


@given(
    secret=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=8).filter(
        lambda text: len(set(text)) > 4 and not text.startswith(("$", "<", "{{", "arn:", "-"))
    ),
    name=st.sampled_from(NAMES_OF_SECRETS),
    around=st.sampled_from(["{}", "JSON", "list", "env", "base64"]),
)
def test_no_text_with_the_name_of_a_secret_is_shown(secret: str, name: str, around: str) -> None:
    values: dict[str, Any] = {
        "{}": {name: secret},
        "JSON": {"text": json.dumps({"deep": [{name: secret}]})},
        "list": {name: [secret, {"more": secret}]},
        "env": {"env": [{"name": name, "value": secret}]},
        "base64": {"data": base64.b64encode(json.dumps({name: secret}).encode()).decode()},
    }[around]
    redactor = Redactor()
    output = repr(redactor.inputs(values)) + "".join(map(str, walk(redactor.inputs(values))))
    assert secret not in output
    assert json.dumps(secret)[1:-1] not in output
