"""Notations of secrets with names, flags and addresses, and similar texts."""

import base64
import json
from typing import Any

import pytest

from mlpctl.review.redact import Redactor
from mlpctl.review.values.plain import Masked, Secret, walk

WORD = "q7Zr2KxW9pLm"
LONG = "zX9kQ2mW7vB4nR8tY3uP6s" + "D1fG5hJ0aL"

WAYS: dict[str, Any] = {
    "a query's first parameter": f"https://x.io/hook?token={WORD}&a=b",
    "a fragment": f"https://x.io/#access_token={WORD}",
    "a query's key": f"https://x.io/hook?a=b&key={WORD}",
    "an argument of a call in code": f"client = Client(password='{WORD}')",
    "a Java property behind a colon": f"spring.datasource.password: {WORD}",
    "an attribute of XML": f'<add key="DbPassword" value="{WORD}"/>',
    "a document that stands there": f"password = <<EOF\n{WORD}\nEOF\n",
    "three quotes": f'password = """\n{WORD}\n"""\n',
    "a parameter of CloudFormation": {"parameters": [{"parameterKey": "DbPassword", "parameterValue": WORD}]},
    "a parameter in capitals": {"parameters": [{"ParameterKey": "DbPassword", "ParameterValue": WORD}]},
    "a short pair": {"settings": [{"k": "password", "v": WORD}]},
    "a pin": {"pinCode": WORD},
    "an anchor of YAML": f"a: &p {WORD}\npassword: *p\n",
    "a database of Oracle": f"jdbc:oracle:thin:scott/{WORD}@//db:1521/x",
    "a file of Postgres's passwords": f"db.internal:5432:shop:app:{WORD}\n",
    "chpasswd": f"#!/bin/sh\necho 'root:{WORD}' | chpasswd\n",
    "useradd": f"useradd -m -p {WORD} bob",
    "a hash of bcrypt": f"admin:$2y$05${WORD}QWERTYuiopASDFGHJKLzxcvbnm1234567890abc",
    "a hash of crypt": f"root:$6$salt${WORD}Xyz12345678901234567890:19000:0:99999:7:::",
    "a hash of Apache": f"admin:$apr1$salt${WORD}QWERTYuiop",
    "PagerDuty": f"https://events.pagerduty.com/integration/{WORD}abcdef0123456789/enqueue",
    "Zapier": f"https://hooks.zapier.com/hooks/catch/123456/{WORD.lower()}/",
    "a token after another assignment": f"a=b=token={LONG}",
}


@pytest.mark.parametrize("way", WAYS)
def test_every_notation_of_a_secret_is_redacted(way: str) -> None:
    shown = json.dumps(Redactor().inputs({"x": WAYS[way]}), default=str)
    assert WORD not in shown and WORD.lower() not in shown and LONG not in shown
    encoded = base64.b64encode(json.dumps(WAYS[way]).encode()).decode()
    assert WORD not in str(Redactor().inputs({"userData": encoded}))


