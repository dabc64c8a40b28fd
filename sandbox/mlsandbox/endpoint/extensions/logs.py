"""A correction of CloudWatch Logs in moto: the tags of a deleted log group go with it."""

from typing import Final

from moto.logs.models import LogsBackend

from mlsandbox.endpoint.extensions.extension import Extension, Kind

_delete_log_group = LogsBackend.delete_log_group


def _delete_log_group_and_tags(self: LogsBackend, log_group_name: str) -> None:
    """A log group's tags go with it; moto gives them to the next group of the name."""
    group = self.groups.get(log_group_name)
    _delete_log_group(self, log_group_name)
    if group is not None:
        self.tagger.delete_all_tags_for_resource(group.arn)


def _apply() -> None:
    LogsBackend.delete_log_group = _delete_log_group_and_tags  # type: ignore[method-assign]  # as meant


EXTENSION: Final = Extension(
    "logs",
    ("DeleteLogGroup",),
    Kind.CORRECTED,
    _apply,
)
