"""CodeBuild: projects, which moto cannot update. No build runs."""

from typing import Final

from mlsandbox.endpoint.extensions.extension import Extension, Kind
from mlsandbox.endpoint.store import Stored

PROJECT: Final = Stored(
    service="codebuild",
    noun="Project",
    key="name",
    arn="project/{key}",
    exists="ResourceAlreadyExistsException",
    missing="ResourceNotFoundException",
    lenient=True,
    deletes_nothing=True,
    # https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html
    defaults={"timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "projectVisibility": "PRIVATE"},
)

EXTENSIONS: Final = (
    Extension("codebuild", tuple(PROJECT.operations), Kind.KEPT),
    # moto would list and build its own projects.
    Extension("codebuild", ("ListProjects", "StartBuild", "StartBuildBatch"), Kind.REFUSED),
)
