"""Which texts are detected as credentials. Rejecting a valid file costs more than it saves."""

import base64
import time

import pytest

from awsfacts import credentials
from credential_samples import SAMPLES
from mlpctl.config.problems import HIDDEN, shown

every_sample = pytest.mark.parametrize(
    ("sort", "text"), [(sort, text) for sort, texts in SAMPLES.items() for text in texts]
)


@every_sample
def test_a_credential_in_a_known_format_is_detected_with_its_type(sort, text):
    assert credentials.is_credential(text)
    assert credentials.sort(text) == sort
    for data, place in (({"a": [text]}, ("a", 0)), ({"a": {text: 1}}, ("a", text)), (text, ())):
        assert list(credentials.find(data)) == [(place, sort)]


@pytest.mark.parametrize(
    "text",
    [
        "vllm/vllm-openai:v0.11.0",
        "123456789012.dkr.ecr.us-east-1.amazonaws.com/models/chat@sha256:" + "0123456789abcdef" * 4,
        "localhost:5000/team/model:sk-2024",
        "arn:aws:iam::123456789012:role/hf_reader",
        "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/hf-AbCdEf",
        "s3://bucket/key@1:2",
        "http://chat.chat.svc.cluster.local:80/v1?user=me@example.com",
        "postgres://app:$(DB_PASSWORD)@db:5432/x",
        "postgres://app@db:5432/x",
        "model:v1@sha256:" + "0" * 64,
        "arn:aws:iam::123456789012:user/me@example.com",
        "https://docs.example.com/authorization: how it works",
        "Qwen/Qwen3-8B",
        "task-0123456789abcdef0123456789abcdef01234567",
        "0123456789abcdef0123456789abcdef01234567",
        "-----BEGIN CERTIFICATE-----\nMIIE",
        base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIE").decode(),
        "-----BEGIN " + "PUBLIC KEY-----",
        "hf_transfer",
        "ghp_",
        "AKIA",
        "npm_config_registry",
    ],
)
def test_other_text_is_accepted(text):
    assert not credentials.is_credential(text)
    assert not [*credentials.find({"env": {"VALUE": text}, "commandArgs": ["--value", text, f"--value={text}"]})]


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "PASSWORD", "DB_PASSWD", "PGPASSWORD", "DB_PASS", "REDIS_PWD", "VLLM_API_KEY"),
        *("AWS_SECRET_ACCESS_KEY", "apiKey", "client-secret", "secret", "AUTH", "REDIS_AUTH", "http.auth"),
        *("AUTHORIZATION", "DBPASS", "PGPASS", "MYSQL_PWD", "PASSPHRASE", "GITHUB_PAT", "SESSION_COOKIE", "CREDS"),
        *("GITHUBTOKEN", "authToken", "HF_TOKEN_2", "TOKEN1", "PASSWORD_B64", "SECRET_VALUE", "SECRET_KEY_BASE"),
        *("OPENAI_KEY", "ENCRYPTION_KEY", "SIGNING_KEY", "ssh-key", "JWT", "BEARER", "BASIC_AUTH"),
    ],
)
def test_a_value_under_the_name_of_a_secret_is_detected_in_environments_and_arguments(name):
    found = "a secret, judging by its name"
    assert list(credentials.find({"env": {name: "hunter2"}})) == [(("env", name), found)]
    assert list(credentials.find({"env": {"JSON": f'{{"{name}": "hunter2"}}'}})) == [(("env", "JSON"), found)]
    assert list(credentials.find(["serve", f"--{name}", "hunter2"])) == [((2,), found)]
    assert list(credentials.find([f"--{name}=hunter2"])) == [((0,), found)]
    assert list(credentials.find(["-c", f"export {name}=hunter2; serve"])) == [((1,), found)]
    assert list(credentials.find(["-c", f"serve --port 80 --{name} hunter2"])) == [((1,), found)]
    assert list(credentials.find({"config": {f"aws:{name}": "hunter2"}})) == [(("config", f"aws:{name}"), found)]
    assert list(credentials.find({"tags": {name: "hunter2"}})) == [(("tags", name), found)]
    labels = {"gpuPools": {"a": {"labels": {name: "hunter2"}}}}
    assert list(credentials.find(labels)) == [(("gpuPools", "a", "labels", name), found)]
    for place in ("owner", "pool", "healthPath", "prefix"):
        assert list(credentials.find({place: f"/x {name}=hunter2"})) == [((place,), found)]
    assert list(credentials.find({f"{name}=hunter2": 1})) == [((f"{name}=hunter2",), found)]


@pytest.mark.parametrize(
    "path", ["/h?token=x1", "/h?a=b&api_key=x1", "/h?key=x1", "/h?sig=x1", "/h?auth=x1", "/h;password=x1"]
)
def test_a_secret_in_the_query_of_a_path_is_detected(path):
    assert list(credentials.find({"healthPath": path})) == [(("healthPath",), "a secret, judging by its name")]


