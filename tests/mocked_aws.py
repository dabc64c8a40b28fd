"""moto for boto3 in this process, which leaves what a sandbox of the same process has in it as it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from moto import mock_aws


@contextmanager
def mocked_aws() -> Iterator[None]:
    """Like `moto.mock_aws`, which would empty every account first and last."""
    mock = mock_aws()
    mock.start(reset=False)
    try:
        yield
    finally:
        mock.stop(remove_data=False)
