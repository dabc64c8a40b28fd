"""The base class of components: type token, options and tags of child resources, outputs."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi

from mlplatform.refusals import ArgumentsError, Problem, shown, what_is
from mlplatform.spec import Spec

PACKAGE: Final = "mlplatform"

STACK_TAG: Final = f"{PACKAGE}:stack"
NAME_TAG: Final = f"{PACKAGE}:name"
STACK_ANNOTATION: Final = f"{PACKAGE}.io/stack"
NAME_ANNOTATION: Final = f"{PACKAGE}.io/name"
"""Tags of AWS resources and annotations of Kubernetes objects that identify the stack and the logical name."""


def type_token(component: str) -> str:
    """The type token of a component, e.g. `mlplatform:index:DataBucket`."""
    return f"{PACKAGE}:index:{component}"


class Component(pulumi.ComponentResource):
    """The base class of all components.

    A subclass validates its arguments with `arguments.checked` first, declares its outputs as annotated attributes,
    creates its children with `child()` options and `tags_for()`, and ends its constructor with `_done()`.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        """Make a call with missing or unknown parameters fail with an `ArgumentsError` instead of a traceback."""
        super().__init_subclass__(**more)
        if "__init__" in vars(cls):
            cls.__init__ = _with_checked_call(cls.__init__)  # type: ignore[method-assign]  # the class is being created

    def __init__(self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        if opts is not None and not isinstance(opts, pulumi.ResourceOptions):
            raise ArgumentsError(
                what_is(self, name), [Problem("opts", f"is {shown(opts)}; allowed: pulumi.ResourceOptions")]
            )
        inputs = {key: _plain(value) for key, value in args.items()}
        super().__init__(type_token(type(self).__name__), name, inputs, opts)
        self.given_tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] = args.get("tags") or {}
        """The caller's tags for every child resource that supports tags."""

        self._kept = bool(opts and opts.retain_on_delete)
        self._guard = True if args.get("protect") else None
        self.permissions_boundary: pulumi.Input[str] | None = args.get("permissions_boundary_arn")
        """Permissions boundary of every IAM role below this component; None if the caller sets none."""

        self.role_path: pulumi.Input[str] | None = args.get("role_path")
        """Path of every IAM role below this component; None for IAM's default."""

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child: this component as the parent, and `options`.

        If the caller retains the component, the child is also retained, regardless of the spec.
        """
        # None, not False: a child inherits its parent's option only if its own is not set.
        retained = options.pop("retain_on_delete", False) or self._kept or None
        return pulumi.ResourceOptions(parent=self, retain_on_delete=retained, **options)

    def guarded(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child that is hard or impossible to recreate: protected if the caller sets `protect`."""
        return self.child(protect=self._guard, **options)

    def asking(self) -> pulumi.InvokeOptions:
        """Options for a lookup. It uses the provider of the children, which may belong to another account."""
        return pulumi.InvokeOptions(parent=self)

    def tags_for(
        self, logical_name: str, more: Mapping[str, str] | None = None
    ) -> pulumi.Input[Mapping[str, pulumi.Input[str]]]:
        """Tags for the child `logical_name`, and `more` that only this child has.

        With the stack and the logical name, a person or a recovery after a crash can find the owner of a resource.
        """
        own = {"Name": logical_name}
        extra = {**(more or {}), STACK_TAG: this_stack(), NAME_TAG: logical_name}
        given = self.given_tags
        if isinstance(given, Mapping):
            return {**own, **given, **extra}
        tagged: pulumi.Output[Any] = pulumi.Output.from_input(given)
        return tagged.apply(lambda tags: {**own, **tags, **extra})

    def annotations_for(self, logical_name: str) -> dict[str, str]:
        """Annotations for the Kubernetes object `logical_name`: the counterpart of `tags_for`."""
        return {STACK_ANNOTATION: this_stack(), NAME_ANNOTATION: logical_name}

    def outputs(self) -> dict[str, Any]:
        """The outputs that the class declares, by their Python names."""
        names = [name for name in inspect.get_annotations(type(self)) if not name.startswith("_")]
        return {name: getattr(self, name) for name in names}

    def _done(self) -> None:
        """Register exactly the outputs that the class declares."""
        self.register_outputs(self.outputs())


def _with_checked_call(init: Callable[..., None]) -> Callable[..., None]:
    """Wrap a constructor: a call that does not fit its signature fails as in Python, but without a traceback."""

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **named: Any) -> None:
        try:
            inspect.signature(init).bind(self, *args, **named)
        except TypeError as error:
            what = what_is(self, args[0] if args else named.get("name"))
            takes = ", ".join([*inspect.signature(init).parameters][1:])
            raise ArgumentsError(
                what, [Problem("the call", f"is invalid ({error}); allowed: {type(self).__name__}({takes})")]
            ) from None
        init(self, *args, **named)

    return checked


def this_stack() -> str:
    """This stack, as it appears in the tags of its resources."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, Spec) else value
