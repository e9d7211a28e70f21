"""5,000 computes of a real server in the list: rows wherever one scrolls to, few elements, a filter, groups."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.lab import serving_lab
from tests.browser.panel import option
from tests.conftest import running_sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.full, pytest.mark.slow]

ROWS = 5_000
SEEDED = 6_000  # some have ended, which are not listed
NUMBER = "() => Number(document.querySelector('.jp-EmrRow')?.getAttribute('aria-setsize'))"
# Scrolls to the end in steps; says what was in the middle of the list two frames after each, and how long each took.
SCROLL = """async steps => {
  const list = document.querySelector('.jp-EmrComputes-list');
  const {left, top, width, height} = list.getBoundingClientRect();
  const frame = () => new Promise(requestAnimationFrame);
  const seen = {empty: 0, most: 0, times: []};
  for (let step = 1; step <= steps; step++) {
    const began = performance.now();
    list.scrollTop = step / steps * (list.scrollHeight - list.clientHeight);
    await frame();
    await frame();
    seen.times.push(performance.now() - began);
    const middle = document.elementFromPoint(left + width / 2, top + height / 2);
    seen.empty += middle?.closest('.jp-EmrRow, .jp-EmrComputes-heading') ? 0 : 1;
    seen.most = Math.max(seen.most, list.querySelectorAll('.jp-EmrRow').length);
  }
  return seen;
}"""


def test_5000_computes_scroll_are_filtered_and_grouped(page: Page, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    with (
        running_sandbox(tmp_path / "sandbox", "test-many-rows") as sandbox,
        serving_lab(sandbox, tmp_path / "work") as lab,
    ):
        seeded = sandbox.cli("sandbox", "seed", "--clusters", str(SEEDED), "--name", sandbox.name)
        assert seeded.returncode == 0, seeded.stderr
        page.goto(f"{lab.url}/lab?reset")
        page.get_by_role("tab", name="EMR", exact=True).click()
        page.get_by_role("button", name="Cannot be attached").click()
        page.wait_for_function(f"() => ({NUMBER})() >= {ROWS}", timeout=240_000)  # AWS gives its pages slowly
        scrolled = page.evaluate(SCROLL, 100)
        assert scrolled["empty"] == 0
        assert scrolled["most"] < 60
        assert statistics.median(scrolled["times"]) < 500, "two frames of 17 ms each on a quiet machine"
        page.get_by_role("combobox", name="Group computes").select_option("state")
        page.get_by_role("listbox", name="Computes").press("Home")
        assert page.evaluate(SCROLL, 50)["empty"] == 0
        page.get_by_role("searchbox", name="Filter computes").press_sequentially("analytics")
        expect(option(page, "analytics")).to_be_visible()
        assert page.evaluate(NUMBER) == 1
