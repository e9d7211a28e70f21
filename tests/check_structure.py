"""Fail on a cycle of modules, those under ``TYPE_CHECKING`` included, and on a class name used twice (`make lint`).

import-linter's ``acyclic_siblings`` compares modules and packages of one package. It does not see a module that imports
from the package it is in, where that package's ``__init__`` imports the module; this does.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from pathlib import Path

import grimp

PACKAGE = "jupyter_emr_connect"


def find_cycles(graph: grimp.ImportGraph) -> set[frozenset[str]]:
    """Return the sets of modules that import each other, directly or through others."""
    found: set[frozenset[str]] = set()
    for module in graph.modules:
        if both_ways := graph.find_upstream_modules(module) & graph.find_downstream_modules(module):
            found.add(frozenset(name.removeprefix(f"{PACKAGE}.") for name in both_ways | {module}))
    return found


def find_repeated_classes() -> dict[str, list[str]]:
    """Return the class names that are defined more than once, each with the files."""
    files: dict[str, list[str]] = defaultdict(list)
    for path in sorted(Path(PACKAGE).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                files[node.name].append(str(path))
    return {name: paths for name, paths in files.items() if len(paths) > 1}


cycles = find_cycles(grimp.build_graph(PACKAGE, cache_dir=None))
problems = [f"Cycle of modules: {', '.join(sorted(cycle))}" for cycle in cycles]
problems += [f"Class {name} is defined in {' and '.join(paths)}" for name, paths in find_repeated_classes().items()]
sys.exit("\n".join(problems) or None)
