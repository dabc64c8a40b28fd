"""The generic store, with types of services that have different protocols and that moto lacks partly or completely."""

from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from werkzeug.test import EnvironBuilder, run_wsgi_app

from mlsandbox.endpoint.extensions import STORED
from mlsandbox.endpoint.store import Store, Stored

ACCOUNT = "123456789012"

WORKSPACE = Stored(
    service="grafana",
    noun="Workspace",
    key="id",
    id="g-",
    arn="/workspaces/{key}",
    exists="ConflictException",
    missing="ResourceNotFoundException",
    names={
        "workspaceId": "id",
        "workspaceName": "name",
        "workspaceDataSources": "dataSources",
        "authenticationProviders": "authentication.providers",
    },
    defaults={"status": "ACTIVE"},
)
"""A type of a service that moto lacks, with a REST protocol and different names in requests and responses."""

LUSTRE = Stored(
    service="fsx",
    noun="DataRepositoryAssociation",
    key="AssociationId",
    id="dra-",
    arn="association/{key}",
    exists="BadRequest",
    missing="DataRepositoryAssociationNotFound",
    defaults={"Lifecycle": "AVAILABLE"},
)


class Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Any:
        yield self._content


@pytest.fixture
def client() -> Any:
    """Creates clients whose requests are served by a store."""
    store = Store([WORKSPACE, LUSTRE], ACCOUNT)

    def served(environ: Any, start_response: Any) -> Any:
        answer = store.answer(environ, start_response)
        assert answer is not None
        return answer

    def send(request: Any, **_: Any) -> AWSResponse:
        environ = EnvironBuilder(
            path=request.url.split("amazonaws.com", 1)[1],
            method=request.method,
            headers={
                name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
            },
            data=request.body or b"",
        )
        content, status, headers = run_wsgi_app(served, environ.get_environ())
        return AWSResponse(request.url, int(status.split()[0]), dict(headers), Body(b"".join(content)))

    def make(service: str) -> Any:
        made = boto3.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            config=Config(parameter_validation=False),
        )
        made.meta.events.register("before-send", send)
        return made

    return make


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_a_type_of_a_service_that_moto_lacks_is_stored(client: Any) -> None:
    grafana = client("grafana")
    made = grafana.create_workspace(
        accountAccessType="CURRENT_ACCOUNT",
        authenticationProviders=["AWS_SSO"],
        permissionType="SERVICE_MANAGED",
        workspaceName="models",
        workspaceDataSources=["CLOUDWATCH"],
    )["workspace"]
    assert made["id"].startswith("g-")
    found = grafana.describe_workspace(workspaceId=made["id"])["workspace"]
    assert (found["name"], found["dataSources"]) == ("models", ["CLOUDWATCH"])
    assert found["authentication"]["providers"] == ["AWS_SSO"]
    assert found["created"] == found["modified"]
    changed = grafana.update_workspace(workspaceId=made["id"], workspaceName="data")["workspace"]
    assert (changed["name"], changed["dataSources"]) == ("data", ["CLOUDWATCH"])
    assert [each["id"] for each in grafana.list_workspaces()["workspaces"]] == [made["id"]]
    grafana.delete_workspace(workspaceId=made["id"])
    assert refused(grafana.describe_workspace, workspaceId=made["id"]) == "ResourceNotFoundException"
    assert grafana.list_workspaces()["workspaces"] == []


def test_ids_and_arns_are_generated(client: Any) -> None:
    fsx = client("fsx")
    made = fsx.create_data_repository_association(
        FileSystemId="fs-0123456789abcdef0", FileSystemPath="/data", DataRepositoryPath="s3://models"
    )["Association"]
    assert made["ResourceARN"].endswith(f":{ACCOUNT}:association/{made['AssociationId']}")
    (found,) = fsx.describe_data_repository_associations(AssociationIds=[made["AssociationId"]])["Associations"]
    assert (found["FileSystemPath"], found["Lifecycle"]) == ("/data", "AVAILABLE")


def test_a_request_that_violates_the_model_is_rejected(client: Any) -> None:
    fsx = client("fsx")
    wrong = {"FileSystemId": "models", "DataRepositoryPath": "s3://models"}
    assert refused(fsx.create_data_repository_association, **wrong) == "ValidationException"


@pytest.mark.parametrize("stored", STORED, ids=lambda each: f"{each.service} {each.noun}")
def test_a_stored_type_has_operations_and_errors_of_its_service(stored: Stored) -> None:
    assert stored.operations
    for name in stored.operations:
        codes = {error.name for error in stored.model(name).error_shapes}
        assert stored.exists in codes or not name.startswith("Create")
        fails = ("Update",) if stored.deletes_nothing else ("Update", "Delete")
        assert stored.missing in codes or not name.startswith(fails)


def test_deleting_a_project_that_does_not_exist_succeeds(served: Any) -> None:
    assert "name" not in served.client("codebuild").delete_project(name="missing")
