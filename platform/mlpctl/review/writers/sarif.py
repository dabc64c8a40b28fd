"""Writes the violations of a report's rules as SARIF 2.1.0, for code scanning.

The format is https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; GitHub documents what it reads at
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mlpctl.review.report.model import Report
from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.text import visible

VERSION: Final = "2.1.0"
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT: Final = "ruleAndResource/v1"
"""Name of the fingerprint: a digest of the rule, the resource or the field, and the number of the violation among those
of both."""

EXPIRED: Final = "expired-waiver"
"""ID under which waivers that have expired are results."""

SEVERITIES: Final = {"low": "2.5", "medium": "5.5", "high": "8.0", "critical": "9.5"}
"""Numbers for severities in the middle of GitHub's ranges: low to 3.9, medium to 6.9, high to 8.9, critical above."""

_NO_FILE: Final = "Pulumi.yaml"
"""Location of a result if the stack file is not at hand; code scanning needs one for each result."""


def to_sarif(report: Report) -> str:
    """Write the violations of a report's rules as ASCII JSON; ends with a line feed.

    Waived violations are suppressed results with their justification. Rules that were not evaluated are notifications,
    because they are neither passed nor violated.
    """
    rules = report.rules or Rules(profile="", passed=0, findings=(), gaps=())
    described = {each["id"]: each for each in (*map(_descriptor, rules.findings), *map(_descriptor_of_gap, rules.gaps))}
    if rules.expired:
        described[EXPIRED] = _EXPIRED
    ids = [*described]
    numbers: Counter[tuple[str, str]] = Counter()
    results = []
    for each in rules.findings:
        subject = each.urn or each.field
        results.append(_result(each, rules, ids, numbers[each.rule, subject]))
        numbers[each.rule, subject] += 1
    results += _expired(rules, ids)
    origin = report.origin
    driver = {
        "name": "mlpctl",
        **({"version": origin.version} if origin and origin.version else {}),
        "rules": [*described.values()],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{'audit' if report.audit else 'review'}/{report.project}/{report.stack}/"},
        "invocations": [
            {
                "executionSuccessful": not report.incomplete,
                "toolExecutionNotifications": [*_notifications(report, rules, ids)],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "results": results,
        "properties": {"profile": rules.profile, "passed": rules.passed},
    }
    return json.dumps({"$schema": SCHEMA, "version": VERSION, "runs": [run]}, indent=2) + "\n"


_EXPIRED: Final[Mapping[str, Any]] = {
    "id": EXPIRED,
    "name": "ExpiredWaiver",
    "shortDescription": {"text": "Waivers are renewed or removed after their last day."},
    "fullDescription": {"text": "A violation that is accepted for a while must not be accepted forever."},
    "help": {
        "text": "Renew the waiver, or remove it from policies.waivers.",
        "markdown": "Renew the waiver, or remove it from `policies.waivers`.",
    },
    "defaultConfiguration": {"level": "error"},
    "properties": {"tags": ["policy"], "security-severity": SEVERITIES["medium"], "precision": "very-high"},
}


def _descriptor(each: RuleFinding) -> Mapping[str, Any]:
    markdown = f"**Why**: {each.reason}\n\n**Remedy**: {each.remedy}"
    if each.serves:
        markdown += f"\n\n**Serves**: {', '.join(each.serves)}"
    return {
        "id": each.rule,
        "name": each.rule.replace("-", ""),
        "shortDescription": {"text": each.title},
        "fullDescription": {"text": each.reason or each.title},
        "help": {"text": f"{each.reason} {each.remedy}".strip(), "markdown": markdown},
        "defaultConfiguration": {"level": "error" if each.mandatory else "warning"},
        "properties": {
            "tags": ["policy", "security", *each.serves],
            "frameworks": [*each.serves],
            "security-severity": SEVERITIES[each.severity],
            "problem.severity": "error" if each.mandatory else "warning",
            "precision": "very-high",
        },
    }


def _descriptor_of_gap(each: RuleGap) -> Mapping[str, Any]:
    return {
        "id": each.rule,
        "name": each.rule.replace("-", ""),
        "shortDescription": {"text": each.title},
        "defaultConfiguration": {"level": "error" if each.mandatory else "warning"},
    }


def _result(each: RuleFinding, rules: Rules, ids: list[str], number: int) -> Mapping[str, Any]:
    identity = "\n".join((each.rule, each.urn or each.field, str(number)))
    suppressed = {"kind": "external", "status": "accepted", "justification": visible(each.waived)}
    return {
        "ruleId": each.rule,
        "ruleIndex": ids.index(each.rule),
        "level": "error" if each.mandatory else "warning",
        "kind": "fail",
        "message": {"text": visible(f"{each.text} {each.remedy}")},
        "locations": [_location(rules, each.line, each.urn, each.name)],
        "partialFingerprints": {FINGERPRINT: hashlib.sha256(identity.encode()).hexdigest()},
        "suppressions": [suppressed] if each.waived else [],
        "properties": {"frameworks": [*each.serves], "field": each.field, "severity": each.severity},
    }


def _expired(rules: Rules, ids: list[str]) -> Iterator[Mapping[str, Any]]:
    for text in rules.waivers[: rules.expired]:
        yield {
            "ruleId": EXPIRED,
            "ruleIndex": ids.index(EXPIRED),
            "level": "error",
            "kind": "fail",
            "message": {"text": visible(text)},
            "locations": [_location(rules, rules.line, "", "")],
            "partialFingerprints": {FINGERPRINT: hashlib.sha256(text.encode()).hexdigest()},
            "suppressions": [],
        }


def _location(rules: Rules, line: int | None, urn: str, name: str) -> Mapping[str, Any]:
    place = {
        "physicalLocation": {
            "artifactLocation": {"uri": rules.file or _NO_FILE, "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": line or 1},
        }
    }
    logical = {"name": visible(name), "fullyQualifiedName": visible(urn), "kind": "resource"}
    return place | ({"logicalLocations": [logical]} if urn else {})


def _notifications(report: Report, rules: Rules, ids: list[str]) -> Iterator[Mapping[str, Any]]:
    for each in rules.gaps:
        names = f" for {', '.join(map(visible, each.names))}" if each.names else ""
        yield {
            "level": "warning" if each.mandatory else "note",
            "message": {"text": visible(f"{each.rule} is not evaluated{names}: {each.why}.")},
            "associatedRule": {"id": each.rule, "index": ids.index(each.rule)},
        }
    for folder in rules.packs:
        yield {"level": "warning", "message": {"text": f"The rules in {visible(folder)} are not evaluated."}}
    if report.incomplete:
        yield {"level": "error", "message": {"text": visible(report.incomplete)}}
