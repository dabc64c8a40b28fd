"""Corrections of moto's KMS: the rotation period of a key."""

import json
from typing import Final

from moto.kms.models import Key
from moto.kms.responses import KmsResponse

from mlsandbox.endpoint.extensions.extension import Extension, Kind

_enable_key_rotation = KmsResponse.enable_key_rotation
_get_key_rotation_status = KmsResponse.get_key_rotation_status

DEFAULT_ROTATION_DAYS = 365
"""https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html"""


def _key_of(response: KmsResponse) -> Key:
    return response.kms_backend.keys[response.kms_backend.get_key_id(response._get_param("KeyId"))]


def _enable_key_rotation_with_period(self: KmsResponse) -> str:
    """AWS stores the rotation period of a key; moto does not."""
    answer = _enable_key_rotation(self)
    _key_of(self).rotation_period_days = self._get_param("RotationPeriodInDays") or DEFAULT_ROTATION_DAYS  # type: ignore[attr-defined]  # intended
    return answer


def _get_key_rotation_status_with_period(self: KmsResponse) -> str:
    answer = json.loads(_get_key_rotation_status(self))
    key = _key_of(self)
    if key.key_rotation_status:
        answer["RotationPeriodInDays"] = getattr(key, "rotation_period_days", DEFAULT_ROTATION_DAYS)
    return json.dumps({"KeyId": key.arn, **answer})


def _apply() -> None:
    KmsResponse.enable_key_rotation = _enable_key_rotation_with_period  # type: ignore[method-assign]  # intended
    KmsResponse.get_key_rotation_status = _get_key_rotation_status_with_period  # type: ignore[method-assign]  # intended


EXTENSION: Final = Extension(
    "kms",
    (
        "EnableKeyRotation",
        "GetKeyRotationStatus",
    ),
    Kind.CORRECTED,
    _apply,
)
