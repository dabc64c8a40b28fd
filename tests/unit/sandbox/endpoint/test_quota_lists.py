"""Service Quotas in the sandbox: the quotas that are set, by service."""

from typing import Any

from mlsandbox.ground.conditions import Conditions


def test_only_quotas_that_are_set_are_listed_and_only_those_of_the_service(account: Any) -> None:
    quotas = account.client("service-quotas")
    assert quotas.list_service_quotas(ServiceCode="ec2")["Quotas"] == []
    Conditions(quotas={"L-DB2E81BA": 8, "L-0263D0A3": 2, "L-F678F1CE": 1, "L-DC2B2D3D": 3}).save(account.layout)
    try:
        listed = {
            service: {
                each["QuotaCode"]: each["Value"] for each in quotas.list_service_quotas(ServiceCode=service)["Quotas"]
            }
            for service in ("ec2", "vpc", "s3", "eks")
        }
    finally:
        Conditions().save(account.layout)
    assert listed == {
        "ec2": {"L-0263D0A3": 2.0, "L-DB2E81BA": 8.0},
        "vpc": {"L-F678F1CE": 1.0},
        "s3": {"L-DC2B2D3D": 3.0},
        "eks": {},
    }
    assert quotas.list_aws_default_service_quotas(ServiceCode="vpc")["Quotas"] == []
