"""Fail on a cycle of modules, those under ``TYPE_CHECKING`` included, on a class name used twice, and on a walk through
what other threads may change (`make lint`).

import-linter's ``acyclic_siblings`` compares modules and packages of one package. It does not see a module that imports
from the package it is in, where that package's ``__init__`` imports the module; this does.
"""

from __future__ import annotations

import ast
import gc
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


def read_package() -> dict[Path, tuple[ast.Module, list[ast.AST]]]:
    """Return the tree of each module, and all of its nodes: to walk through a tree takes longer than to parse it."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(Path(PACKAGE).rglob("*.py"))}
    return {path: (tree, list(ast.walk(tree))) for path, tree in trees.items()}


def find_repeated_classes(package: dict[Path, tuple[ast.Module, list[ast.AST]]]) -> dict[str, list[str]]:
    """Return the class names that are defined more than once, each with the files."""
    files: dict[str, list[str]] = defaultdict(list)
    for path, (_, nodes) in package.items():
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                files[node.name].append(str(path))
    return {name: paths for name, paths in files.items() if len(paths) > 1}


def find_unsafe_walks(package: dict[Path, tuple[ast.Module, list[ast.AST]]]) -> list[str]:
    """Return the loops over a module's own dicts and sets, which other threads may change, without lock or copy."""
    found: list[str] = []
    for path, (tree, nodes) in package.items():
        names = {name for node in tree.body if (name := registry_in(node))}
        if not names:
            continue
        locked = {
            inner
            for node in nodes
            if isinstance(node, ast.With) and any("lock" in ast.unparse(item.context_expr) for item in node.items)
            for inner in ast.walk(node)
        }
        for node in nodes:
            if isinstance(node, ast.For | ast.comprehension) and node not in locked and walked(node.iter) in names:
                found.append(f"{path}:{node.iter.lineno} walks through {walked(node.iter)}; copy it by list(…) first")
    return found


def registry_in(node: ast.stmt) -> str:
    """Return the name that a statement gives an empty dict or set, lower case as it will change; else nothing."""
    target = (
        node.target if isinstance(node, ast.AnnAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
    )
    value = getattr(node, "value", None)
    is_empty = isinstance(value, ast.Dict) and not value.keys
    is_empty |= (
        isinstance(value, ast.Call)
        and not value.args
        and ast.unparse(value.func).endswith(("set", "Set", "dict", "Dict"))
    )
    return target.id if isinstance(target, ast.Name) and is_empty and not target.id.isupper() else ""


def walked(node: ast.expr) -> str:
    """Return the name of what a loop goes through, itself or by its items, keys or values; else nothing."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("items", "keys", "values")
    ):
        node = node.func.value
    return node.id if isinstance(node, ast.Name) else ""


gc.disable()  # the trees of all modules stay to the end; looking through them took half of the time
cycles = find_cycles(grimp.build_graph(PACKAGE, cache_dir=None))
problems = [f"Cycle of modules: {', '.join(sorted(cycle))}" for cycle in cycles]
package = read_package()
repeated = find_repeated_classes(package)
problems += [f"Class {name} is defined in {' and '.join(paths)}" for name, paths in repeated.items()]
problems += find_unsafe_walks(package)
sys.exit("\n".join(problems) or None)
