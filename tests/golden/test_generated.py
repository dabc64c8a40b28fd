import json
from collections.abc import Callable
from pathlib import Path

import catalogue
from mlpctl.audit.account_model import AccountReport
from mlpctl.audit.evidence_model import Evidence
from mlpctl.config import Platform, profiles
from mlpctl.config.schema import schema
from mlpctl.doctor import finding as doctor
from mlpctl.reference import pages
from mlpctl.review.report.model import Report

Golden = Callable[[Path, str], None]


def test_the_schema_for_editors_is_current(golden: Golden, root: Path) -> None:
    golden(root / "stacks" / "schema.json", json.dumps(schema(Platform, profiles.PROFILES), indent=2) + "\n")


def test_the_reference_pages_are_current(golden: Golden, root: Path) -> None:
    for name, text in pages().items():
        golden(root / "docs" / name, text)


def test_the_schema_of_reviews_is_current(golden: Golden, root: Path) -> None:
    golden(root / "docs" / "review-report.schema.json", json.dumps(Report.json_schema(), indent=2) + "\n")


def test_the_schema_of_evidence_is_current(golden: Golden, root: Path) -> None:
    golden(root / "docs" / "evidence.schema.json", json.dumps(Evidence.json_schema(), indent=2) + "\n")


def test_the_schema_of_audits_of_accounts_is_current(golden: Golden, root: Path) -> None:
    golden(root / "docs" / "account-audit.schema.json", json.dumps(AccountReport.json_schema(), indent=2) + "\n")


def test_the_schema_of_doctors_reports_is_current(golden: Golden, root: Path) -> None:
    golden(root / "docs" / "doctor-report.schema.json", json.dumps(doctor.Report.json_schema(), indent=2) + "\n")


def test_the_schema_for_other_languages_is_current(golden: Golden, root: Path) -> None:
    golden(root / "tests" / "golden" / "package-schema.json", json.dumps(catalogue.schema(), indent=2) + "\n")
