"""Secrets that a review must not show: one for each way into a plan.

They are assembled at run time, so that secret scanners do not report this file.
"""

import base64
import gzip
import json
from dataclasses import dataclass
from typing import Any, Final

from unit.review.forms import FORMS, SLOT

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

PREFIX: Final = "urn:pulumi:prod::canaries::"
STACK: Final = f"{PREFIX}pulumi:pulumi:Stack::canaries-prod"
PROVIDER: Final = f"{PREFIX}pulumi:providers:aws::default_7_51_1"

_BODY: Final = "MIIEpAIBAAKCAQEA1c7{}aQ9mXz4TkLw0VhYpJr8sNbGd2EfUiOx6CvHnKt"


@dataclass(frozen=True)
class Canary:
    """A secret and its place in the plan."""

    way: str
    secret: str

    @property
    def forms(self) -> tuple[str, ...]:
        """All forms that would reveal it."""
        lines = tuple(line for line in self.secret.splitlines() if len(line) >= 16 and not line.startswith("-----"))
        encoded = base64.b64encode(self.secret.encode()).decode().rstrip("=")
        return (self.secret, json.dumps(self.secret)[1:-1], encoded, *lines)


def _word(number: int) -> str:
    """A password that matches no pattern."""
    return f"canary-{number:02}-{'zyxwvut'[number % 7]}umbrella"


_made: list[Canary] = []


def _secret(way: str, secret: str = "") -> str:
    made = Canary(way, secret or _word(len(_made)))
    _made.append(made)
    return made.secret


def _pem(number: int, kind: str = "RSA PRIVATE KEY") -> str:
    line = _BODY.format(number)
    return f"-----BEGIN {kind}-----\n{line}\n{line[::-1]}\n-----END {kind}-----\n"


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


_JWT: Final = "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJjYW5hcnkifQ" + ".c2lnbmF0dXJlLW9mLWEtY2FuYXJ5"
_AWS_ID: Final = "AKIA" + "QYLPMN5HHHFPZAM2"
_AWS_KEY: Final = "kWcrlUX5JEDGM/LtmEENI/aVmYvHNif5zB" + "+d9+ct"
_GITHUB: Final = "ghp_" + "cAnArY7h1b2C3d4E5f6G7h8I9j0K1l2M3n4O"
_GITLAB: Final = "glpat-" + "cAnArY-4h5J6k7L8m9N0"
_SLACK: Final = "xoxb-" + "123456789012-1234567890123-cAnArYaBcDeFgHiJkLmNoPqR"
_HF: Final = "hf_" + "cAnArYqRsTuVwXyZaBcDeFgHiJkLmNoPqR"
_OPENAI: Final = "sk-proj-" + "cAnArY1234abcdEFGH5678ijklMNOP9012qrst"
_ANTHROPIC: Final = "sk-ant-api03-" + "cAnArY5678efghIJKL9012mnopQRST3456uvwx"
_STRIPE: Final = "sk_live_" + "cAnArY4eC39HqLyjWDarjtT1"
_GOOGLE: Final = "AIza" + "SyCaNaRyD4e5F6g7H8i9J0k1L2m3N4o5P6q"
_NPM: Final = "npm_" + "cAnArY9zYxWvUtSrQpOnMlKjIhGfEdCbA012"
_PYPI: Final = "pypi-" + "AgEIcHlwaS5vcmcCJGNhbmFyeS0xMjM0LTU2NzgtYWJjZC1lZjAxMjM0NTY3ODkwAAIqWz"
_WANDB: Final = "c4a7a9" + "1f0e2d3c4b5a69788796a5b4c3d2e1f0ab"
_RANDOM: Final = "q7Zp2Lk9Xv4Bn8Mt3Rc6" + "Wd1Ys5Hg0Jf7Ka2"


