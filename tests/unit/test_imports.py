"""Modules of a package import each other in one direction, those that only types need among them."""

import graphlib

import grimp
import pytest


@pytest.mark.parametrize("package", ["awsfacts", "mlpctl", "mlplatform", "mlsandbox"])
def test_no_module_imports_itself_by_way_of_others(package: str) -> None:
    graph = grimp.build_graph(package)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Raises `CycleError`, which shows the circle.
    graphlib.TopologicalSorter(imported).prepare()
