"""Makes the evidence of an audit, and writes it as JSON and as a page."""

import functools
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jinja2

from mlpctl import pages, urns
from mlpctl.audit.evidence_model import (
    Coverage,
    Drift,
    Evidence,
    Result,
    RuleEvidence,
    ServedControl,
    StackFile,
    State,
    Stranger,
    TypeCount,
    Verdict,
    Waived,
)
from mlpctl.audit.report import Audit
from mlpctl.errors import InputError
from mlpctl.policies import evaluate
from mlpctl.policies.approvals import APPROVAL
from mlpctl.policies.evaluate import level_of
from mlpctl.policies.frameworks import BY_KEY, FRAMEWORKS, Framework
from mlpctl.policies.plan_estate import current_type
from mlpctl.policies.rule import Level, Rule
from mlpctl.policies.rules import rules
from mlpctl.review.plan.model import Op
from mlpctl.review.report.model import Origin
from mlpctl.review.types.kinds import kind
from mlpctl.review.writers.inert import is_address
from mlpctl.text import number

JSON: Final = "evidence.json"
PAGE: Final = "evidence.html"

_BY_REVIEWS: Final = "judges changes, which reviews do before each update"
_ORDER: Final = [*Verdict]
_PACKAGE: Final = "mlpctl.audit"
_LONGEST: Final = 2_000
"""Maximum number of characters of one text on the page; the JSON contains longer ones."""

WORDS: Final = {
    Verdict.ERROR: "rule failed",
    Verdict.FAIL: "violated",
    Verdict.NOT_EVALUATED: "not evaluated",
    Verdict.WAIVED: "waived",
    Verdict.PASS: "passed",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.OFF: "off",
}


class OutputError(InputError):
    """The evidence cannot be written; the message is for the user."""


def of(audit: Audit) -> Evidence:
    """The evidence of an audit."""
    report = audit.report
    found = [*_rules(audit)]
    counts = Counter(each.outcome for rule in found for each in rule.results)
    return Evidence(
        project=report.project,
        stack=report.stack,
        profile=audit.stack.profile,
        sandbox=report.sandbox,
        live=audit.live,
        origin=report.origin or Origin(commit="", run_url="", time="", version=""),
        state=State(sha256=_digest(audit.deployment), resources=_resources(audit.deployment)),
        stack_file=StackFile(path=audit.local.file, sha256=audit.local.sha256) if audit.local.file else None,
        verdict=report.verdict,
        passes=report.passes,
        incomplete=report.incomplete,
        counts={each: counts[each] for each in Verdict if counts[each]},
        rules=found,
        frameworks=[*_frameworks(found)],
        types_without_rules=[*_without_rules(audit, found)],
        waivers=report.rules.waivers if report.rules else (),
        drift=[*_drift(audit)],
        unmanaged=[Stranger(arn=each.arn, made_by=each.made_by) for each in audit.unmanaged],
        unchecked=report.unchecked,
    )


def to_html(evidence: Evidence) -> str:
    """Write evidence as a self-contained page without scripts."""
    style = pages.asset(_PACKAGE, "evidence.css")
    return _page().render(e=evidence, style=style, policy=pages.policy(style))


def check(folder: Path) -> None:
    """Check before a long audit that the evidence can be written.

    Raises:
        OutputError: the folder is a file, or is below one.
    """
    for each in (folder, *folder.parents):
        if each.exists() and not each.is_dir():
            raise OutputError(f"The evidence cannot be written to {folder}: {each} is a file.")


def write(evidence: Evidence, folder: Path) -> list[Path]:
    """Write evidence into a folder. Returns the files.

    Raises:
        OutputError: a file cannot be written.
    """
    written = {folder / JSON: evidence.to_json(), folder / PAGE: to_html(evidence)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"The evidence cannot be written to {folder}: {error.strerror or error}.") from None
    return [*written]


def _rules(audit: Audit) -> Iterator[RuleEvidence]:
    """Every rule, also those that are off or have no resources, in the order of their IDs."""
    by_rule: dict[str, list[evaluate.Result]] = {}
    for each in audit.evaluation.results:
        by_rule.setdefault(each.rule.id, []).append(each)
    own = {each.id for each in audit.local.rules}
    for rule in sorted((*rules(), APPROVAL, *audit.local.rules), key=lambda each: each.id):
        level = level_of(rule, audit.stack.policies, audit.stack.profile)
        yield _evidence(rule, level, [*map(_result, by_rule.get(rule.id, ()))], own=rule.id in own)


