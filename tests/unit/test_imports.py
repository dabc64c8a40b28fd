"""Imports that the contracts of `lint-imports` cannot express: of scripts, through parents, and at run time."""

import ast
import graphlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import grimp
import pytest

FOLDERS: Final = ("components", "facts", "platform", "sandbox")
PACKAGES: Final = ("awsfacts", "layers", "mlpctl", "mlplatform", "mlplatform_eks_token", "mlsandbox")

SCRIPTS: Final[Mapping[str, set[str]]] = {
    "components/__main__.py": {"mlplatform"},
    "platform/__main__.py": {"layers", "mlpctl.config", "mlplatform"},
    "platform/policies/__main__.py": {"mlpctl.policies"},
    "sandbox/mlsandbox/tools/languagehost/executor/__main__.py": set(),
}
"""Files that the engine runs, which are in no package, and the modules of this project that they may import."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def test_every_source_file_is_in_the_packages_that_the_contracts_cover(root: Path, graph: grimp.ImportGraph) -> None:
    files = [each.relative_to(root) for folder in FOLDERS for each in (root / folder).rglob("*.py")]
    modules = {file: ".".join(file.with_suffix("").parts[1:]).removesuffix(".__init__") for file in files}
    assert len(modules) > 300
    assert {file.as_posix() for file, module in modules.items() if module not in graph.modules} == SCRIPTS.keys()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_imports_only_its_parts_of_this_project(root: Path, script: str) -> None:
    found: set[str] = set()
    for node in ast.walk(ast.parse((root / script).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{each.name}" for each in node.names}
    ours = {each for each in found if each.split(".")[0] in PACKAGES}
    assert {each for each in ours if not any(f"{each}.".startswith(f"{may}.") for may in SCRIPTS[script])} == set()


def test_no_modules_import_each_other_in_circles_not_even_a_package_and_its_content(graph: grimp.ImportGraph) -> None:
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Raises `CycleError`, which shows the cycle.
    graphlib.TopologicalSorter(imported).prepare()


def test_a_stack_imports_the_sandbox_for_type_checking_only() -> None:
    graph = grimp.build_graph("mlpctl", "mlsandbox", exclude_type_checking_imports=True, cache_dir=None)
    importers = graph.find_modules_that_directly_import("mlsandbox")
    assert {each for each in importers if each.startswith("mlpctl.")} == {
        "mlpctl.audit.command",
        "mlpctl.cli",
        "mlpctl.ending",
        "mlpctl.review.command",
        "mlpctl.up",
    }
