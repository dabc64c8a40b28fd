"""Quotas of the account: the questions that list them, and what to do if one is too small."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlpctl.doctor.account import home
from mlpctl.doctor.asking import Answers, Question
from mlpctl.doctor.finding import Finding, Level, Wanted


def applied(service: str, region: str) -> Question:
    """The quotas of a service that have a value of their own in the account."""
    # The quotas of S3 are those of its home region: https://docs.aws.amazon.com/general/latest/gr/s3.html
    place = home(region) if service == "s3" else ""
    return Question("service-quotas", "ListServiceQuotas", {"ServiceCode": service}, "Quotas", place)


def defaults(service: str, region: str) -> Question:
    """AWS's default values of a service's quotas."""
    place = home(region) if service == "s3" else ""
    return Question("service-quotas", "ListAWSDefaultServiceQuotas", {"ServiceCode": service}, "Quotas", place)


def limit(code: str, service: str, wanted: Wanted, answers: Answers) -> tuple[float | None, Question]:
    """The value of a quota, and where it is from; None if AWS lists none.

    Raises:
        NotAnsweredError: AWS did not list the quotas.
    """
    own, general = applied(service, wanted.region), defaults(service, wanted.region)
    value = _value(answers(own), code)
    if value is not None:
        return value, own
    return _value(answers(general), code), general


def _value(listed: Iterable[Mapping[str, Any]], code: str) -> float | None:
    return next((float(each["Value"]) for each in listed if each["QuotaCode"] == code), None)


def limits(codes: Iterable[tuple[str, str]], wanted: Wanted, answers: Answers) -> Iterator[Question]:
    """The lists that contain quotas; AWS's defaults only for a quota without a value of its own."""
    for code, service in codes:
        own = applied(service, wanted.region)
        yield own
        listed = answers.get(own)
        if listed is not None and _value(listed, code) is None:
            yield defaults(service, wanted.region)


def increase(service: str, code: str, goal: int, region: str) -> str:
    """How to request an increase of a quota to `goal`, without the full stop."""
    return (
        f"Request it: `aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} "
        f"--desired-value {goal} --region {region}`"
    )


def unlisted(name: str, question: Question, field: str) -> Finding:
    """The finding for a quota that AWS does not list."""
    fix = (
        "Look it up in the console of Service Quotas. The sandbox has only the quotas that `mlpctl sandbox quota` set."
    )
    return Finding(Level.NOT_CHECKED, f"Service Quotas lists no value of {name}", question, field, fix)
