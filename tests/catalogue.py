"""The Pulumi package of the library, which takes a while to make."""

from functools import cache

from mlplatform import host

schema = cache(host.schema)
provider = cache(host.Catalogue)
