"""`mlpctl recover`: repair a stack's state after an interrupted update."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mlpctl import project, statefile, urns
from mlpctl.recover import plan
from mlpctl.recover.plan import Action, Choices, Pending, Verdict
from mlpctl.recover.search import Search, environment
from mlpctl.stack import Stack, StackError
from mlplatform.component import STACK_TAG

MOST_LISTED: Final = 10
"""Maximum number of listed resources."""


def recover(
    stack: Stack,
    console: Console,
    choices: Choices | None = None,
    *,
    patience_s: float,
    dry_run: bool = False,
) -> bool:
    """Add what an interrupted update created to the stack's state. Returns whether the state is complete.

    If a decision of the user is needed, nothing is changed, because `pulumi stack import` removes all pending
    operations at once.

    Args:
        stack: The stack.
        console: The output.
        choices: The user's decisions.
        patience_s: How long to retry lookups that find nothing, in seconds.
        dry_run: Show the actions without executing them.

    Raises:
        StackError: Another update is running, a choice matches no operation, or a `pulumi` command failed.
    """
    choices = choices or Choices()
    for removed in stack.ensure_unlocked():
        console.print(removed, highlight=False)
    reject_lost_state(stack)
    exported = stack.export()
    before = exported.get("deployment") or {}
    pending = plan.pending(before)
    if unknown := choices.unknown(pending):
        raise StackError(f"No pending operation, or more than one, is named {', '.join(unknown)}. Use its URN.")
    if not pending:
        console.print(f"Stack {stack.name} has no pending operations; there is nothing to recover.", highlight=False)
        _print_unknown_resources(stack, before, console)
        return True

    with environment(stack.env), console.status("Looking up the resources"):
        actions = _actions(before, pending, choices, patience_s)
    if any(action.verdict is Verdict.ASK for action in actions) or dry_run:
        console.print(_table(actions, _TO_DO))
        return _print_choices(stack, actions, console)
    with console.status("Importing the resources"):
        after = _carry_out(stack, {**exported, "deployment": plan.recovered(before, actions)}, actions)
    console.print(_table([_outcome(action, after) for action in actions], _DONE))
    return True


def restore(stack: Stack, console: Console) -> None:
    """Replace a lost or broken state by the newest valid backup. A broken state is retained next to it.

    Raises:
        StackError: Another update is running, the state is valid, or no backup is accessible.
    """
    for removed in stack.ensure_unlocked():
        console.print(removed, highlight=False)
    state, backups = statefile.find(*stack.place), statefile.backups(*stack.place)
    if state is None:
        raise StackError(
            f"mlpctl can read backups only in a file backend, but the backend is {stack.place[0]}. Import an older "
            "state; in a versioned bucket, this is an older version of the object: "
            f"pulumi stack import --stack {stack.name} --file STATE"
        )
    if not state.problems:
        raise StackError(f"The state of stack {stack.name} is valid: {state}. Nothing was restored.")
    if not backups:
        raise StackError(f"There is no valid backup of stack {stack.name} next to {state.path}.")
    broken = statefile.restore(state, backups[0])
    console.print(f"Restored {backups[0]}.", highlight=False, soft_wrap=True)
    if broken:
        console.print(f"The broken state is retained as {broken}.", highlight=False, soft_wrap=True)


def reject_lost_state(stack: Stack) -> None:
    """Reject an update of a stack without a state if AWS has resources of the stack: the state was lost.

    Raises:
        StackError: The state is broken, or the backend has none and AWS has resources with the stack's tag.
    """
    stack.ensure_whole()
    state = statefile.find(*stack.place)
    if state is None or state.path.exists():
        return
    with environment(stack.env):
        found = Search({}).tagged(stack.tag, project.region(stack.root, stack.name))
    if found:
        raise StackError(
            "\n".join(
                [
                    f"The backend has no state of stack {stack.name}, but AWS has resources with its tag "
                    f"{STACK_TAG}={stack.tag}. An update would create them a second time:",
                    *_listed(found),
                    f"Restore the state ({state.path}), or delete these resources first.",
                ]
            )
        )


def _print_unknown_resources(stack: Stack, deployment: plan.Deployment, console: Console) -> None:
    """If the state has no resources, print the resources in AWS that have the stack's tag."""
    if any(each.get("custom") for each in deployment.get("resources") or ()):
        return
    with environment(stack.env), console.status("Looking up resources with the stack's tag"):
        found = Search(deployment).tagged(stack.tag, project.region(stack.root, stack.name))
    if not found:
        return
    lines = [
        f"The state has no resources, but AWS has resources with the tag {STACK_TAG}={stack.tag}:",
        *_listed(found),
        "If the stack was destroyed, they were retained on purpose. If its state was lost, import a state with them.",
    ]
    console.print("\n".join(lines), highlight=False, soft_wrap=True)