def resource(
    name: str,
    type_: str,
    *,
    op: str = "create",
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """One step in the engine's format. `more` are additional keys of the states."""
    urn = f"{PREFIX}{type_}::{name}"
    shape = {"urn": urn, "custom": True, "type": type_, "parent": STACK, "provider": f"{PROVIDER}::id"}
    step: dict[str, Any] = {"op": op, "urn": urn, "provider": f"{PROVIDER}::id", "detailedDiff": None}
    if old is not None:
        step["oldState"] = {**shape, "id": f"id-{name}", "inputs": old, "outputs": old, **more}
    if new is not None:
        step["newState"] = {**shape, "inputs": new, **more}
    return step


def _written(text: Any, secret: str) -> Any:
    return [_written(each, secret) for each in text] if isinstance(text, list) else text.replace(SLOT, secret)


def _build() -> dict[str, Any]:
    flat = {
        "masterPassword": _secret("a name in camel case"),
        "db_passwd": _secret("a name in snake case"),
        "api-key": _secret("a name in kebab case"),
        "CLIENT_SECRET": _secret("a name in capitals"),
        "dbpassword": _secret("a name in one word"),
        "nested": {"deeper": [{"authToken": _secret("a name, nested in lists and mappings")}]},
        "credentials": {
            "user": "reader",
            "key": _secret("below a secret's name"),
            "more": [_secret("a list below one")],
        },
        "connectionString": _secret("a connection string", "Server=db;User=app;Password=canary-conn-umbrella;"),
        "pin": {"password": 4711_0815_4242},
        "aSecretNumber": {"value": 1},
        "secretToken": {"value": _secret("a value below a secret's name")},
        "authorization": _secret("a header's name", "Custom canary-header-umbrella-1"),
    }
    _made.append(Canary("a number", "471108154242"))
    patterns = {
        "description": f"rotate {_secret('an AWS key id', _AWS_ID)} soon",
        "comment": _secret("an AWS secret key under no name", _AWS_KEY),
        "a": f"use {_secret('GitHub', _GITHUB)}",
        "b": _secret("GitLab", _GITLAB),
        "c": _secret("Slack", _SLACK),
        "d": _secret("Hugging Face", _HF),
        "e": _secret("OpenAI", _OPENAI),
        "f": _secret("Anthropic", _ANTHROPIC),
        "g": _secret("Stripe", _STRIPE),
        "h": _secret("Google", _GOOGLE),
        "i": _secret("npm", _NPM),
        "j": _secret("PyPI", _PYPI),
        "k": f"wandb login {_secret('Weights & Biases', _WANDB)}",
        "l": _secret("a JWT", _JWT),
        "m": _secret("high entropy", _RANDOM),
        "n": f"Bearer {_secret('a bearer header', 'canary.bearer/7umbrella')}",
        "o": f"Authorization: Basic {_secret('basic authorization', _b64('app:canary-basic-umbrella'))}",
        "p": f"postgres://app:{_secret('a URL with a password')}@db.internal:5432/app?sslmode=require",
        "q": _secret("PEM over lines", _pem(1)),
        "r": json.dumps(_secret("PEM in one line", _pem(2, "PRIVATE KEY")))[1:-1],
        "s": "-----BEGIN EC PRIVATE KEY-----\n" + _secret("PEM cut off", _BODY.format(3)),
        "t": f"https://hooks.slack.com/services/{_secret('a webhook', 'T0CANARY0/B0CANARY0/cAnArYumbrella1234567890')}",
        "u": f"mysql -h db -p{_secret('a password on a command line')} app",
        "v": f"curl -u app:{_secret('a user on a command line')} https://example.com",
    }
    # Each has a unique end, so that none is redacted only because it also occurs elsewhere.
    forms = {
        f"note{number}": _written(form.text, _secret(form.way, f"{form.secret[:-3]}{number:03}"))
        for number, form in enumerate(FORMS)
    }
    texts = {
        "policy": json.dumps({"Version": 1, "settings": {"dbPassword": _secret("JSON in a string")}}),
        "twice": json.dumps({"inner": json.dumps({"password": _secret("JSON in JSON in a string")})}),
        "values": f"replicas: 2\nauth:\n  # from the vault\n  adminPassword: {_secret('YAML in a string')}\n",
        "block": f"tls:\n  privateKey: |\n    {_secret('a block of YAML in a string')}\n  port: 443\n",
        "manifest": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n"
        f"  plain: {_secret('a Kubernetes secret in a string')}\n",
        "containers": "env:\n- name: DB_PASSWORD\n  value: "
        + _secret("a list of variables in YAML")
        + "\n- name: A\n  value: b\n",
        "userData": _b64(f"#!/bin/bash\nexport HF_TOKEN={_secret('a script in base64')}\nexec serve\n"),
        "userDataBase64": _b64(json.dumps({"password": _secret("JSON in base64")})),
        "zipped": base64.b64encode(gzip.compress(f"password={_secret('gzip in base64')}\n".encode(), mtime=0)).decode(),
        "script": f"set -e\nPASSWORD='{_secret('a shell script')}' ./run\n",
        "command": f"./run --port 80 --api-key {_secret('a flag in a command')} --verbose",
        "dockerfile": f"FROM x\nENV DB_PASSWORD {_secret('a Dockerfile')}\nRUN y\n",
        "xml": f"<server><user>app</user><password>{_secret('XML')}</password></server>",
        "sql": f"CREATE ROLE app LOGIN PASSWORD '{_secret('SQL')}'; SELECT 1",
        "netrc": f"machine git.example.com login app password {_secret('netrc')}\n",
        "query": f"https://example.com/hook?id=7&access_token={_secret('the query of a URL')}&x=1",
        "ini": f"[default]\naws_secret_access_key = {_secret('an INI file')}\nregion = us-east-1\n",
        "go": 'config{Password:"' + _secret("a dump of a struct") + '", User:"app"}',
    }
    environment = {
        "environment": {"variables": {"LOG_LEVEL": "info", "DB_PASSWORD": _secret("variables by name")}},
        "containers": [
            {
                "name": "web",
                "env": [
                    {"name": "API_TOKEN", "value": _secret("a list of variables")},
                    {"name": "LOG_LEVEL", "value": "debug"},
                ],
                "args": ["--port", "80", "--password", _secret("an argument after its flag"), "--verbose"],
                "command": ["serve", f"--auth-token={_secret('an argument with its flag')}"],
            }
        ],
        "parameters": [{"key": "admin_password", "value": _secret("a list of parameters")}],
        "labels": {_secret("a key of a mapping", "ghp_" + "kEyOfAmApPiNg1234567890abcdefghijklm"): "yes"},
    }
    old_marked = {"plain": _secret("plain until now, secret from now on"), "size": 1}
    new_marked = {"plain": "[secret]", "size": 2}
    removed = {
        "size": 1,
        "oldPassword": _secret("an old value that is removed"),
        "list": [{"token": _secret("in a list that goes")}],
    }
    outputs = {"handle": _secret("an input whose output is secret"), "size": 1}
    asset = {"code": {SIGNATURE: ASSET, "hash": "ab" * 32, "text": _secret("the text of an asset")}}
    signed = {
        "wrapped": {SIGNATURE: SECRET, "plaintext": json.dumps(_secret("a secret in the open"))},
        "output": {SIGNATURE: OUTPUT, "value": _secret("a secret output value"), "secret": True},
    }
    kubernetes = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db"},
        "data": {"plain": _b64(_secret("data of a Kubernetes secret"))},
        "stringData": {"note": _secret("text of a Kubernetes secret")},
    }
    beside = {
        "secretTextBindings": [{"name": "K", "text": _secret("a binding below a name that ends harmlessly")}],
        "bindings": [
            {"name": "A", "type": "secret_text", "text": _secret("a binding by its type")},
            {"name": "B", "type": "plain_text", "text": "plain"},
        ],
        "variables": [{"name": "A", "value": _secret("a variable by a flag"), "isSecret": True}],
        "envs": [{"key": "A", "value": _secret("a variable by its kind"), "type": "SECRET"}],
        "headers": [{"key": "X-A", "value": _secret("a header by a flag"), "isValueSecret": True}],
        "secretFiles": [{"name": "a.conf", "content": _secret("a file of secrets")}],
        "environmentVariables": [{"name": "A", "secureValue": _secret("a secure value")}],
        "sensitiveConfigVars": {"A": _secret("sensitive variables")},
        "integrationKey": _secret("a key of an integration"),
        "masked": [{"key": "A", "value": _secret("a masked variable"), "masked": True}],
    }
    named = "token-" + _secret("a resource's name", "ghp_" + "nAmEoFaReSoUrCe1234567890abcdefghijk")
    leaked = flat["masterPassword"]
    return {
        "config": {
            "aws:region": "us-east-1",
            "canaries:dbPassword": _secret("config by name"),
            "canaries:settings": json.dumps({"gateway": {"apiKey": _secret("config in JSON")}}),
            "canaries:hidden": "[secret]",
        },
        "steps": [
            {
                "op": "same",
                "urn": STACK,
                "detailedDiff": None,
                "newState": {"urn": STACK, "custom": False, "type": "pulumi:pulumi:Stack", "inputs": {}},
            },
            resource("flat", "aws:index/thing:Thing", new=flat),
            resource("patterns", "aws:index/thing:Thing", new=patterns),
            resource("forms", "aws:index/thing:Thing", op="update", old={**forms, "n": 1}, new={**forms, "n": 2}),
            resource(
                "texts", "aws:index/thing:Thing", op="update", old={**texts, "count": 1}, new={**texts, "count": 2}
            ),
            resource("environment", "aws:lambda/function:Function", new=environment),
            resource("marked", "aws:index/thing:Thing", op="update", old=old_marked, new=new_marked),
            resource("removed", "aws:index/thing:Thing", op="update", old=removed, new={"size": 2}),
            resource(
                "deleted", "aws:index/thing:Thing", op="delete", old={"password": _secret("a resource that goes")}
            ),
            resource("outputs", "aws:index/thing:Thing", new=outputs, additionalSecretOutputs=["handle"]),
            resource("asset", "aws:lambda/function:Function", new=asset),
            resource("signed", "aws:index/thing:Thing", new=signed),
            resource("secret", "kubernetes:core/v1:Secret", new=kubernetes),
            resource(
                "parameter",
                "aws:ssm/parameter:Parameter",
                new={"type": "SecureString", "value": _secret("a secure parameter")},
            ),
            resource("beside", "acme:index/thing:Thing", op="update", old={"size": 1}, new={**beside, "size": 2}),
            resource(
                "key", "aws:apigateway/apiKey:ApiKey", new={"name": "n", "value": _secret("an API key by its type")}
            ),
            resource("token", "acme:index:ServiceToken", new={"value": _secret("a token by a type that nobody lists")}),
            resource("kv", "vault:kv/secretV2:SecretV2", new={"dataJson": _secret("a secret of Vault, no JSON")}),
            resource(
                "headers",
                "aws:cloudfront/distribution:Distribution",
                new={"origins": [{"customHeaders": [{"name": "X-Origin", "value": _secret("a header of an origin")}]}]},
            ),
            resource(named, "aws:index/thing:Thing", new={"size": 1}),
            resource(
                "elsewhere", "aws:index/thing:Thing", new={"note": f"the same again: {leaked}!", "b": _b64(leaked)}
            ),
            resource(
                "dynamic",
                "pulumi-nodejs:dynamic:Resource",
                new={"__provider": f"exports.x = '{_secret('code of a dynamic provider')}'"},
            ),
            resource(
                "replaced",
                "aws:rds/instance:Instance",
                op="replace",
                old={"engine": "postgres", "password": _secret("an old value of a replacement")},
                new={"engine": "mysql", "password": _secret("a new value of a replacement")},
            ),
        ],
        "diagnostics": [
            {"severity": "warning", "message": f"warning: cannot log in with password={_secret('a warning')}\n"},
            {
                "severity": "error",
                "urn": f"{PREFIX}aws:index/thing:Thing::{named}",
                "message": f"error: 401 for {leaked}\n",
            },
            {"severity": "info", "message": f"{_secret('a key in a message', _pem(4))}\n"},
        ],
        "duration": 1_000_000_000,
        "changeSummary": {"create": 15, "update": 5, "delete": 1, "replace": 1},
    }


_PLAN: Final = json.dumps(_build())

CANARIES: Final[list[Canary]] = _made
"""All secrets of the plan."""


def plan_with_canaries() -> dict[str, Any]:
    """The output of `pulumi preview --json` with all canaries, as a new object that may be changed."""
    made: dict[str, Any] = json.loads(_PLAN)
    return made
