"""The API server's refusals, by property."""

from typing import Any

import pytest

from mlsandbox.providers.kubernetes.cluster import ApiError
from mlsandbox.providers.kubernetes.validation import failures

ITEM = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "n"}}


class Refusing:
    """A cluster whose namespaces answer a creation with an error each."""

    def __init__(self, **errors: ApiError | None) -> None:
        self._errors = errors

    def create(self, item: dict[str, Any], manager: str, *, dry_run: bool) -> dict[str, Any]:
        assert dry_run
        error = self._errors[item["metadata"]["namespace"]]
        if error is not None:
            raise error
        return item


def refused(error: ApiError | None) -> list[tuple[str, str]]:
    cluster: Any = Refusing(n=error)
    return [(failure.path, failure.reason) for failure in failures(cluster, ITEM)]


def causes(*pairs: tuple[str, str]) -> dict[str, Any]:
    listed = [{"field": field, "message": message} for field, message in pairs]
    return {"message": "invalid", "details": {"causes": listed}}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, []),
        (ApiError(409, {"reason": "AlreadyExists", "message": "exists"}), []),
        (ApiError(403, {"message": "exceeded quota"}), []),
        (
            ApiError(400, {"message": 'strict decoding error: unknown field "spec.a", unknown field "spec.b[0].c"'}),
            [
                ("spec.a", "spec.a is not a field of this kind."),
                ("spec.b[0].c", "spec.b[0].c is not a field of this kind."),
            ],
        ),
        (
            ApiError(
                400,
                {"message": "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32"},
            ),
            [("spec.priority", "spec.priority is a string; it must be of type int32.")],
        ),
        (ApiError(400, {"message": "odd"}), [("", "The API server refuses the object: odd")]),
        (
            ApiError(422, causes(("spec.a", "Required value"), ("spec.b", "must be positive"))),
            [("spec.a", "spec.a: Required value"), ("spec.b", "spec.b: must be positive")],
        ),
        (ApiError(422, {"message": "denied by policy"}), [("", "denied by policy")]),
        (ApiError(422, causes(("spec.clusterIPs[0]", "provided IP is already allocated"))), []),
    ],
)
def test_a_refusal_is_told_by_property(error: ApiError | None, expected: list[tuple[str, str]]) -> None:
    assert refused(error) == expected


def test_an_object_whose_namespace_is_not_there_yet_is_checked_in_another() -> None:
    missing = ApiError(404, {"message": "not found", "details": {"kind": "namespaces"}})
    cluster: Any = Refusing(n=missing, default=ApiError(422, causes(("spec.a", "Required value"))))
    assert [failure.path for failure in failures(cluster, ITEM)] == ["spec.a"]