def _listed(arns: Sequence[str]) -> list[str]:
    more = [f"  and {len(arns) - MOST_LISTED} more"] if len(arns) > MOST_LISTED else []
    return [*(f"  {arn}" for arn in arns[:MOST_LISTED]), *more]


def _actions(
    deployment: plan.Deployment, pending: Sequence[Pending], choices: Choices, patience_s: float
) -> list[Action]:
    search = Search(deployment)
    findings = search.find([each for each in pending if plan.needs_lookup(each)], patience_s)
    actions = [
        plan.decide(each, findings.get(each.urn), plan.taken(deployment, each.type), choices) for each in pending
    ]
    return [search.wait_until_ready(action) for action in actions]


def _carry_out(stack: Stack, state: Mapping[str, Any], actions: Sequence[Action]) -> plan.Deployment:
    """Import the state, and refresh what is new in it. Returns the resulting state."""
    stack.pulumi("stack", "import", "--stack", stack.name, given=json.dumps(state))
    targets = plan.refreshed(actions)
    if targets:
        options = [part for urn in targets for part in ("--target", urn)]
        stack.pulumi("refresh", "--yes", "--skip-preview", "--stack", stack.name, *options)
    return stack.deployment()


def _outcome(action: Action, after: plan.Deployment) -> Action:
    """The action as executed: the refresh may have found that the resource does not exist."""
    there = any(each["urn"] == action.pending.urn and each.get("id") == action.id for each in after["resources"])
    if action.verdict is Verdict.IMPORT and not there:
        return replace(action, verdict=Verdict.DROP, reason="was not created", id="")
    return replace(action, reason=plan.FOUND) if action.reason == plan.IF_THERE else action


_TO_DO: Mapping[Verdict, str] = {
    Verdict.IMPORT: "import",
    Verdict.DROP: "drop",
    Verdict.REFRESH: "refresh",
    Verdict.ASK: "choose",
}
_DONE: Mapping[Verdict, str] = {
    Verdict.IMPORT: "imported",
    Verdict.DROP: "dropped",
    Verdict.REFRESH: "refreshed",
}


def _table(actions: Sequence[Action], words: Mapping[Verdict, str]) -> Table:
    table = Table.grid(*(Column(overflow="fold") for _ in range(4)), padding=(0, 2))
    for action in actions:
        kind = urns.class_of(action.pending.type)
        table.add_row(
            words[action.verdict], action.pending.name, kind, " ".join(filter(None, (action.reason, action.id)))
        )
    return table


def _print_choices(stack: Stack, actions: Sequence[Action], console: Console) -> bool:
    """Print the commands to choose from. Returns whether there are none."""
    asking = [action for action in actions if action.verdict is Verdict.ASK]
    for action in asking:
        console.print(Text(f"\n{action.pending.name}: {action.reason}. Choose:", style="bold"))
        for command, meaning in plan.commands(action, stack.recovery):
            console.print(Text(f"  {command}  # {meaning}"), soft_wrap=True)
    if asking:
        console.print("\nNothing was changed. One command can contain several choices.", highlight=False)
    return not asking
