"""Lists what a review cannot check because the plan does not contain it."""

from collections.abc import Iterator
from typing import Final

from mlpctl.review.dangers.unread import unread
from mlpctl.review.plan.model import Plan
from mlpctl.review.reading import refreshes
from mlpctl.review.report.model import Unchecked
from mlpctl.review.report.rules import Rules
from mlpctl.text import number

STREAM: Final = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json"

SANDBOX: Final = Unchecked(
    what="Quotas, capacity and permissions in AWS",
    why="the plan was created in a sandbox; its replacements follow the sandbox's own declarations of AWS types",
)

DIGEST: Final = Unchecked(
    what="Policy violations and changed stack outputs",
    why=f"the digest of pulumi preview --json does not contain them; {STREAM} does",
)

OLD_COPIES: Final = Unchecked(
    what="Deletion of old copies that interrupted replacements left behind",
    why="the plan has no replacement steps: there are none, or it was created without --show-replacement-steps",
)

REFRESHES: Final = Unchecked(
    what="Changes and deletions that the refresh found",
    why=f"{refreshes.LEFT_OUT[0].lower()}{refreshes.LEFT_OUT[1:]}; {STREAM} contains them",
)

DEPENDENCIES: Final = Unchecked(
    what="Which values come from which resources",
    why="the stream of events does not contain this; pulumi preview --json does",
)


def unchecked(plan: Plan, rules: Rules | None, *, sandbox: bool) -> Iterator[Unchecked]:
    """The information that the plan lacks."""
    if rules and rules.packs:
        yield Unchecked(
            what=f"Own rules in {' and '.join(rules.packs)}",
            why="code is loaded only for a stack of this project, and never because of a plan file; "
            "mlpctl review without --plan evaluates them",
        )
    if sandbox:
        yield SANDBOX
    yield from unread(plan)
    if plan.unlisted:
        yield Unchecked(
            what=f"Cost of {number(plan.unlisted, 'unchanged resource')}",
            why="the plan does not list them, so no total includes them; pulumi preview --json --show-sames does",
        )
    if plan.hides_refreshes:
        yield REFRESHES
    if not plan.refresh_only:
        if not plan.shows_replacements:
            yield OLD_COPIES
        if plan.streamed:
            yield DEPENDENCIES
        elif not plan.has_events:
            yield DIGEST
