"""SARIF: what code scanning shows of a report's rules."""

import json
from collections.abc import Mapping
from typing import Any, Final

import jsonschema

from mlpctl.review.report.model import Report
from mlpctl.review.report.rules import RuleFinding, RuleGap, Rules
from mlpctl.review.writers.sarif import EXPIRED, to_sarif
from unit.review.report_parts import report

FOUND: Final = RuleFinding(
    rule="ML-S3-01",
    title="A bucket blocks public access.",
    severity="critical",
    mandatory=True,
    urn="urn:pulumi:dev::shop::aws:s3/bucket:Bucket::models-bucket",
    name="models-bucket",
    words="S3 bucket",
    text="models-bucket has no public access block.",
    remedy="Add a BucketPublicAccessBlock.",
    reason="One wrong ACL would make every object public.",
    serves=("fsbp:S3.1", "nist:AC-3"),
    field="buckets.models",
    line=9,
)

# The properties that SARIF 2.1.0 requires, with its types and its words, and those that GitHub requires in addition.
TEXT: Final = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
LEVEL: Final = {"enum": ["none", "note", "warning", "error"]}
SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["$schema", "version", "runs"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "run": {
            "type": "object",
            "required": ["tool", "results"],
            "properties": {
                "tool": {
                    "type": "object",
                    "required": ["driver"],
                    "properties": {
                        "driver": {
                            "type": "object",
                            "required": ["name", "rules"],
                            "properties": {"rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}}},
                        }
                    },
                },
                "invocations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["executionSuccessful"],
                        "properties": {
                            "executionSuccessful": {"type": "boolean"},
                            "toolExecutionNotifications": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "required": ["message"],
                                    "properties": {"level": LEVEL, "message": TEXT},
                                },
                            },
                        },
                    },
                },
                "automationDetails": {"type": "object", "properties": {"id": {"type": "string"}}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
                "properties": {"type": "object"},
            },
            "additionalProperties": False,
        },
        "rule": {
            "type": "object",
            "required": ["id", "shortDescription"],
            "properties": {
                "id": {"type": "string"},
                "name": {"type": "string"},
                "shortDescription": TEXT,
                "fullDescription": TEXT,
                "help": TEXT,
                "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
                "properties": {
                    "type": "object",
                    "properties": {
                        "tags": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                        "security-severity": {"type": "string", "pattern": r"^\d+\.\d+$"},
                    },
                },
            },
            "additionalProperties": False,
        },
        "result": {
            "type": "object",
            "required": ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
            "properties": {
                "ruleId": {"type": "string"},
                "ruleIndex": {"type": "integer", "minimum": 0},
                "level": LEVEL,
                "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
                "message": TEXT,
                "locations": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["physicalLocation"],
                        "properties": {
                            "physicalLocation": {
                                "type": "object",
                                "required": ["artifactLocation", "region"],
                                "properties": {
                                    "artifactLocation": {
                                        "type": "object",
                                        "required": ["uri"],
                                        "properties": {"uri": {"type": "string", "format": "uri-reference"}},
                                    },
                                    "region": {
                                        "type": "object",
                                        "properties": {"startLine": {"type": "integer", "minimum": 1}},
                                    },
                                },
                            },
                            "logicalLocations": {"type": "array", "items": {"type": "object"}},
                        },
                        "additionalProperties": False,
                    },
                },
                "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
                "suppressions": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["kind"],
                        "properties": {
                            "kind": {"enum": ["inSource", "external"]},
                            "status": {"enum": ["accepted", "underReview", "rejected"]},
                            "justification": {"type": "string"},
                        },
                        "additionalProperties": False,
                    },
                },
                "properties": {"type": "object"},
            },
            "additionalProperties": False,
        },
    },
}


def written(*findings: RuleFinding, **fields: Any) -> Any:
    """The run in the SARIF of a report with these findings, which is valid."""
    rules = Rules(
        **{"profile": "prod", "passed": 3, "findings": findings, "gaps": (), "file": "stacks/a.yaml"} | fields
    )
    made: Report = report().model_copy(update={"rules": rules})
    text = to_sarif(made)
    assert text.isascii()
    log = json.loads(text)
    jsonschema.validate(log, SCHEMA)
    (run,) = log["runs"]
    return run


def test_a_violation_is_a_result_at_the_line_of_its_component() -> None:
    run = written(FOUND)
    (result,), (rule,) = run["results"], run["tool"]["driver"]["rules"]
    assert (result["ruleId"], result["level"], rule["id"]) == ("ML-S3-01", "error", "ML-S3-01")
    assert result["message"]["text"] == f"{FOUND.text} {FOUND.remedy}"
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("stacks/a.yaml", 9)
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == FOUND.urn
    assert rule["properties"]["frameworks"] == ["fsbp:S3.1", "nist:AC-3"]
    assert float(rule["properties"]["security-severity"]) >= 9
    assert FOUND.reason in rule["help"]["markdown"] and FOUND.remedy in rule["help"]["markdown"]


def test_a_waived_violation_is_suppressed_with_its_justification() -> None:
    advisory = FOUND.model_copy(update={"mandatory": False, "waived": "public on purpose (ml, until 2027-01-31)"})
    (result,) = written(advisory)["results"]
    assert result["level"] == "warning"
    assert result["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "public on purpose (ml, until 2027-01-31)"}
    ]
    assert written(FOUND)["results"][0]["suppressions"] == []


def test_fingerprints_survive_other_words_and_other_findings_but_tell_resources_apart() -> None:
    def prints(*findings: RuleFinding) -> list[Any]:
        return [each["partialFingerprints"] for each in written(*findings)["results"]]

    other = FOUND.model_copy(update={"urn": FOUND.urn + "2"})
    reworded = FOUND.model_copy(update={"text": "models-bucket is public.", "line": 40})
    assert prints(other, reworded)[1] == prints(FOUND)[0]
    twice = prints(FOUND, FOUND, other)
    assert len({str(each) for each in twice}) == 3


def test_rules_that_were_not_evaluated_are_notifications() -> None:
    gap = RuleGap(rule="ML-KMS-02", title="A key policy.", mandatory=True, names=["key"], why="policy is secret")
    run = written(gaps=[gap], packs=["acme"])
    assert run["results"] == []
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert notes[0]["message"]["text"] == "ML-KMS-02 is not evaluated for key: policy is secret."
    assert notes[0]["associatedRule"] == {"id": "ML-KMS-02", "index": 0}
    assert notes[1]["message"]["text"] == "The rules in acme are not evaluated."


def test_an_expired_waiver_is_a_result() -> None:
    run = written(waivers=["Waiver of ML-S3-07 for a: it has expired.", "Another: unused."], expired=1, line=4)
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == (EXPIRED, "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 4


def test_without_the_stack_file_a_result_still_has_a_location() -> None:
    (result,) = written(FOUND.model_copy(update={"line": None}), file="")["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def test_a_program_without_rules_has_no_results() -> None:
    log = json.loads(to_sarif(report()))
    jsonschema.validate(log, SCHEMA)
    assert log["runs"][0]["results"] == []
