"""`mlpctl recover`: after a crash, the stack knows again what is there."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from mlpctl import project, statefile
from mlpctl.recover import plan
from mlpctl.recover.plan import Action, Choices, Pending, Verdict
from mlpctl.recover.search import Search
from mlpctl.stack import Stack, StackError
from mlplatform.component import STACK_TAG

MOST_LISTED: Final = 10
"""Resources that are listed at most."""


def recover(
    stack: Stack,
    console: Console,
    choices: Choices | None = None,
    *,
    patience_s: float,
    dry_run: bool = False,
) -> bool:
    """Have the stack know what the update that was killed has made; whether it does.

    Nothing is changed where something is left to choose: `pulumi stack import` forgets all pending operations at once.

    Args:
        stack: the stack.
        console: where it is told.
        choices: what the user decided.
        patience_s: how long what is not there is looked for again.
        dry_run: show what would be done, and do nothing.

    Raises:
        StackError: another update runs, a choice names nothing, or a `pulumi` command failed.
    """
    choices = choices or Choices()
    for removed in stack.ensure_unlocked():
        console.print(removed, highlight=False)
    refuse_lost(stack)
    exported = stack.export()
    before = exported.get("deployment") or {}
    pending = plan.pending(before)
    if unknown := choices.unknown(pending):
        raise StackError(f"No pending operation, or more than one, is named {', '.join(unknown)}. Give its URN.")
    if not pending:
        console.print(f"No operation of stack {stack.name} is pending; there is nothing to recover.", highlight=False)
        _tell_what_is_unknown(stack, before, console)
        return True

    with _environment(stack.env), console.status("Looking for what was made"):
        actions = _actions(before, pending, choices, patience_s)
    if any(action.verdict is Verdict.ASK for action in actions) or dry_run:
        console.print(_table(actions, _TO_DO))
        return _told_what_to_choose(stack, actions, console)
    with console.status("Taking it over"):
        after = _carry_out(stack, {**exported, "deployment": plan.recovered(before, actions)}, actions)
    console.print(_table([_as_it_went(action, after) for action in actions], _DONE))
    return True


def restore(stack: Stack, console: Console) -> None:
    """Put the newest whole backup in the place of a state that was lost or broken, which is kept beside it.

    Raises:
        StackError: another update runs, the state is whole, or no backup can be seen.
    """
    for removed in stack.ensure_unlocked():
        console.print(removed, highlight=False)
    state, kept = statefile.find(*stack.place), statefile.backups(*stack.place)
    if state is None:
        raise StackError(
            f"Only backups of a file backend can be seen, and the backend is {stack.place[0]}. Import an older state, "
            f"of a bucket with versions an older version: pulumi stack import --stack {stack.name} --file STATE"
        )
    if not state.problems:
        raise StackError(f"The state of stack {stack.name} is whole: {state}. Nothing was restored.")
    if not kept:
        raise StackError(f"There is no whole backup of stack {stack.name} beside {state.path}.")
    broken = statefile.restore(state, kept[0])
    console.print(f"Restored {kept[0]}.", highlight=False, soft_wrap=True)
    if broken:
        console.print(f"The broken state is kept as {broken}.", highlight=False, soft_wrap=True)


def refuse_lost(stack: Stack) -> None:
    """Refuse to begin a stack of which AWS has resources already: its state was lost.

    Raises:
        StackError: the state is broken, or the backend has none and AWS has resources that bear the stack's tag.
    """
    stack.ensure_whole()
    state = statefile.find(*stack.place)
    if state is None or state.path.exists():
        return
    with _environment(stack.env):
        found = Search({}).tagged(stack.tag, project.region(stack.root, stack.name))
    if found:
        raise StackError(
            "\n".join(
                [
                    f"The backend has no state of stack {stack.name}, but AWS has resources that bear its tag "
                    f"{STACK_TAG}={stack.tag}, which an update would make a second time:",
                    *_listed(found),
                    f"Put the state back ({state.path}), or delete these resources first.",
                ]
            )
        )


def _tell_what_is_unknown(stack: Stack, deployment: plan.Deployment, console: Console) -> None:
    """Tell which resources of AWS bear the tag of a stack whose state has none."""
    if any(each.get("custom") for each in deployment.get("resources") or ()):
        return
    with _environment(stack.env), console.status("Looking for resources that bear the stack's tag"):
        found = Search(deployment).tagged(stack.tag, project.region(stack.root, stack.name))
    if not found:
        return
    told = [
        f"The state has no resources, but in AWS these bear its tag {STACK_TAG}={stack.tag}:",
        *_listed(found),
        "If the stack was destroyed, they were kept on purpose. If its state was lost, import one that knows them.",
    ]
    console.print("\n".join(told), highlight=False, soft_wrap=True)


def _listed(arns: Sequence[str]) -> list[str]:
    more = [f"  and {len(arns) - MOST_LISTED} more"] if len(arns) > MOST_LISTED else []
    return [*(f"  {arn}" for arn in arns[:MOST_LISTED]), *more]


def _actions(
    deployment: plan.Deployment, pending: Sequence[Pending], choices: Choices, patience_s: float
) -> list[Action]:
    search = Search(deployment)
    findings = search.find([each for each in pending if plan.is_looked_for(each)], patience_s)
    actions = [
        plan.decide(each, findings.get(each.urn), plan.taken(deployment, each.type), choices) for each in pending
    ]
    return [search.wait_until_ready(action) for action in actions]


def _carry_out(stack: Stack, state: Mapping[str, Any], actions: Sequence[Action]) -> plan.Deployment:
    """Write the state, and have the providers read what is new in it; the state then."""
    stack.pulumi("stack", "import", "--stack", stack.name, given=json.dumps(state))
    targets = plan.refreshed(actions)
    if targets:
        options = [part for urn in targets for part in ("--target", urn)]
        stack.pulumi("refresh", "--yes", "--skip-preview", "--stack", stack.name, *options)
    return stack.deployment()


def _as_it_went(action: Action, after: plan.Deployment) -> Action:
    """The action, of which the refresh may have found that nothing is there."""
    there = any(each["urn"] == action.pending.urn and each.get("id") == action.id for each in after["resources"])
    if action.verdict is Verdict.IMPORT and not there:
        return replace(action, verdict=Verdict.DROP, reason="was not made", id="")
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
        kind = action.pending.type.rsplit(":", 1)[-1]
        table.add_row(
            words[action.verdict], action.pending.name, kind, " ".join(filter(None, (action.reason, action.id)))
        )
    return table


def _told_what_to_choose(stack: Stack, actions: Sequence[Action], console: Console) -> bool:
    """Print the commands to choose from; whether there are none."""
    asking = [action for action in actions if action.verdict is Verdict.ASK]
    for action in asking:
        console.print(Text(f"\n{action.pending.name}: {action.reason}. Choose:", style="bold"))
        for command, meaning in plan.commands(action, stack.recovery):
            console.print(Text(f"  {command}  # {meaning}"), soft_wrap=True)
    if asking:
        console.print("\nNothing was changed. Several choices go into one command.", highlight=False)
    return not asking


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    """Have boto3, and what signs in to the cluster, work where the stack's `pulumi` commands do."""
    before: Mapping[str, Any] = dict(os.environ)
    os.environ.clear()
    os.environ.update(env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
