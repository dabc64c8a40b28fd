"""The objects inside a resource's inputs, read as the resource itself is."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlpctl.policies.estate import Resource


def parts(resource: Resource, *paths: str) -> Iterator[Resource]:
    """The objects at paths, or in the lists there, in the form of resources whose inputs they are.

    Raises:
        NotEvaluated: an object, when it is reached, is not known yet or is secret.
    """
    for path in paths:
        for each in resource.each(path):
            if isinstance(each, Mapping):
                yield replace(resource, inputs=each)
