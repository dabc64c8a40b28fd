"""What every component has in common: its token, its children's options and tags, its outputs."""

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
"""Where a resource in AWS and an object in a cluster tell whose they are."""


class Component(pulumi.ComponentResource):
    """The base of the catalogue's components.

    A subclass checks its arguments with `arguments.checked` first, declares its outputs as annotated attributes, makes
    its children with `child()` options and `tags_for()`, and ends its constructor with `_done()`.
    """

    def __init_subclass__(cls, **more: Any) -> None:
        """See to it that a call without the arguments of a component, or with others, is refused in their words."""
        super().__init_subclass__(**more)
        if "__init__" in vars(cls):
            cls.__init__ = _called_rightly(cls.__init__)  # type: ignore[method-assign]  # the class is being made

    def __init__(self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        if opts is not None and not isinstance(opts, pulumi.ResourceOptions):
            raise ArgumentsError(
                what_is(self, name), [Problem("opts", f"is {shown(opts)}; allowed: pulumi.ResourceOptions")]
            )
        inputs = {key: _plain(value) for key, value in args.items()}
        super().__init__(f"{PACKAGE}:index:{type(self).__name__}", name, inputs, opts)
        self.given_tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] = args.get("tags") or {}
        """The tags that the caller wants on every taggable child."""

        self._kept = bool(opts and opts.retain_on_delete)
        self._guard = True if args.get("protect") else None
        self.permissions_boundary: pulumi.Input[str] | None = args.get("permissions_boundary_arn")
        """The policy that bounds every IAM role below; none where the caller gives none."""

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child: parented here, with only what is asked for on top.

        A child is retained where the caller retains the component, whatever the spec says.
        """
        # Not False: the engine passes a parent's option down only where a child says nothing.
        retained = options.pop("retain_on_delete", False) or self._kept or None
        return pulumi.ResourceOptions(parent=self, retain_on_delete=retained, **options)

    def guarded(self, **options: Any) -> pulumi.ResourceOptions:
        """Options for a child that is lost for good or takes long to get back: protected where the caller asks."""
        return self.child(protect=self._guard, **options)

    def asking(self) -> pulumi.InvokeOptions:
        """Options for a look-up, which goes where the children do: the caller's provider may be of another account."""
        return pulumi.InvokeOptions(parent=self)

    def tags_for(
        self, logical_name: str, more: Mapping[str, str] | None = None
    ) -> pulumi.Input[Mapping[str, pulumi.Input[str]]]:
        """Tags for the child `logical_name`, with `more` of the child's own.

        The stack and the logical name let a person, or a recovery after a crash, find what belongs to whom.
        """
        own = {"Name": logical_name}
        extra = {**(more or {}), STACK_TAG: this_stack(), NAME_TAG: logical_name}
        given = self.given_tags
        if isinstance(given, Mapping):
            return {**own, **given, **extra}
        tagged: pulumi.Output[Any] = pulumi.Output.from_input(given)
        return tagged.apply(lambda tags: {**own, **tags, **extra})

    def annotations_for(self, logical_name: str) -> dict[str, str]:
        """Annotations for the child `logical_name` in a cluster: what `tags_for` is in AWS."""
        return {STACK_ANNOTATION: this_stack(), NAME_ANNOTATION: logical_name}

    def outputs(self) -> dict[str, Any]:
        """The outputs that the class declares, by their names in Python."""
        names = [name for name in inspect.get_annotations(type(self)) if not name.startswith("_")]
        return {name: getattr(self, name) for name in names}

    def _done(self) -> None:
        """Register exactly the outputs that the class declares."""
        self.register_outputs(self.outputs())


def _called_rightly(init: Callable[..., None]) -> Callable[..., None]:
    """A constructor that refuses a call which it has no parameters for, as Python would, without a traceback."""

    @functools.wraps(init)
    def checked(self: Any, *args: Any, **named: Any) -> None:
        try:
            inspect.signature(init).bind(self, *args, **named)
        except TypeError as error:
            what = what_is(self, args[0] if args else named.get("name"))
            takes = ", ".join([*inspect.signature(init).parameters][1:])
            raise ArgumentsError(
                what, [Problem("the call", f"is wrong ({error}); allowed: {type(self).__name__}({takes})")]
            ) from None
        init(self, *args, **named)

    return checked


def this_stack() -> str:
    """This stack, as the tag of its resources names it."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, Spec) else value
