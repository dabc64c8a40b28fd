"""The Pulumi provider that offers the components to other languages: its schema and the creation of components."""

import json
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final

import pulumi
from pulumi import InputPropertiesError
from pulumi.provider import ConstructResult, Provider
from pulumi.provider import main as serve
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition
from pulumi.provider.experimental.schema import generate_schema
from pydantic.alias_generators import to_camel

import mlplatform
from mlplatform.args import SHARED
from mlplatform.checks import arguments
from mlplatform.component import PACKAGE, Component, type_token
from mlplatform.spec import Spec

COMPONENTS: Final[Mapping[str, type[Component]]] = {
    type_token(kind.__name__): kind
    for kind in (getattr(mlplatform, name) for name in mlplatform.__all__)
    if isinstance(kind, type) and issubclass(kind, Component)
}
"""All components by their type tokens."""


class Catalogue(Provider):
    """The provider that the engine calls if a program in another language uses the package."""

    def __init__(self) -> None:
        super().__init__(version(), json.dumps(schema()))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Create a component.

        Args:
            name: its logical name.
            resource_type: its type token.
            inputs: its arguments by their camelCase names; specs as plain camelCase values.
            options: its options.

        Raises:
            InputPropertiesError: lists all problems of the inputs.
            ValueError: there is no such component.
        """
        if resource_type not in COMPONENTS:
            raise ValueError(f"{resource_type} is not a component; allowed: {', '.join(COMPONENTS)}")
        make: Any = COMPONENTS[resource_type]
        kind = arguments.of(make)
        if problems := [*arguments.problems(kind, name, inputs, to_camel)]:
            raise _refused(name, resource_type, problems)
        python_names = {to_camel(key): key for key in kind.__annotations__}
        try:
            component: Component = make(name, {python_names[key]: value for key, value in inputs.items()}, options)
        except arguments.ArgumentsError as error:
            # Problems that only the component can find, with Python names.
            found = [each._replace(path=to_camel(each.path)) for each in error.problems]
            raise _refused(name, resource_type, found) from None
        outputs = {to_camel(output): value for output, value in component.outputs().items()}
        return ConstructResult(component.urn, outputs)


def main() -> None:
    """Run the provider for the engine that started this process."""
    serve(Catalogue(), sys.argv[1:])


def version() -> str:
    """The package's version: the version of the Python distribution."""
    return metadata.version(PACKAGE)


def schema() -> dict[str, Any]:
    """The package's schema, inferred from the args and specs: https://www.pulumi.com/docs/iac/extending-pulumi/schema/."""
    found = _SpecAnalyzer(PACKAGE).analyze([*COMPONENTS.values()])
    package = generate_schema(
        PACKAGE, version(), None, found["component_definitions"], found["type_definitions"], dependencies=[]
    )
    tidy = _tidy(package.to_json())
    assert isinstance(tidy, dict)
    return tidy


def _refused(name: str, resource_type: str, problems: Sequence[arguments.Problem]) -> InputPropertiesError:
    return InputPropertiesError(
        f"{name} ({resource_type}) can't be created",
        [{"property_path": each.path, "reason": each.reason} for each in problems],
    )


class _SpecAnalyzer(Analyzer):
    """Uses pydantic's information about a field: whether it has a default, and its docstring, also an inherited one."""

    def analyze_property(
        self, arg: Any, typ: Any, name: str, *, optional: bool | None = None, **how: Any
    ) -> PropertyDefinition:
        if issubclass(typ, Spec) and not typ.model_fields[name].is_required():
            optional = True
        return super().analyze_property(arg, typ, name, optional=optional, **how)

    def get_docstring(self, typ: Any, name: str) -> str | None:
        if issubclass(typ, Spec):
            return str(typ.model_fields[name].description)
        bases = [base for base in SHARED if name in base.__annotations__]
        return next(
            filter(None, (super(_SpecAnalyzer, self).get_docstring(each, name) for each in (typ, *bases))), None
        )


def _tidy(node: Any) -> Any:
    """A schema without empty entries, with each description on one line."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: " ".join(value.split()) if key == "description" and isinstance(value, str) else _tidy(value)
        for key, value in node.items()
        if value is not None
    }
