"""Comments such as "(reference 1.7)" lead to docs/protocols.md, never to a page that is not there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("jupyter_emr_connect", "tests", "benchmarks")
PAGE = "docs/protocols.md"


def sections() -> set[str]:
    return set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", (ROOT / PAGE).read_text(), re.MULTILINE))


def references() -> dict[str, str]:
    found = {}
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for run in re.findall(r"\breference (\d[\d., and]*)", path.read_text()):
            found |= dict.fromkeys(re.findall(r"\d+(?:\.\d+)?", run), str(path))
    return found


def test_every_reference_has_its_section():
    assert references()
    assert {number: path for number, path in references().items() if number not in sections()} == {}


def test_every_section_is_used():
    headings = sections()
    parents = {number.split(".")[0] for number in headings if "." in number}
    assert headings - parents <= set(references())
