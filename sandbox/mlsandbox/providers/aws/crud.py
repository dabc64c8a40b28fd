"""Execute declarations: create, read, update and delete through the AWS API."""

from collections.abc import Collection, Mapping
from typing import Any

import jmespath
from botocore.model import ListShape

from mlsandbox.providers.aws.api import Api, ApiError
from mlsandbox.providers.aws.declaration import Declaration
from mlsandbox.providers.aws.steps import Create, Delete, Describe, Tags, Update
from mlsandbox.providers.protocol import Properties, ProviderError


def create(declaration: Declaration, api: Api, inputs: Properties) -> str:
    """Send the request that creates the resource, and return its ID. `finish` does the rest."""
    step = declaration.create
    if not isinstance(step, Create):
        return step(api, inputs)
    made = declaration.request(step.operation, inputs)
    tags = declaration.tag_parameters(step.operation, inputs.get("tagsAll") or {}) if declaration.tags else {}
    empty = declaration.emptied(step.operation, step.empty, inputs)
    answer = api.call(step.operation, **{**made.parameters, **empty}, **step.more(inputs), **tags, **step.fixed)
    if step.id == ():
        return api.account
    if isinstance(step.id, tuple):
        return declaration.separator.join(str(inputs[name]) for name in step.id)
    id = jmespath.search(step.id, answer)
    if not id:
        raise ProviderError(f"{api.name}: the response of {step.operation} does not contain {step.id}")
    return str(id)


def finish(declaration: Declaration, api: Api, id: str, inputs: Properties) -> None:
    """Complete a new resource: wait for it and set the inputs that the create operation does not accept."""
    settle(declaration, api, id)
    step = declaration.create
    taken = declaration.request(step.operation, {}).mapped if isinstance(step, Create) else set()
    left = {name for update in declaration.updates for name in update.properties if name not in taken}
    given = {name for name in left if inputs.get(name) is not None}
    live = (read(declaration, api, id) or {}) if given else {}
    inside = declaration.schema.inputs
    todo = {
        name
        for name in given
        if not declaration.meaning.same(inputs[name], live.get(name), inside.type_of(name), (name,))
    }
    for update in declaration.updates:
        if todo & set(update.properties):
            run(declaration, api, id, update, {}, inputs)
            settle(declaration, api, id)
    if declaration.tags and inputs.get("tagsAll"):
        at_once = isinstance(step, Create) and declaration.tag_parameters(step.operation, {"a": "b"})
        if not at_once:
            write_tags(declaration, declaration.tags, api, id, {}, inputs["tagsAll"])


def change(declaration: Declaration, api: Api, id: str, olds: Properties, news: Properties, names: set[str]) -> None:
    """Execute the updates for the changed top-level properties `names`."""
    for update in declaration.updates:
        if names & set(update.properties):
            run(declaration, api, id, update, olds, news)
            settle(declaration, api, id)
    if declaration.tags and "tagsAll" in names:
        write_tags(declaration, declaration.tags, api, id, olds.get("tagsAll") or {}, news.get("tagsAll") or {})


def run(declaration: Declaration, api: Api, id: str, update: Update, olds: Properties, news: Properties) -> None:
    """Execute one update."""
    if callable(update.by):
        update.by(api, id, olds, news)
        return
    if update.unset and not any(news.get(name) for name in update.properties):
        if any(olds.get(name) for name in update.properties):
            api.call(update.unset, **declaration.keyed(update.unset, id))
        return
    sent = update.sent(olds, news)
    parameters = declaration.request(update.by, news, only=sent).parameters
    empty = {name: value for name, value in update.empty.items() if name in sent}
    parameters |= declaration.emptied(update.by, empty, news)
    parameters |= {member: news[name] for name, member in update.also.items() if news.get(name) is not None}
    answer = api.call(update.by, **{**parameters, **declaration.keyed(update.by, id), **update.fixed})
    if update.then:
        update.then(api, id, answer)


def read(declaration: Declaration, api: Api, id: str) -> Properties | None:
    """The live properties; None if the resource is gone. `tagsAll` contains all of AWS's tags."""
    step = declaration.read
    if isinstance(step, Describe):
        described = describe(declaration, step, api, id)
        if described is None or _state(declaration, described) in (declaration.state.gone if declaration.state else ()):
            return None
        live = {**declaration.named_by(id), **declaration.found(described)}
        if step.more:
            live |= step.more(api, id, described)
    else:
        try:
            found = step(api, id)
        except ApiError as error:
            if not error.gone:
                raise
            found = None
        if found is None:
            return None
        live = dict(found)
    if declaration.arn:
        live["arn"] = api.arn(declaration.arn.format(id=id), region="" if declaration.global_arn else None)
    if declaration.tags and declaration.tags.listed:
        live["tags"] = _listed_tags(declaration, declaration.tags, api, id, live)
    if "tagsAll" in declaration.schema.outputs.properties:
        live["tagsAll"] = {
            key: value for key, value in (live.pop("tags", None) or {}).items() if not key.startswith("aws:")
        }
    return live


