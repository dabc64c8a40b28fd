"""A file system of EFS that many pods use at once."""

from mlplatform.storage.shared_filesystem.component import SharedFilesystem, SharedFilesystemArgs
from mlplatform.storage.shared_filesystem.spec import SharedFilesystemSpec

__all__ = ["SharedFilesystem", "SharedFilesystemArgs", "SharedFilesystemSpec"]
