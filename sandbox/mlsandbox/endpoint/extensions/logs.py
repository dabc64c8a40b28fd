"""A correction of moto's CloudWatch Logs: the tags of a log group are deleted with it."""

from typing import Final

from moto.logs.models import LogsBackend

from mlsandbox.endpoint.extensions.extension import Extension, Kind

_delete_log_group = LogsBackend.delete_log_group


def _delete_log_group_and_tags(self: LogsBackend, log_group_name: str) -> None:
    """AWS deletes a log group's tags with it; in moto, the next group with the name gets them."""
    group = self.groups.get(log_group_name)
    _delete_log_group(self, log_group_name)
    if group is not None:
        self.tagger.delete_all_tags_for_resource(group.arn)


def _apply() -> None:
    LogsBackend.delete_log_group = _delete_log_group_and_tags  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "logs",
    ("DeleteLogGroup",),
    Kind.CORRECTED,
    _apply,
)
