"""moto for boto3 in this process, without changes to the state of a sandbox in the same process."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws


@contextmanager
def mocked_aws() -> Iterator[None]:
    """Like `moto.mock_aws`, which also empties all accounts at the start and at the end."""
    mock = mock_aws()
    mock.start(reset=False)
    try:
        yield
    finally:
        mock.stop(remove_data=False)
