"""CodeBuild projects."""

from typing import Any, Final

from pulumi_aws import codebuild

from mlsandbox.providers.aws.api import Api, Passing
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import AutoName, Create, Delete, Describe, Update, uses
from mlsandbox.providers.protocol import Properties

_SETTINGS: Final = (
    *("artifacts", "autoRetryLimit", "badgeEnabled", "buildBatchConfig", "buildTimeout", "cache"),
    *("concurrentBuildLimit", "description", "encryptionKey", "environment", "fileSystemLocations", "logsConfig"),
    *("queuedTimeout", "secondaryArtifacts", "secondarySourceVersions", "secondarySources", "serviceRole", "source"),
    *("sourceVersion", "vpcConfig"),
)


def _tags(inputs: Properties) -> dict[str, Any]:
    return {"tags": [{"key": key, "value": value} for key, value in (inputs.get("tagsAll") or {}).items()]}


def _details(api: Api, id: str, found: dict[str, Any]) -> Properties:
    return {"tags": {each["key"]: each["value"] for each in found.get("tags", ())}}


@uses("update_project")
def _tag(api: Api, id: str, olds: Properties, news: Properties) -> None:
    api.call("update_project", name=id, **_tags(news))


PROJECT: Final = Declaration(
    resource=codebuild.Project,
    cloudformation="AWS::CodeBuild::Project",
    service="codebuild",
    key="name",
    names={
        "buildBatchConfig.restrictions.computeTypesAlloweds": "computeTypesAllowed",
        "buildTimeout": "timeoutInMinutes",
        "logsConfig.cloudwatchLogs": "cloudWatchLogs",
        "queuedTimeout": "queuedTimeoutInMinutes",
    },
    defaults={"buildTimeout": 60, "queuedTimeout": 480},
    create=Create("create_project", id="project.name", more=_tags),
    read=Describe("batch_get_projects", "projects[0]", key="names", more=_details),
    updates=(Update(*_SETTINGS, by="update_project"), Update("tagsAll", by=_tag)),
    delete=Delete("delete_project"),
    # IAM is eventually consistent.
    passing=(Passing("create_project", "InvalidInputException", ("CodeBuild is not authorized to perform",)),),
    name=AutoName("name", 150),
    replaces=frozenset({"name"}),
    refused={
        "projectVisibility": "the sandbox runs no builds that could be public",
        "resourceAccessRole": "the sandbox runs no builds that could be public",
    },
    absent={
        "badgeUrl": "the sandbox runs no builds",
        "publicProjectAlias": "only a public project has one",
    },
)

DECLARATIONS: Final = (PROJECT,)
