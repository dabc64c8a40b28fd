"""Generate the twin of a stack: a program that declares the same resources without components."""

import functools
import importlib
import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime import rpc

HEAD = '''\
import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes


def after(text, *resources):
    """A value that depends on the resources and is unknown until they exist."""
    return pulumi.Output.all(*[each.id for each in resources]).apply(lambda _: json.loads(text))


'''


def program(steps: Sequence[Mapping[str, Any]]) -> str:
    """The program, from the steps of a preview that creates everything (`pulumi preview --json`)."""
    made: dict[str, str] = {}
    lines = []
    for state in (step["newState"] for step in steps):
        if state["type"].startswith(("pulumi:pulumi:", "mlplatform:", "pulumi:providers:aws")):
            continue
        made[state["urn"]] = f"r{len(made)}"
        lines.append(f"{made[state['urn']]} = {_call(state, made)}")
    return HEAD + "\n".join(lines) + "\n"


def _call(state: Mapping[str, Any], made: Mapping[str, str]) -> str:
    sdk = _class(state["type"])
    names = _arguments(sdk)
    causes = state.get("propertyDependencies") or {}
    arguments = [repr(state["urn"].rsplit("::", 1)[-1])]
    for name, value in state.get("inputs", {}).items():
        if name.lower() in names and not (sdk.startswith("kubernetes.") and name in ("apiVersion", "kind")):
            known = [made[urn] for urn in causes.get(name) or () if urn in made]
            arguments.append(f"{names[name.lower()]}={_value(value, known)}")
    waits = [made[urn] for urn in state.get("dependencies") or () if urn in made]
    options = [f"depends_on=[{', '.join(waits)}]"]
    provider = state.get("provider", "").rsplit("::", 1)[0]
    if provider in made:
        options.append(f"provider={made[provider]}")
    return f"{sdk}({', '.join(arguments)}, opts=pulumi.ResourceOptions({', '.join(options)}))"


def _value(value: Any, causes: Sequence[str]) -> str:
    text = json.dumps(value)
    if rpc.UNKNOWN not in text:
        return repr(value)
    return f"after({text.replace(rpc.UNKNOWN, 'unknown')!r}, {', '.join(causes)})"


def _class(type: str) -> str:
    """The SDK's class, e.g. `aws.s3.Bucket` for `aws:s3/bucket:Bucket`."""
    package, module, name = type.split(":")
    if package == "pulumi":
        return f"{name}.Provider"
    if package == "kubernetes":
        group, version = module.split("/")
        return f"kubernetes.{group.split('.')[0]}.{version}.{name}"
    return f"{package}.{module.split('/')[0]}.{name}"


@functools.cache
def _arguments(path: str) -> Mapping[str, str]:
    """Python names of a class's arguments, by their Pulumi names in lower case."""
    package, *way = path.split(".")
    sdk: Any = importlib.import_module(f"pulumi_{package}")
    for name in way:
        sdk = getattr(sdk, name)
    return {name.replace("_", "").lower(): name for name in inspect.signature(sdk._internal_init).parameters}
