"""How AWS is asked: pages, errors, regions and identities."""

import datetime
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from mlpctl.doctor import asker as asking
from mlpctl.doctor.asker import Asker, SignInError, connect, expiry, session
from mlpctl.doctor.asking import Question, Refusal

CLUSTERS = Question("eks", "ListClusters", items="clusters")
QUOTAS = Question("service-quotas", "ListServiceQuotas", {"ServiceCode": "ec2"}, "Quotas")
IDENTITY = Question("sts", "GetCallerIdentity", region="us-east-1")


@pytest.fixture(scope="module")
def clients() -> dict[tuple[str, str], Any]:
    made = boto3.Session("key", "secret", region_name="eu-west-1")
    asked = [("service-quotas", "eu-west-1"), ("sts", "us-east-1"), ("eks", "eu-west-1")]
    return {key: made.client(*key) for key in asked}


class Stubbed(Asker):
    """An asker whose clients are stubbed; asking for another client fails."""

    def __init__(self, clients: dict[tuple[str, str], Any], stubs: ExitStack) -> None:
        super().__init__(boto3.Session("key", "secret"), "eu-west-1")
        self._clients = clients
        self.stubs = {service: stubs.enter_context(Stubber(client)) for (service, _), client in clients.items()}


@pytest.fixture
def asker(clients: dict[tuple[str, str], Any]) -> Iterator[Stubbed]:
    with ExitStack() as stack:
        yield Stubbed(clients, stack)


def test_all_pages_are_read(asker: Stubbed) -> None:
    for token, codes in (("", ["L-1", "L-2"]), ("next", ["L-3"])):
        page = {"Quotas": [{"QuotaCode": code} for code in codes], **({} if token else {"NextToken": "next"})}
        given = {"ServiceCode": "ec2", **({"NextToken": token} if token else {})}
        asker.stubs["service-quotas"].add_response("list_service_quotas", page, given)
    assert [each["QuotaCode"] for each in asker.ask([QUOTAS])[QUOTAS]] == ["L-1", "L-2", "L-3"]


def test_errors_of_aws_are_answers(asker: Stubbed) -> None:
    for code, message, status in (
        ("AccessDeniedException", "User: x is not authorized to perform: servicequotas:ListServiceQuotas", 400),
        ("ThrottlingException", "Rate exceeded", 429),
        ("OptInRequired", "You are not subscribed to this service", 403),
        ("UnrecognizedClientException", "The security token included in the request is invalid", 400),
    ):
        asker.stubs["service-quotas"].add_client_error("list_service_quotas", code, message, status)
        assert asker.ask([QUOTAS])[QUOTAS] == Refusal(code, message)


def test_one_error_does_not_prevent_other_answers_and_each_is_counted(asker: Stubbed) -> None:
    asker.stubs["eks"].add_response("list_clusters", {"clusters": ["one"]}, {})
    asker.stubs["sts"].add_client_error("get_caller_identity", "ExpiredToken", "expired")
    answered: list[None] = []
    found = asker.ask([CLUSTERS, IDENTITY], lambda: answered.append(None))
    assert found == {CLUSTERS: ["one"], IDENTITY: Refusal("ExpiredToken", "expired")}
    assert len(answered) == 2


def test_an_operation_without_pages_is_called_once(asker: Stubbed) -> None:
    account = Question("sts", "GetCallerIdentity", items="Account", region="us-east-1")
    asker.stubs["sts"].add_response("get_caller_identity", {"Account": "111122223333"}, {})
    assert asker.ask([account])[account] == "111122223333"


def test_without_credentials_or_a_connection_the_answer_is_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Asker(boto3.Session("key", "secret"), "eu-west-1")

    def unreachable(question: Question) -> Any:
        raise EndpointConnectionError(endpoint_url="https://ec2.eu-west-1.amazonaws.com/")

    monkeypatch.setattr(alone, "_call", unreachable)
    answer = alone.ask([CLUSTERS])[CLUSTERS]
    assert answer.code == "EndpointConnectionError"
    assert "https://ec2.eu-west-1.amazonaws.com/" in answer.message


def test_a_throttled_request_is_repeated(asker: Stubbed) -> None:
    config = Asker(boto3.Session("key", "secret"), "eu-west-1").client("sts").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": asking.ATTEMPTS}


def test_a_missing_resource_is_told_apart_from_a_denied_request() -> None:
    codes = [
        "NoSuchEntity",
        "404",
        "InvalidVpcID.NotFound",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    ]
    assert all(Refusal(code, "").missing for code in codes)
    assert not any(Refusal(code, "").missing for code in ("AccessDenied", "403", "Throttling"))


def test_the_permission_of_a_question_is_its_iam_action() -> None:
    named = {
        QUOTAS: "servicequotas:ListServiceQuotas",
        Question("s3", "ListObjectsV2"): "s3:ListBucket",
        Question("s3", "ListBuckets"): "s3:ListAllMyBuckets",
        Question("resourcegroupstaggingapi", "GetResources"): "tag:GetResources",
        CLUSTERS: "eks:ListClusters",
        IDENTITY: "",
    }
    assert {question.api: question.permission for question in named} == {
        question.api: permission for question, permission in named.items()
    }


def test_a_connection_is_opened_or_the_reason_is_the_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connect("127.0.0.1", port) == f"127.0.0.1:{port}"
    refused = connect("127.0.0.1", port)
    assert refused.code == "NotConnected"
    assert f"127.0.0.1 (127.0.0.1:{port}) does not accept a connection: " in refused.message


def test_a_name_without_an_address_is_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert connect("api.example.com", 443) == Refusal(
        "NameNotResolved", "api.example.com has no address here: Name or service not known"
    )


def test_the_identity_is_that_of_the_stacks_configuration(
    clients: dict[tuple[str, str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sts = clients["sts", "us-east-1"]
    monkeypatch.setattr(boto3.Session, "client", lambda *_: sts)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "given")
    role = "arn:aws:iam::111122223333:role/deployer"
    given = {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLEEXAMPLE12",
            "SecretAccessKey": "other",
            "SessionToken": "token",
            "Expiration": datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC),
        }
    }
    wanted = {"RoleArn": role, "RoleSessionName": "ci", "ExternalId": "xyz"}
    with Stubber(sts) as stub:
        stub.add_response("assume_role", given, wanted)
        found, temporary = session(
            {"aws:assumeRoles": [{"roleArn": role, "sessionName": "ci", "externalId": "xyz"}]}, "us-east-1"
        )
    credentials = found.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "ASIAEXAMPLEEXAMPLE12"
    assert temporary, "the credentials that assume the role are those of a session"
    with Stubber(sts) as stub:
        stub.add_client_error("assume_role", "AccessDenied", "not authorized")
        with pytest.raises(SignInError, match=r"can't be used: .*AccessDenied"):
            session({"aws:assumeRole": {"roleArn": role}}, "us-east-1")
    with pytest.raises(SignInError, match="nowhere"):
        session({"aws:profile": "nowhere"}, "us-east-1")


def test_the_expiry_is_that_of_the_environment() -> None:
    moment = datetime.datetime(2026, 11, 29, 13, tzinfo=datetime.UTC)
    for written, read in (
        ("2026-11-29T13:00:00+00:00", moment),
        ("2026-11-29T13:00:00Z", moment),
        ("2026-11-29T13:00:00", moment),
        ("soon", None),
        ("", None),
    ):
        assert expiry({asking.EXPIRY: written}) == read
    assert expiry({}) is None