def _evidence(rule: Rule, level: Level, results: Sequence[Result], *, own: bool) -> RuleEvidence:
    if not results:
        off = level is Level.OFF
        text = "off in this profile" if off else _BY_REVIEWS
        outcome = Verdict.OFF if off else Verdict.NOT_APPLICABLE
        results = [Result(urn="", name="", words="", outcome=outcome, text=text)]
    counts = Counter(each.outcome for each in results)
    return RuleEvidence(
        rule=rule.id,
        title=rule.title,
        reason=rule.reason,
        remedy=rule.remedy,
        severity=rule.severity.value,
        level=level.value,
        own=own,
        serves=rule.serves,
        types=sorted(rule.types),
        outcome=_worst(each.outcome for each in results),
        counts={each: counts[each] for each in Verdict if counts[each]},
        results=sorted(results, key=lambda each: (_ORDER.index(each.outcome), each.name)),
    )


def _result(found: evaluate.Result) -> Result:
    waiver = found.waiver
    text = found.text or ("no such resource" if found.outcome is evaluate.Outcome.NOT_APPLICABLE else "")
    return Result(
        urn=found.urn,
        name=urns.name(found.urn) if found.urn else "",
        words=kind(urns.kind(found.urn)).words if found.urn else "",
        outcome=Verdict(found.outcome.value),
        text=text,
        waiver=Waived(reason=waiver.reason, owner=waiver.owner, expires=str(waiver.expires)) if waiver else None,
    )


def _worst(outcomes: Iterable[Verdict]) -> Verdict:
    return min(outcomes, key=_ORDER.index)


def _frameworks(found: Sequence[RuleEvidence]) -> Iterator[Coverage]:
    """The controls that rules serve, by framework; own rules may serve other frameworks."""
    served: dict[str, dict[str, list[RuleEvidence]]] = {each.key: {} for each in FRAMEWORKS}
    for rule in found:
        for control in rule.serves:
            key, _, id = control.partition(":")
            served.setdefault(key, {}).setdefault(id or key, []).append(rule)
    for key, controls in served.items():
        framework = BY_KEY.get(key) or Framework(key, key, "", "")
        yield Coverage(
            key=key,
            name=framework.name,
            version=framework.version,
            url=framework.url,
            controls=[
                ServedControl(id=id, rules=[each.rule for each in by], outcome=_worst(each.outcome for each in by))
                for id, by in sorted(controls.items(), key=lambda each: _natural(each[0]))
            ],
        )


def _natural(id: str) -> list[tuple[bool, int, str]]:
    """Sort key in which `S3.10` comes after `S3.9`."""
    parts: list[str] = [""]
    for char in id:
        if parts[-1] and parts[-1][-1].isdigit() != char.isdigit():
            parts.append("")
        parts[-1] += char
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def _without_rules(audit: Audit, found: Sequence[RuleEvidence]) -> Iterator[TypeCount]:
    judged = {type for rule in found if rule.outcome is not Verdict.OFF for type in rule.types}
    types = Counter(
        current_type(each.type)
        for each in audit.plan
        if each.custom and not each.is_provider and each.op is not Op.GONE
    )
    for type, count in sorted(types.items()):
        if type not in judged:
            yield TypeCount(type=type, words=kind(type).words, resources=count)


def _drift(audit: Audit) -> Iterator[Drift]:
    for group in audit.report.groups:
        for row in group.rows:
            yield Drift(
                urn=row.urn, name=row.name, words=row.words, gone=row.op is Op.GONE, differences=row.differences
            )


def _digest(deployment: Mapping[str, Any]) -> str:
    text = json.dumps(deployment, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _resources(deployment: Mapping[str, Any]) -> int:
    return sum(bool(each.get("custom")) for each in deployment.get("resources") or ())


@functools.cache
def _page() -> jinja2.Template:
    environment = pages.environment(_PACKAGE, _LONGEST)
    environment.globals |= {"WORDS": WORDS, "Verdict": Verdict, "number": number, "is_address": is_address}
    return environment.get_template("evidence.html.j2")