HARMLESS = [
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf",
    "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf:password::",
    "valueFrom = arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf",
    "https://github.com/kubernetes/website/hooks/commit-msg",
    "/opt/hooks/prestart01",
    "https://bucket.s3.amazonaws.com/list?key=models/llama/config.json",
    "https://x.io/error?code=404",
    "usermod -aG docker ubuntu",
    "useradd --system --home /var/lib/x x",
    "10.0.0.1:5432:5432",
    "price: $1$ and $5$ and $6$",
    '<add key="Region" value="us-east-1"/>',
    "cat <<EOF\nhello: world\nEOF\n",
    "s3://models/llama-3/tokenizer.json",
    "--tokenizer=meta-llama/Llama-3-8B --max-tokens=4096",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_similar_notation_without_a_secret_is_preserved(text: str) -> None:
    assert Redactor().text(text) == text


def test_a_harmless_parameter_is_preserved() -> None:
    inputs = {"parameters": [{"parameterKey": "Stage", "parameterValue": "prod"}], "x": [{"k": "a", "v": "b"}]}
    assert not [value for _, value in walk(Redactor().inputs(inputs)) if isinstance(value, (Secret, Masked))]


PASSWORD = "Zq9xkWm3Tv7b"

COMMANDS = [
    f"mysql -u root -p{PASSWORD} shop",
    f"mariadb-dump -p{PASSWORD} shop",
    f"redis-cli -h cache -a {PASSWORD} ping",
    f"sshpass -p {PASSWORD} ssh host",
    f"docker login -u ci -p {PASSWORD} registry.example.com",
    f"helm registry login registry.example.com -u ci -p {PASSWORD}",
    f"az login --service-principal -u app -p {PASSWORD}",
    f"mongosh -u root -p {PASSWORD}",
    f"openssl enc -aes-256-cbc -k {PASSWORD}",
    f"openssl rsa -passin pass:{PASSWORD} -in key.pem",
    f"htpasswd -nb admin {PASSWORD}",
    f"htpasswd -c -b file admin {PASSWORD}",
    f"wandb login --relogin {PASSWORD}",
    f"vault login {PASSWORD}",
    f"aws configure set aws_secret_access_key {PASSWORD}",
    f"curl -u admin:{PASSWORD} https://example.com",
]

HARMLESS_COMMANDS = [
    "docker run -p 8080:80 nginx:1.27.0",
    "mkdir -p /var/lib/models-cache",
    "mysql -u root -p",
    "redis-cli -h cache.example.com ping",
    "openssl s_client -connect example.com:443",
    "vault login -method=aws",
    "mongod --port 27017 --dbpath /data/db",
    "aws configure set region us-east-1",
    "vllm serve --model Qwen/Qwen3-8B --max-model-len 16384",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_password_in_the_words_of_a_command(command: str) -> None:
    for value in (command, command.split(" "), ["sh", "-c", command]):
        shown = Redactor().value({"command": value})
        assert PASSWORD not in repr(shown)
        assert command.split(" ")[0] in repr(shown), "the rest stays"


@pytest.mark.parametrize("command", HARMLESS_COMMANDS)
def test_commands_without_a_secret_are_preserved(command: str) -> None:
    for value in (command, command.split(" ")):
        assert Redactor().value({"command": value}) == {"command": value}


def test_a_changed_password_of_a_command_is_a_change() -> None:
    one, same, other = (
        Redactor().value({"command": ["mysql", f"-p{password}"]}) for password in ("a1b2c3", "a1b2c3", "d4e5f6")
    )
    assert one == same
    assert one != other
    assert str(one["command"][1]) == str(other["command"][1]) == "-p(secret)"


HARMLESS_BESIDE: list[dict[str, Any]] = [
    {"secretKeyRef": {"name": "db", "key": "password"}},
    {"env": [{"name": "A", "value": "plain", "isSecret": False}]},
    {"env": [{"name": "A", "value": "plain", "type": "plain_text"}]},
    {"environmentVariables": [{"name": "A", "type": "SECRETS_MANAGER", "value": "db:user"}]},
    {"imagePullSecrets": [{"name": "regcred"}]},
    {"secretNames": [{"value": "db"}]},
    {"encrypted": True, "size": 20},
    {"secretStoreRef": {"kind": "ClusterSecretStore", "name": "aws"}},
    {"keyValue": "a", "text": "hello", "content": "plain text"},
]


@pytest.mark.parametrize("values", HARMLESS_BESIDE)
def test_a_value_with_a_harmless_name_is_preserved(values: dict[str, Any]) -> None:
    assert Redactor().inputs(values, kind="acme:index:Thing") == values


@pytest.mark.parametrize(
    "kind",
    [
        "kubernetes:external-secrets.io/v1:ExternalSecret",
        "aws:secretsmanager/secretPolicy:SecretPolicy",
        "a:b:TokenPolicy",
    ],
)
def test_a_type_that_only_refers_to_secrets_hides_nothing(kind: str) -> None:
    values = {"value": "plain-words-here", "content": "plain"}
    assert Redactor().inputs(values, kind=kind) == values
