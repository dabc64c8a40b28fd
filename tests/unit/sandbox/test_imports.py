"""The sandbox has no import cycles."""

import graphlib

import grimp


def test_there_are_no_import_cycles() -> None:
    graph = grimp.build_graph("mlsandbox")
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Raises `CycleError`, which shows the cycle.
    graphlib.TopologicalSorter(imported).prepare()