def describe(declaration: Declaration, step: Describe, api: Api, id: str) -> dict[str, Any] | None:
    """The response of the resource's describe operation; None if the resource does not exist."""
    answer = api.find(step.operation, **declaration.keyed(step.operation, id, step.key))
    found = jmespath.search(step.result, answer) if answer is not None else None
    return dict(found) if found else None


def delete(declaration: Declaration, api: Api, id: str, outputs: Properties) -> None:
    """Delete the resource and wait until it is gone. If it is already gone, this is not an error."""
    step = declaration.delete
    try:
        if isinstance(step, Delete):
            if not jmespath.search(step.when, outputs):
                return
            extra = {member: outputs[name] for name, member in step.properties.items() if outputs.get(name) is not None}
            api.call(step.operation, **{**declaration.keyed(step.operation, id), **extra, **step.fixed})
        else:
            step(api, id, outputs)
    except ApiError as error:
        if not error.gone:
            raise
        return
    if declaration.waits_until_gone:
        api.wait("deletion", lambda: read(declaration, api, id) is None)


def settle(declaration: Declaration, api: Api, id: str) -> None:
    """Wait until the resource is ready. Raises `ProviderError` with AWS's reason if it failed."""
    state, step = declaration.state, declaration.read
    if state is None or not isinstance(step, Describe):
        return

    reason = ""

    def ready() -> bool:
        nonlocal reason
        described = describe(declaration, step, api, id)
        now = _state(declaration, described)
        text = jmespath.search(state.reason, described) if state.reason and described else None
        reason = f": {text}" if text else ""
        if now in state.failed or now in state.gone:
            raise ProviderError(f"{api.name}: is {now}{reason}")
        return now in state.ready

    api.wait(f"to become {' or '.join(state.ready)}", ready, lambda: reason)


def _state(declaration: Declaration, described: Mapping[str, Any] | None) -> str | None:
    if declaration.state is None or described is None:
        return None
    found = jmespath.search(declaration.state.path, described)
    return None if found is None else str(found)


def write_tags(
    declaration: Declaration, tags: Tags, api: Api, id: str, olds: Mapping[str, str], news: Mapping[str, str]
) -> None:
    """Set the resource's tags to `news`."""
    resource = _tagged(declaration, tags, api, id, None)
    gone = sorted(olds.keys() - news.keys())
    if gone:
        api.call(tags.untag, **_member(declaration, tags.untag, tags.key, resource), **_keys(declaration, tags, gone))
    fresh = {key: value for key, value in news.items() if olds.get(key) != value}
    if fresh:
        parameters = declaration.tag_parameters(tags.tag, fresh)
        api.call(tags.tag, **_member(declaration, tags.tag, tags.key, resource), **parameters)


def _listed_tags(declaration: Declaration, tags: Tags, api: Api, id: str, live: Properties) -> dict[str, str]:
    assert tags.listed
    resource = _tagged(declaration, tags, api, id, live)
    answer = api.call(tags.listed, **_member(declaration, tags.listed, tags.key, resource))
    found = declaration.found(answer).get("tags")
    return found if isinstance(found, dict) else {}


def _tagged(declaration: Declaration, tags: Tags, api: Api, id: str, live: Properties | None) -> str:
    if tags.by is None:
        return id
    known = live if live is not None else read(declaration, api, id)
    return str((known or {})[tags.by])


def _member(declaration: Declaration, operation: str, member: str, value: str) -> dict[str, Any]:
    shape = declaration.input_shape(operation).members[member]
    return {member: [value] if shape.type_name == "list" else value}


def _keys(declaration: Declaration, tags: Tags, keys: Collection[str]) -> dict[str, Any]:
    """The parameters of the untag operation for tag keys."""
    for member, shape in declaration.input_shape(tags.untag).members.items():
        if member == tags.key or not isinstance(shape, ListShape):
            continue
        if shape.member.type_name == "structure":
            return {member: [{"Key": key} for key in keys]}
        return {member: list(keys)}
    raise AssertionError(f"{tags.untag} has no parameter for tag keys")
