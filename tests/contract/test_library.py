"""What holds for the library as a whole: its exports, imports, annotations and documentation."""

import ast
import sys
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel

import mlplatform
from mlplatform.component import PACKAGE, Component
from mlplatform.spec import Spec

EXPORTS = {name: getattr(mlplatform, name) for name in mlplatform.__all__}
COMPONENTS = [each for each in EXPORTS.values() if isinstance(each, type) and issubclass(each, Component)]
SPECS = [each for each in EXPORTS.values() if isinstance(each, type) and issubclass(each, Spec)]
ROOT = Path(__file__).parents[2]


def args_of(component: type[Component]) -> Any:
    return EXPORTS[f"{component.__name__}Args"]


@pytest.mark.parametrize("model", SPECS, ids=lambda each: each.__name__)
def test_every_field_of_a_spec_is_documented_all_the_way_down(model: type[BaseModel]) -> None:
    undocumented = [
        f"{kind.__name__}.{name}"
        for kind in _models(model)
        for name, field in kind.model_fields.items()
        if not field.description
    ]
    assert undocumented == []


def test_only_components_args_and_specs_are_exported() -> None:
    kinds = {"component": COMPONENTS, "spec": SPECS, "args": [args_of(each) for each in COMPONENTS]}
    assert sorted(mlplatform.__all__) == sorted(each.__name__ for group in kinds.values() for each in group)


def test_the_platform_folder_is_not_a_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_the_library_imports_only_allowed_modules() -> None:
    own = {"awsfacts", "mlplatform"}
    allowed = {*own, "pulumi", "pulumi_aws", "pulumi_kubernetes", "pydantic", *sys.stdlib_module_names}
    for path in (ROOT / "components" / "mlplatform").rglob("*.py"):
        assert {name.split(".")[0] for name in _imports(path)} <= allowed, path.name


def test_no_module_of_the_library_postpones_its_annotations() -> None:
    for path in (ROOT / "components" / "mlplatform").rglob("*.py"):
        assert "__future__" not in _imports(path), path.name


def _models(model: type[BaseModel]) -> set[type[BaseModel]]:
    found = {model}
    for hint in get_type_hints(model).values():
        for part in (hint, *get_args(hint)):
            if isinstance(part, type) and issubclass(part, BaseModel) and part is not model:
                found |= _models(part)
    return found


def _imports(path: Path) -> set[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return {
        name
        for node in nodes
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }


def test_importing_the_library_loads_no_module_of_the_sdk() -> None:
    """An evaluated annotation loads a module of the SDK, which takes up to a second. One in quotes is not evaluated."""
    for path in (ROOT / "components" / PACKAGE).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            for annotation in (node.returns, *(each.annotation for each in arguments)):
                names = (
                    {each.id for each in ast.walk(annotation) if isinstance(each, ast.Name)} if annotation else set()
                )
                assert names.isdisjoint({"aws", "k8s"}), f"{path.name}:{node.lineno}"