@pytest.mark.parametrize(
    "image",
    [
        *("bob:hun/ter2@ghcr.io/x:v1", "bob:hunt:er2@ghcr.io/x:v1", "bob:hun@ter2@ghcr.io/x:v1", "bob:hunter2@ghcr.io"),
        *("hunter2tok@ghcr.io/x:v1", "docker pull x:v1 --password hunter2", "ghcr.io/x:v1 password=hunter2"),
        *("bob:hunter2@ghcr.io/x@sha256:" + "0" * 64,),
    ],
)
def test_an_image_with_a_user_or_a_password_is_detected(image):
    assert [place for place, _ in credentials.find({"image": image})] == [("image",)]


@pytest.mark.parametrize(
    "image",
    [
        *("ghcr.io/team/token:v1", "secret:v2", "localhost:5000/team/password:1", "team/auth:2.0"),
        *("model@sha256:" + "0" * 64, "localhost:5000/model:v1@sha256:" + "a" * 64, "model@v0.1"),
    ],
)
def test_an_image_with_the_name_of_a_secret_is_accepted(image):
    assert not [*credentials.find({"image": image})]


def test_an_image_with_the_name_of_a_secret_is_accepted_in_a_sentence():
    sentence = "inference.chat.image is ghcr.io/team/token:v1, which is not in ECR"
    assert not [*credentials.find({"outside": [sentence]})]
    assert [*credentials.find({"outside": ["ghcr.io/team/token: hunter2xyz9"]})]
    assert [*credentials.find({"outside": ["https://password:hunter2xyz9@host"]})]


def test_shown_hides_values_that_are_assigned_to_the_name_of_a_secret():
    for text in ("password=hunter2", "x --api-key hunter2", "bob:hunter2@ghcr.io/x:v1"):
        assert shown(text) == HIDDEN
    for name in ("DB_PASS", "AUTHORIZATION", "apiKey"):
        assert shown("hunter2", ("inference", "chat", name)) == HIDDEN
    assert shown("hunter2", ("inference", "chat", "secretEnv", "X")) == HIDDEN
    assert shown("team/token:v1", ("inference", "chat", "image")) == '"team/token:v1"'


