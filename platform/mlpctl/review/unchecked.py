"""What a review cannot check, since the plan does not say it."""

from collections.abc import Iterator
from typing import Final

from mlpctl.review import refreshes, wording
from mlpctl.review.plan import Plan
from mlpctl.review.report import Unchecked

STREAM: Final = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json"

SANDBOX: Final = Unchecked(
    what="Quotas, capacity and permissions in AWS",
    why="a sandbox made the plan; what a change replaces is as its own descriptions of AWS's types say",
)

DIGEST: Final = Unchecked(
    what="Violations of policies, and changed outputs of the stack",
    why=f"the digest of pulumi preview --json leaves them out; {STREAM} has them",
)

OLD_COPIES: Final = Unchecked(
    what="Old copies that interrupted replacements left behind, and their deletion",
    why="the plan lists no steps of replacements: there are none, or it was made without --show-replacement-steps",
)

REFRESHES: Final = Unchecked(
    what="What the refresh found changed or gone",
    why=f"{refreshes.LEFT_OUT[0].lower()}{refreshes.LEFT_OUT[1:]}; {STREAM} does",
)

DEPENDENCIES: Final = Unchecked(
    what="Which values come from which resources",
    why="the stream of events does not say; pulumi preview --json does",
)


def unchecked(plan: Plan, *, sandbox: bool) -> Iterator[Unchecked]:
    """What the plan does not say; of an empty one nothing is missed."""
    if sandbox:
        yield SANDBOX
    if plan.unlisted:
        yield Unchecked(
            what=f"What {wording.number(plan.unlisted, 'unchanged resource')} cost",
            why="the plan does not list them, so no sum counts them; pulumi preview --json --show-sames does",
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
