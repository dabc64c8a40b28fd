"""Service Quotas: the quotas of the sandbox's account, which `mlsandbox quota` sets."""

import json
from typing import Any, Final

from moto.servicequotas.responses import ServiceQuotasResponse

from awsfacts.quotas import service_of
from mlsandbox.endpoint import quotas
from mlsandbox.endpoint.extensions.extension import Extension, Kind


def list_service_quotas(response: ServiceQuotasResponse) -> str:
    """The quotas of a service that are set. The others have no limit in the sandbox."""
    service = json.loads(response.body).get("ServiceCode")
    names = dict(quotas.known())
    return json.dumps({"Quotas": [_quota(service, code, names[code], most) for code, most in _set(service)]})


def list_default_quotas(response: ServiceQuotasResponse) -> str:
    """No quotas: AWS's default limits do not apply to the sandbox, unlike those that moto lists for VPCs."""
    return json.dumps({"Quotas": []})


def _set(service: str) -> list[tuple[str, int]]:
    return [(code, most) for code, most in sorted(quotas.limits().items()) if service_of(code) == service]


def _quota(service: str, code: str, name: str, most: int) -> dict[str, Any]:
    return {
        "ServiceCode": service,
        "QuotaCode": code,
        "QuotaName": name,
        "Value": float(most),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


def _apply() -> None:
    ServiceQuotasResponse.list_service_quotas = list_service_quotas  # type: ignore[attr-defined]  # added to moto's class
    ServiceQuotasResponse.list_aws_default_service_quotas = list_default_quotas  # type: ignore[assignment,method-assign]  # intended


EXTENSION: Final = Extension("service-quotas", ("ListAWSDefaultServiceQuotas", "ListServiceQuotas"), Kind.KEPT, _apply)
