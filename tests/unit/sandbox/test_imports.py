"""Modules of the sandbox import each other in one direction."""

import graphlib

import grimp


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph("mlsandbox")
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Raises `CycleError`, which shows the circle.
    graphlib.TopologicalSorter(imported).prepare()
