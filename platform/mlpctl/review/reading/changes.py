"""Builds a plan, with secrets redacted, from the engine's steps."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mlpctl import urns
from mlpctl.keys import PLATFORM
from mlpctl.review.plan.model import OLD_COPY, PROVIDER, Change, Message, Op, Plan, PlanError, Violation
from mlpctl.review.reading import refreshes, resolve, retention, views
from mlpctl.review.reading.checked import EXPECTED
from mlpctl.review.reading.resolve import Resolved
from mlpctl.review.reading.steps import REFRESH, REPLACEMENT_STEPS, Raw, State, Step, sides
from mlpctl.review.redact import Redactor
from mlpctl.review.relations.containers import emptied
from mlpctl.review.types import terraform
from mlpctl.review.values.plain import Value

MAX_LACKING: Final = 5
"""Maximum number of resources for which the report says what the plan lacks."""

_COUNTED: Final = ("create", "update", "delete", "replace", "import")
"""Operations that the engine counts in its summary and always lists."""


def plan(raw: Raw, redactor: Redactor) -> Plan:
    """Build the plan."""
    names = _Urns(redactor)
    steps = [views.named(each) for each in refreshes.marked(raw)]
    groups: dict[str, list[Step]] = {}
    for step in steps:
        groups.setdefault(step.urn, []).append(step)
    makers = _makers(raw, groups)
    changes: list[Change] = []
    notes: list[Message] = []
    lacking: list[str] = []
    outcomes = {urn: [*retention.left(urns.kind(urn), resolve.resolve(found))] for urn, found in groups.items()}
    staying = _staying(outcomes)
    for urn, found in groups.items():
        for resolved in _left(outcomes[urn], staying):
            change = _change(found, resolved, makers.get(urn, ""), redactor, names)
            changes.append(change)
            notes += [Message("info", redactor.text(note), change.urn) for note in resolved.notes]
        name = urns.name(names.clean(urn))
        lacking += [
            f"The operation {redactor.text(each.op)!r} of {name} is unknown."
            for each in found
            if each.op not in resolve.KNOWN
        ]
        if missing := resolve.missing(found):
            lacking.append(f"The plan does not contain {missing} of {name}.")
    _check_parents({each.urn: each.parent for each in changes})
    messages = [Message(each.severity, redactor.text(each.text), names.clean(each.urn)) for each in raw.messages]
    failed = [each.text.splitlines()[0] for each in messages if each.severity == "error"][:1]
    first = raw.steps[0].urn if raw.steps else ""
    changes, taken = emptied(_with_providers(changes))
    notes += taken
    refresh_only = refreshes.is_refresh(raw)
    # The engine counts a resource that only a refresh changes as unchanged, except in `pulumi refresh`.
    stays = {Op.SAME} if refresh_only else {Op.SAME, Op.REFRESH}
    return Plan(
        changes=tuple(changes),
        project=urns.project(first) if first else "",
        stack=urns.stack(first) if first else "",
        config=_config(raw.config, redactor),
        messages=tuple(messages),
        incomplete=" ".join(
            [*raw.incomplete, *_some(lacking), *_miscounted(raw), *(f"The preview failed: {text}" for text in failed)]
        ),
        unlisted=max(0, raw.counted.get("same", 0) - sum(each.op in stays for each in changes)),
        notes=tuple(notes),
        refresh_only=refresh_only,
        streamed=raw.streamed,
        has_events=raw.has_events,
        hides_refreshes=refreshes.hides(raw, steps),
        shows_replacements=raw.streamed or any(each.op in REPLACEMENT_STEPS for each in raw.steps),
        violations=tuple(_violation(each, redactor, names) for each in raw.violations),
        outputs=_outputs(raw, redactor),
    )


def _some(sentences: Sequence[str]) -> list[str]:
    """The first sentences, and the number of the others."""
    more = len(sentences) - MAX_LACKING
    return [*sentences[:MAX_LACKING], *([f"The same applies to {more:,} more."] if more > 0 else [])]


def _staying(outcomes: Mapping[str, Sequence[Resolved]]) -> frozenset[str]:
    """URNs of the resources that leave the state and stay in the cloud."""
    return frozenset(urn for urn, found in outcomes.items() if any(each.op is Op.FORGET for each in found))


def _left(found: Iterable[Resolved], staying: Collection[str]) -> Iterator[Resolved]:
    """Retain a resource that is only deleted together with another one (`deletedWith`) if that one is retained."""
    for each in found:
        if each.op is Op.DELETE and each.old and each.old.deleted_with in staying:
            yield replace(each, op=Op.FORGET, retained=True)
        else:
            yield each


def _miscounted(raw: Raw) -> Iterator[str]:
    """Sentences about operations that the engine counts more often than the plan lists them."""
    listed = Counter(each.op for each in raw.steps)
    listed += Counter(each.result for each in raw.steps if each.result and raw.streamed)
    # The engine counts the results of a refresh only in `pulumi refresh`, which also lists each result.
    only_refresh = refreshes.is_refresh(raw)
    refreshed = 0 if raw.streamed or only_refresh else listed[REFRESH]
    for op in _COUNTED:
        counted = raw.counted.get(op, 0)
        if counted > listed[op] + (refreshed if op in ("update", "delete") else 0):
            yield f"The engine counts {counted:,} to {op}, but the plan lists {listed[op]:,}."
            if only_refresh and not raw.streamed:
                yield f"{refreshes.LEFT_OUT}."


def _makers(raw: Raw, groups: Mapping[str, Sequence[Step]]) -> dict[str, str]:
    """URNs of the resources that created other resources, such as Terraform modules, by URN of the created one."""
    return {urn: maker for urn, steps in groups.items() if (maker := _maker(urn, steps, groups, raw.streamed))}


def _maker(urn: str, steps: Sequence[Step], groups: Mapping[str, Sequence[Step]], streamed: bool) -> str:
    """URN of the resource that created another; empty if a provider or the program created it.

    The digest contains it (`viewOf`). An event does not: there it is a resource without a provider, but whose parent
    has one.
    """
    states = [*sides(steps)]
    if creator := next((each.view_of for each in states if each.view_of), ""):
        return creator
    kind, parent = urns.kind(urn), next((each.parent for each in states if each.parent), "")
    if any(each.custom for each in states) or kind == urns.STACK_TYPE or not parent:
        return ""
    if terraform.is_resource(kind):
        return parent
    below_custom = any(each.custom for each in sides(groups.get(parent, ())))
    return parent if streamed and below_custom and not urns.kind(parent).startswith(urns.PROVIDER_TYPE) else ""


def _change(steps: Sequence[Step], resolved: Resolved, view_of: str, redactor: Redactor, names: "_Urns") -> Change:
    """The change of a resource, with secrets redacted."""
    op, old, new = resolved.op, resolved.old, resolved.new
    nothing = State()
    was, will = old or nothing, new or nothing
    state, latest = old or new or nothing, new or old or nothing
    hidden: Collection[str] = was.secret | will.secret
    kind = urns.kind(steps[0].urn)

    def inputs(side: State | None, other: State | None) -> Mapping[str, Value] | None:
        if side is None:
            return None
        return redactor.inputs(side.inputs, kind=kind, hidden=hidden, twin=other.inputs if other else None)

    detailed = {name: each for step in resolved.steps for name, each in step.detailed.items()}
    forced = dict.fromkeys(key for step in resolved.steps for key in step.keys)
    forced = forced or dict.fromkeys(name for name, each in detailed.items() if each.endswith("-replace"))
    reported = dict.fromkeys(detailed) or dict.fromkeys(name for step in resolved.steps for name in step.diffs)
    provider = next((each.provider for each in resolved.steps if each.provider), "") or state.provider
    urn = names.clean(steps[0].urn)
    return Change(
        urn=names.copy_of(urn, redactor.text(state.id)) if resolved.is_old_copy else urn,
        op=op,
        old=inputs(old, new),
        new=inputs(new, old),
        parent=names.clean(latest.parent),
        id=redactor.text(state.id),
        called=redactor.text(state.name),
        custom=resolve.is_custom(steps, view_of),
        view_of=names.clean(view_of),
        old_copy=resolved.is_old_copy,
        # The engine deletes old copies even if they are protected (`DeleteStep.Apply`), and replaces a resource whose
        # protection the program removes in the same update (`generateSteps`).
        protected=state.protect and not resolved.is_old_copy and (op is not Op.REPLACE or will.protect),
        retained=resolved.retained or state.retain,
        unprotected=bool(new and was.protect and not will.protect),
        unretained=bool(new and was.retain and not will.retain),
        pending=was.pending,
        tainted=was.taint,
        triggered=bool(old and new and old.trigger != new.trigger),
        replaces_on=tuple(map(redactor.text, will.replaces_on)),
        replaced_with=tuple(map(names.clean, will.replaced_with)),
        deleted_with=names.clean(was.deleted_with),
        deletes_first=op is Op.REPLACE and resolved.deletes_first,
        forced_by=tuple(map(redactor.text, forced)) if op is Op.REPLACE else (),
        reported=tuple(map(redactor.text, reported)),
        depends={redactor.text(name): tuple(map(names.clean, each)) for name, each in latest.depends.items() if each},
        after=tuple(map(names.clean, latest.after)),
        provider=names.clean(urns.of_provider(provider)),
        old_provider=names.clean(urns.of_provider(was.provider)),
    )


def _with_providers(changes: Sequence[Change]) -> list[Change]:
    """Mark replacements that are caused by a provider that is, or may be, replaced."""
    by_urn = {each.urn: each for each in changes}

    def marked(change: Change) -> Change:
        provider = by_urn.get(change.provider)
        if change.op is not Op.REPLACE or provider is None or provider.op is not Op.REPLACE:
            return change
        # A resource without its own reason is replaced because of its provider, or because it is tainted.
        forced = change.forced_by or (() if change.tainted else (PROVIDER,))
        if PROVIDER not in forced:
            return change
        doubts = provider.forced_by if provider.forced_by_unknown else ()
        return replace(change, forced_by=forced, doubtful_provider=doubts)

    return [marked(each) for each in changes]


def _violation(found: Violation, redactor: Redactor, names: "_Urns") -> Violation:
    return replace(
        found,
        policy=redactor.text(found.policy),
        pack=redactor.text(found.pack),
        text=redactor.text(found.text),
        urn=names.clean(found.urn),
    )


def _outputs(raw: Raw, redactor: Redactor) -> tuple[Mapping[str, Value], Mapping[str, Value]] | None:
    # A program that failed has not exported all stack outputs.
    if raw.outputs is None or any(each.severity == "error" for each in raw.messages):
        return None
    old, new = raw.outputs
    return redactor.inputs(old, twin=new), redactor.inputs(new, twin=old)


def _check_parents(parents: Mapping[str, str]) -> None:
    """Reject a cycle of parents."""
    valid: set[str] = set()
    for urn in parents:
        way: dict[str, None] = {}
        while urn in parents and urn not in valid:
            if urn in way:
                raise PlanError(f"{urn[:200]!r} is its own ancestor; {EXPECTED}.")
            way[urn] = None
            urn = parents[urn]
        valid.update(way)


def _config(config: Mapping[str, Any], redactor: Redactor) -> Mapping[str, Value]:
    """A stack's config without secrets; numbers below `cost` are kept even if a component is named `db-password`."""
    platform = config.get(PLATFORM)
    try:
        parsed = json.loads(platform) if isinstance(platform, str) else platform
    except (ValueError, RecursionError):
        parsed = None
    if not (isinstance(parsed, Mapping) and isinstance(parsed.get("cost"), Mapping)):
        return redactor.inputs(config)
    rest = redactor.inputs({**config, PLATFORM: {key: each for key, each in parsed.items() if key != "cost"}})
    shown = rest[PLATFORM]
    cost = _figures(parsed["cost"], redactor)
    return {**rest, PLATFORM: {**(shown if isinstance(shown, dict) else {}), "cost": cost}}


def _figures(value: Any, redactor: Redactor) -> Value:
    if isinstance(value, Mapping):
        return {redactor.text(str(key)): _figures(each, redactor) for key, each in value.items()}
    return value if isinstance(value, (int, float)) else redactor.value(value)


class _Urns:
    """URNs without secrets; different URNs remain different."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._clean: dict[str, str] = {"": ""}
        self._taken: set[str] = set()

    def clean(self, urn: str) -> str:
        """The URN with the secrets in its name redacted."""
        if urn not in self._clean:
            self._clean[urn] = self._free(urns.renamed(urn, self._redactor.text(urns.name(urn))))
        return self._clean[urn]

    def copy_of(self, urn: str, id: str) -> str:
        """A URN for an old copy of a resource."""
        return self._free(f"{urn} {OLD_COPY[:-1]} {id})" if id else f"{urn} {OLD_COPY}")

    def _free(self, urn: str) -> str:
        free, number = urn, 2
        while free in self._taken:
            free, number = f"{urn} {number}", number + 1
        self._taken.add(free)
        return free
