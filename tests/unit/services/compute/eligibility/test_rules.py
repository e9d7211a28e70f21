"""docs/attachable.md and the tests name the same rules, and every source that the page names is there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
DOCS = HERE.parents[4] / "docs"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \|(.*)\|$", re.MULTILINE)
PAGE = (DOCS / "attachable.md").read_text(encoding="utf-8")


def tested() -> set[str]:
    found: set[str] = set()
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            for one in node.decorator_list:
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "rule":
                    found |= {ast.literal_eval(word) for word in one.args}
    return found


def test_every_rule_of_the_page_has_a_test_and_every_tested_rule_stands_on_the_page():
    documented = [name for name, _ in ROW.findall(PAGE)]
    assert [name for name, count in Counter(documented).items() if count > 1] == []
    assert len(documented) > 40
    assert set(documented) == tested()


def test_every_row_has_fields_a_result_and_a_source():
    for name, rest in ROW.findall(PAGE):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)]
        assert len(cells) == 3, name
        assert all(cells), name


def test_every_section_that_the_page_refers_to_is_in_the_protocols():
    protocols = (DOCS / "protocols.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^### (\d+\.\d+) ", protocols, re.MULTILINE))
    named = {one for group in re.findall(r"reference ((?:\d+\.\d+(?:, )?)+)", PAGE) for one in group.split(", ")}
    assert len(named) > 5
    assert named <= sections
