"""No package has import cycles, imports for type checking included."""

import graphlib

import grimp
import pytest


@pytest.mark.parametrize("package", ["awsfacts", "mlpctl", "mlplatform", "mlsandbox"])
def test_there_are_no_import_cycles(package: str) -> None:
    graph = grimp.build_graph(package)
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Raises `CycleError`, which shows the cycle.
    graphlib.TopologicalSorter(imported).prepare()
