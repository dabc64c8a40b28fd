"""Whether the API server would take an object, asked before anything is made."""

import re
from collections.abc import Iterator, Sequence

from mlsandbox.providers.kubernetes.cluster import ApiError, Cluster
from mlsandbox.providers.kubernetes.objects import DEFAULT_NAMESPACE, Object, dig
from mlsandbox.providers.protocol import Failure

_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_WRONG_TYPE = re.compile(r"cannot unmarshal (\S+) into Go (?:struct field |value)(\S*?) ?of type (\S+)")
_MANAGER = "pulumi-kubernetes"


def failures(cluster: Cluster, item: Object) -> Sequence[Failure]:
    """What the API server refuses about `item`, by property, in its own words.

    It is asked to create the object in a dry run, with strict field validation: an object of the same name that exists
    already is found only after everything else was. What depends on the cluster's state (quotas, rights, webhooks) is
    no failure here; the update itself meets it.
    """
    try:
        cluster.create(item, _MANAGER, dry_run=True)
    except ApiError as error:
        if error.namespace_missing and dig(item, "metadata", "namespace") != DEFAULT_NAMESPACE:
            # The namespace may be part of the same update. The object itself is no other in one that exists.
            return failures(cluster, {**item, "metadata": {**item["metadata"], "namespace": DEFAULT_NAMESPACE}})
        return list(_failures(error))
    return ()


def _failures(error: ApiError) -> Iterator[Failure]:
    text = str(error)
    if error.status == 400:
        found = False
        for path in dict.fromkeys(_UNKNOWN_FIELD.findall(text)):
            found = True
            yield Failure(path, f"{path} is not a field of this kind.")
        if match := _WRONG_TYPE.search(text):
            found = True
            given, field, wanted = match.groups()
            path = field.partition(".")[2]
            yield Failure(path, f"{path or 'A value'} is a {given}; it must be of type {wanted}.")
        if not found:
            yield Failure("", f"The API server refuses the object: {text}")
    elif error.status == 422:
        if not error.causes:
            yield Failure("", text)
        for field, message in error.causes:
            # Addresses and ports that the object itself holds already, where this checks an update.
            if "already allocated" not in message:
                yield Failure(field, f"{field}: {message}" if field else message)