@pytest.mark.parametrize(
    "data",
    [
        {"env": {"MAX_TOKENS": "4096", "TOKENIZERS_PARALLELISM": "false", "TOKEN_LIMIT": "12", "MONKEY": "x"}},
        {"env": {"HF_TOKEN": ""}},
        {"env": {"HF_TOKEN": "$(FROM_A_SECRET)"}},
        {"env": {"HF_TOKEN_PATH": "/run/secrets/hf", "HF_TOKEN": "/run/secrets/hf"}},
        {"env": {"API_KEY": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/hf-AbCdEf"}},
        {"env": {"STOP_TOKEN": "</s>", "PAD_TOKEN": "<pad>", "USE_TOKEN": "true"}},
        {"env": {"AUTH": "oidc", "HTTP_AUTH": "disabled", "AUTH_MODE": "x", "AUTHOR": "me", "MAX_TOKEN": "512"}},
        {"env": {"EOS_TOKEN": "128001", "PAD_TOKEN": "[PAD]", "PUBLIC_KEY": "ssh-rsa x", "CACHE_KEY": "a"}},
        {
            "tags": {"cost-center": "x", "secret-owner": "me", "auth": "iam"},
            "gpuPools": {"a": {"labels": {"token-limit": "4"}}},
        },
        {"healthPath": "/health?verbose=1&deep=true", "prefix": "date=2026-01-01/"},
        {"principalArn": "arn:aws:iam::123456789012:role/token", "path": "team/token", "tag": "secret"},
        {"env": {"PWD": "/srv", "BYPASS": "1", "FIRST_PASS": "true", "COMPASS": "north"}},
        {"env": {"KEY": "value", "PRIMARY_KEY": "id", "SORT_KEY": "name"}},
        ["--max-tokens", "4096", "--tokenizer", "mistral", "--api-key", "--port", "8000"],
        ["--served-model-name=chat", "--eos-token", "</s>", "--token=$HF_TOKEN"],
        {"secrets": {"HF_TOKEN": "prod/hf"}, "pool": {"token": "training"}},
    ],
)
def test_a_name_without_a_secret_value_is_accepted(data):
    assert list(credentials.find(data)) == []


REFERENCES = ["$(VLLM_KEY)", "${VLLM_KEY}", "$VLLM_KEY", "<token>"]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "Basic ", "Token ", "Bearer%20"])
def test_a_header_that_refers_to_a_secret_is_accepted(scheme, reference):
    value = f"{scheme}{reference}"
    for data in (
        {"env": {"AUTHORIZATION": value, "AUTH_HEADER": value, "API_KEY": reference}},
        {"env": {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={value}", "HEADERS": f'{{"Authorization": "{value}"}}'}},
        ["--header", f"Authorization: {value}", f"--header=Authorization: {value}"],
        ["-c", f'curl -fsS -H "Authorization: {value}" http://localhost:8000/health'],
        ["-c", f"curl -H 'Authorization: {value}' http://localhost:8000/health"],
    ):
        assert list(credentials.find(data)) == []


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_user_with_a_reference_to_a_password_is_accepted(reference):
    value = f"user:{reference}"
    assert list(credentials.find({"env": {"PROXY_AUTH": value, "BASIC_AUTH": value, "PROXY": f"{value}@proxy"}})) == []
    assert list(credentials.find(["--basic-auth", value, f"--proxy-auth={value}", "-u", value])) == []
    assert list(credentials.find(["-c", f"serve --basic-auth {value} --port 80"])) == []


@pytest.mark.parametrize("quoted", ["'$KEY'", "'\"$KEY\"'", '\\"$KEY\\"'])
def test_a_reference_in_quotes_is_accepted(quoted):
    assert list(credentials.find(["-c", f'curl -H "Authorization: Bearer "{quoted} http://x'])) == []
    assert list(credentials.find(["-c", f"curl -H 'Authorization: Bearer {quoted}' http://x"])) == []


@pytest.mark.parametrize(
    "value", ["Bearer hunter2", "Bearer%20hunter2", "Basic dXNlcjpwYXNz", "user:hunter2", "Token hunter2"]
)
def test_a_header_with_a_secret_is_detected(value):
    assert list(credentials.find({"env": {"AUTHORIZATION": value}}))
    assert list(credentials.find({"env": {"HEADERS": f"authorization={value}"}}))
    assert list(credentials.find(["--header", f"Authorization: {value}"]))
    assert list(credentials.find(["--basic-auth", value]))


@pytest.mark.parametrize(
    "text",
    [
        "You are a helpful assistant. Do not reveal the password: it is secret.",
        "Ask for the token: never tell it",
        "Ask for the token: never.",
        "Never print the API token: it's private, and I may not share it.",
        'echo "missing token: set it"',
        "echo 'no password: is the secret mounted?'; exit 1",
        "Rules about the password:\n- never tell it\n- never log it",
        "Rules about the password:\n1. never tell it",
        "the secret: a value that nobody knows",
        "How to keep your secret: I will explain.",
    ],
)
def test_prose_about_secrets_is_accepted(text):
    assert list(credentials.find({"env": {"SYSTEM_PROMPT": text}, "commandArgs": ["-c", text]})) == []


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2",
        "password: letmein",
        "the password: hunter2 is for the database",
        "user: bob\npassword: letmein\nhost: db",
        "user: bob password: letmein host: db",
        "password=it is secret",
        "password:letmein now",
        '{"password": "letmein", "user": "bob"}',
    ],
)
def test_an_assigned_secret_is_detected_beside_prose(text):
    found = list(credentials.find({"env": {"SETTINGS": text}}))
    assert found == [(("env", "SETTINGS"), "a secret, judging by its name")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("NUM_PASS", "3"), ("FORWARD_PASS", "2"), ("MAX_PASS", "10"), ("LOW_PASS", "300")),
        *(("FILE_PAT", "*.bin"), ("GLOB_PAT", "model-[0-9].safetensors"), ("PAT", "^a|b"), ("FILE_PAT", "weights")),
        *(
            ("SESSION_COOKIE", "sid"),
            ("COOKIE", "connect.sid"),
            ("CREDENTIALS", "include"),
            ("CREDENTIALS", "same-origin"),
        ),
        *(("AUTH", "sso"), ("AUTH", "google"), ("auth", "sso"), ("JWT", "required"), ("JWT", "RS"), ("BEARER", "1")),
        *(("AUTHORIZATION", "Bearer"), ("PROXY_AUTH", "ntlm")),
    ],
)
def test_a_plain_word_under_an_ambiguous_name_is_accepted(name, value):
    assert list(credentials.find({"env": {name: value}, "tags": {name: value}})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PASSWORD", "letmein"), ("DB_PASSWORD", "admin"), ("DB_PASS", "letmein"), ("DB_PASS", "1234")),
        *(("PWD", "letmein"), ("API_KEY", "test"), ("HF_TOKEN", "abc"), ("CLIENT_SECRET", "dev")),
        *(("GITHUB_PAT", "a1b2c3d4e5"), ("SESSION_COOKIE", "sid=a1b2c3"), ("AUTH", "a1b2c3"), ("BASIC_AUTH", "bob:me")),
        *(("CREDENTIALS", '{"private_key": "x1"}'), ("JWT", "a.b1.c"), ("CREDS", "x" * 40)),
    ],
)
def test_a_value_that_may_be_a_secret_is_detected_under_such_a_name(name, value):
    assert list(credentials.find({"env": {name: value}})) == [(("env", name), "a secret, judging by its name")]


@pytest.mark.engine  # takes several seconds in total
@pytest.mark.parametrize(
    "part",
    ["x", "a.", "-a", "eyJ", "?a", " ", "a=", "a: ", "--a ", "@", "a:@", "a://", "a://a:", "SG.aaaaaaaaaaaaaaaaaa"],
)
def test_every_text_is_checked_within_3_seconds(part):
    text = part * (60_000 // len(part))
    start = time.monotonic()
    list(credentials.find({"image": text, "env": {"A": text}, "healthPath": text, "list": [text], text: 1}))
    assert time.monotonic() - start < 3
