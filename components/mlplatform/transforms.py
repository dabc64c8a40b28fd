"""Transforms of a program with mocks, run as the engine runs them: https://www.pulumi.com/docs/iac/concepts/options/transforms/."""

import asyncio
from typing import Any, Final

from pulumi.runtime._callbacks import _CallbackServicer
from pulumi.runtime.proto import resource_pb2

RESOURCE_OPTIONS: Final = {
    "additional_secret_outputs": "additionalSecretOutputs",
    "aliases": "aliases",
    "custom_timeouts": "customTimeouts",
    "delete_before_replace": "deleteBeforeReplace",
    "deleted_with": "deletedWith",
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "import": "importId",
    "plugin_download_url": "pluginDownloadURL",
    "protect": "protect",
    "provider": "provider",
    "providers": "providers",
    "replace_on_changes": "replaceOnChanges",
    "retain_on_delete": "retainOnDelete",
    "version": "version",
}
"""Options that a transform may change, with their names in a registration."""

INVOKE_OPTIONS: Final = {"plugin_download_url": "pluginDownloadURL", "provider": "provider", "version": "version"}
"""The same for a lookup."""


class Transforms:
    """The transforms of one program."""

    def __init__(self) -> None:
        self.of_stack: list[Any] = []
        """Transforms that apply to every resource registered after them."""

        self.of_look_ups: list[Any] = []
        self._own: dict[str, list[Any]] = {}
        self._parents: dict[str, str] = {}

    def resource(self, urn: str, request: Any) -> Any:
        """A registration after its own transforms, then its parents', nearest first, then the stack's."""
        self._own[urn], self._parents[urn] = [*request.transforms], request.parent
        found, above = [*request.transforms], request.parent
        while above:
            found += self._own.get(above, ())
            above = self._parents.get(above, "")
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for each in [*found, *self.of_stack]:
            options = resource_pb2.TransformResourceOptions()
            _copy_all(RESOURCE_OPTIONS, changed, options, backwards=True)
            if not changed.deleteBeforeReplaceDefined:
                options.ClearField("delete_before_replace")
            asked = resource_pb2.TransformRequest(
                type=changed.type,
                name=changed.name,
                custom=changed.custom,
                parent=changed.parent,
                properties=changed.object,
                options=options,
            )
            response = _call(each, asked)
            changed.object.CopyFrom(response.properties)
            if response.HasField("options"):
                _copy_all(RESOURCE_OPTIONS, response.options, changed)
                changed.deleteBeforeReplaceDefined = response.options.HasField("delete_before_replace")
        return changed

    def look_up(self, request: Any) -> Any:
        """A lookup after the stack's invoke transforms."""
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        for each in self.of_look_ups:
            options = resource_pb2.TransformInvokeOptions()
            _copy_all(INVOKE_OPTIONS, changed, options, backwards=True)
            response = _call(
                each, resource_pb2.TransformInvokeRequest(token=changed.tok, args=changed.args, options=options)
            )
            changed.args.CopyFrom(response.args)
            if response.HasField("options"):
                _copy_all(INVOKE_OPTIONS, response.options, changed)
        return changed


def _call(callback: Any, request: Any) -> Any:
    """The program's response to a callback, computed on the loop that runs the program.

    Pulumi's own mocks register the callbacks but do not run them, so this reads the servicer's private fields.
    """
    servicer = next(each for each in _CallbackServicer._servicers if callback.token in each._callbacks)
    answer: Any = servicer._callbacks[callback.token](request.SerializeToString())
    return asyncio.run_coroutine_threadsafe(answer, servicer._loop).result()


def _copy_all(names: dict[str, str], source: Any, target: Any, *, backwards: bool = False) -> None:
    """Copy fields from one message to another. `names` maps the names in the source to those in the target."""
    for one, other in names.items():
        name, into = (other, one) if backwards else (one, other)
        target.ClearField(into)
        value = getattr(source, name)
        if hasattr(value, "MergeFrom") and not hasattr(value, "DESCRIPTOR"):
            getattr(target, into).MergeFrom(value)
        elif hasattr(value, "DESCRIPTOR"):
            if source.HasField(name):
                getattr(target, into).CopyFrom(value)
        elif not source.DESCRIPTOR.fields_by_name[name].has_presence or source.HasField(name):
            setattr(target, into, value)
