"""EKS tokens: the webhook accepts the command's tokens and rejects all others."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

import mlplatform_eks_token as eks_token
from mlsandbox.endpoint import token
from mlsandbox.endpoint.token import TokenError

HOST = "127.0.0.1:4566"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_ENDPOINT_URL": f"http://{HOST}",
    "AWS_REGION": "eu-central-1",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "KUBERNETES_EXEC_INFO"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    yield


def url(bearer: str) -> str:
    text = bearer.removeprefix(token.PREFIX)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def bearer(signed_url: str) -> str:
    return token.PREFIX + base64.urlsafe_b64encode(signed_url.encode()).decode().rstrip("=")


def test_a_token_is_valid_only_for_its_cluster_and_secret() -> None:
    request = token.parse(eks_token.token("main"), HOST)

    assert (request.access_key_id, request.region) == ("AKIAIOSFODNN7EXAMPLE", "eu-central-1")
    assert request.signed_by(SECRET, "main")
    assert not request.signed_by(SECRET, "other")
    assert not request.signed_by(SECRET[:-1] + "x", "main")


def test_a_token_of_temporary_credentials_contains_the_session_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session/token+with=signs")

    request = token.parse(eks_token.token("main"), HOST)

    assert request.session_token == "session/token+with=signs"
    assert request.signed_by(SECRET, "main")


def test_a_token_for_aws_uses_the_regional_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")

    split = urlsplit(url(eks_token.token("main", "eu-west-1")))

    assert (split.scheme, split.netloc) == ("https", "sts.eu-west-1.amazonaws.com")
    assert parse_qs(split.query)["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert parse_qs(split.query)["X-Amz-Expires"] == ["60"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("127.0.0.1:4566", "127.0.0.1:9999"), "signed for the host 127.0.0.1:9999"),
        (("Action=GetCallerIdentity", "Action=AssumeRole"), "an action other than GetCallerIdentity"),
        (("X-Amz-Expires=60", "X-Amz-Expires=901"), "X-Amz-Expires is 901 s"),
        (("X-Amz-Expires=60", "X-Amz-Expires=soon"), "X-Amz-Expires is missing or invalid"),
        (("host%3Bx-k8s-aws-id", "host"), "signed headers"),
        (("%2Fsts%2F", "%2Fs3%2F"), "credential scope"),
        (("Version=2011-06-15", "Version=2011-06-15&Foo=1"), "unexpected query parameter Foo"),
        (("Version=2011-06-15", "Version=2011-06-15&version=2"), "occurs twice"),
        (("X-Amz-Signature=", "X-Amz-Signature=&X="), "unexpected query parameter X"),
        (("AWS4-HMAC-SHA256", "AWS4-NONE"), "no Signature Version 4 signature"),
        (("/?", "/path?"), "unexpected path"),
    ],
)
def test_a_token_in_another_format_is_rejected(change: tuple[str, str], expected: str) -> None:
    good = url(eks_token.token("main"))
    assert change[0] in good

    with pytest.raises(TokenError, match=expected):
        token.parse(bearer(good.replace(*change)), HOST)


@pytest.mark.parametrize("text", ["", "secret", "k8s-aws-v1.", "k8s-aws-v1.%%%", "k8s-aws-v1._w"])
def test_an_invalid_token_is_rejected(text: str) -> None:
    with pytest.raises(TokenError):
        token.parse(text, HOST)


def test_a_changed_parameter_invalidates_the_signature() -> None:
    good = url(eks_token.token("main"))
    request = token.parse(bearer(good.replace("X-Amz-Expires=60", "X-Amz-Expires=900")), HOST)
    assert not request.signed_by(SECRET, "main")


@pytest.mark.engine  # takes seconds
def test_a_token_is_valid_for_15_minutes() -> None:
    now = datetime.now(UTC)
    good = eks_token.token("main")

    assert token.parse(good, HOST, now + timedelta(minutes=14, seconds=50))
    with pytest.raises(TokenError, match="it expired"):
        token.parse(good, HOST, now + timedelta(minutes=15, seconds=10))
    with pytest.raises(TokenError, match="in the future"):
        token.parse(good, HOST, now - timedelta(minutes=6))


def test_the_command_prints_an_exec_credential(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mlplatform-eks-token", "--cluster", "main"])

    assert eks_token.main() == 0

    credential = json.loads(capsys.readouterr().out)
    assert (credential["apiVersion"], credential["kind"]) == ("client.authentication.k8s.io/v1", "ExecCredential")
    assert token.parse(credential["status"]["token"], HOST).signed_by(SECRET, "main")
    expires = datetime.strptime(credential["status"]["expirationTimestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert timedelta(minutes=13) < expires - datetime.now(UTC) <= timedelta(minutes=14)


def test_the_command_uses_the_requested_api_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    version = "client.authentication.k8s.io/v1beta1"
    monkeypatch.setenv("KUBERNETES_EXEC_INFO", json.dumps({"apiVersion": version, "kind": "ExecCredential"}))
    monkeypatch.setattr(sys, "argv", ["mlplatform-eks-token", "--cluster", "main"])

    assert eks_token.main() == 0
    assert json.loads(capsys.readouterr().out)["apiVersion"] == version


@pytest.mark.parametrize(
    ("unset", "expected"), [("AWS_REGION", "no AWS region"), ("AWS_SECRET_ACCESS_KEY", "Partial credentials")]
)
def test_a_missing_setting_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unset: str, expected: str
) -> None:
    monkeypatch.delenv(unset)
    monkeypatch.setattr(sys, "argv", ["mlplatform-eks-token", "--cluster", "main"])

    assert eks_token.main() == 1

    error = capsys.readouterr().err
    assert error.startswith("mlplatform-eks-token: no token for the cluster main: ")
    assert expected in error
    assert error.count("\n") == 1


def test_the_command_imports_no_large_packages() -> None:
    code = "import sys, mlplatform_eks_token; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"boto3", "pulumi", "moto", "kubernetes", "pydantic", "typer"} & set(loaded)
