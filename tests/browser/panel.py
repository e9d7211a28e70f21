"""Gestures on the panel, and what every picture of it must satisfy."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.lab import visit

Box = tuple[str | None, float, float, float, float]  # text, width, height, place in the parent
AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}  # of the pictures
CONTRAST = {"high contrast": "JupyterLab Dark High Contrast"}
WIDTHS = (200, 400)
# JupyterLab keeps its sidebars at 250 pixels at least; themes and user styles may say otherwise.
ALLOW_NARROW = """() => {
  document.documentElement.style.setProperty('--jp-sidebar-min-width', '180px');
  window.jupyterapp.shell._leftHandler._stackedPanel.fit();
}"""
SET_WIDTH = """pixels => {
  const split = window.jupyterapp.shell._hsplitPanel;
  const share = pixels / split.node.clientWidth;
  split.setRelativeSizes([share, 1 - share, 0]);
}"""
# What is wider than its box though it is not meant to scroll or to end in dots.
OVERFLOWS = """() => [...document.querySelectorAll(
  '.jp-EmrSidebar, :is(.jp-EmrSidebar, .jp-EmrNotice, .jp-EmrBackups) *')]
  .filter(node => node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1)
  .filter(node => getComputedStyle(node).textOverflow !== 'ellipsis')
  .map(node => `${node.className}: ${node.scrollWidth} in ${node.clientWidth}`)"""
# Sizes of all elements, and where each is in its parent, however that is scrolled, by the places on the way to it; and
# the text of a leaf.
LAYOUT = """() => {
  const boxes = {};
  const look = (node, path, x, y) => {
    const box = node.getBoundingClientRect();
    const text = node.childElementCount ? null : node.textContent;
    boxes[path] = [text, box.width, box.height, box.x - x, box.y - y];
    [...node.children].forEach((child, place) =>
      look(child, `${path}>${child.localName}${place}`, box.x - node.scrollLeft, box.y - node.scrollTop));
  };
  const parts = '.jp-EmrSidebar, .jp-NotebookPanel:not(.lm-mod-hidden) :is(.jp-EmrNotice, .jp-EmrChip)';
  document.querySelectorAll(parts).forEach((node, place) => {
    const {x, y} = node.getBoundingClientRect();
    look(node, `${node.className} ${place}`, x, y);
  });
  return boxes;
}"""
# Texts in a colour that no variable of the theme has.
COLOURS = """() => {
  const names = new Set();
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) for (const name of rule.cssText.match(/--jp-[\\w-]+/g) ?? []) names.add(name);
  }
  const probe = document.body.appendChild(document.createElement('span'));
  const shown = new Set([...names].map(name => {
    probe.style.color = `var(${name}, transparent)`;
    return getComputedStyle(probe).color;
  }));
  probe.remove();
  return [...document.querySelectorAll(':is(.jp-EmrSidebar, .jp-EmrNotice, .jp-EmrChip, .jp-EmrBackups) *')]
    .filter(node => [...node.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.data.trim()))
    .filter(node => node.getClientRects().length > 0 && !shown.has(getComputedStyle(node).color))
    .map(node => `colour ${getComputedStyle(node).color}: ${node.outerHTML.slice(0, 200)}`);
}"""
RUN_AXE = """async () => {
  const panel = [...document.querySelectorAll('.jp-EmrSidebar, .jp-EmrBackups, .jp-EmrNotice, .jp-EmrChip')];
  const found = await window.axe.run({include: panel}, {resultTypes: ['violations']});
  return found.violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .flatMap(({id, nodes}) => nodes.map(({html, any}) => `${id}: ${html.slice(0, 200)} ${any[0]?.message ?? ''}`));
}"""


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what the page does not show."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def open_panel(page: Page, lab: str, path: str, *, fresh: bool = False) -> None:
    """Open a notebook, and the panel beside it; ``fresh`` as in :func:`visit`."""
    visit(page, lab, path, fresh=fresh)
    page.get_by_role("tab", name="EMR", exact=True).click()


def option(page: Page, compute: str) -> Locator:
    """Return the row of a compute."""
    return page.get_by_role("listbox", name="Computes").get_by_role("option", name=compute, exact=True)


def choose(page: Page, compute: str) -> None:
    """Click a compute in the list, once it is there."""
    option(page, compute).click()


def role_box(page: Page) -> Locator:
    """Return the field of the runtime role."""
    return page.get_by_role("region", name="Runtime role").get_by_role("combobox", name="Runtime role")


def attach(page: Page, path: str) -> None:
    """Attach the notebook in front to the chosen compute, and wait until it is."""
    page.get_by_role("button", name="Attach to this notebook").click()
    expect(page.get_by_text(f"{path} is attached.")).to_be_visible()


def set_theme(page: Page, theme: str) -> None:
    """Change JupyterLab's theme, and wait until its style is there."""
    name = (THEMES | CONTRAST)[theme]
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
    page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
    page.wait_for_function("() => !document.querySelector('#jupyterlab-splash')")


def set_width(page: Page, pixels: int) -> None:
    """Make the left sidebar so many pixels wide."""
    page.evaluate(ALLOW_NARROW)  # a change of the theme may have taken it back
    page.evaluate(SET_WIDTH, pixels)
    page.wait_for_function(
        "pixels => Math.abs(document.querySelector('.jp-EmrSidebar').clientWidth - pixels) < 12", arg=pixels
    )


def looks(page: Page) -> Iterator[tuple[str, int]]:
    """Show the page in each theme and width of the sidebar; in high contrast narrow alone."""
    for theme in CONTRAST | THEMES:
        set_theme(page, theme)
        for width in WIDTHS if theme in THEMES else WIDTHS[:1]:
            set_width(page, width)
            yield theme, width


def faults(page: Page) -> list[Any]:
    """Return what does not fit into its box, has a colour of no theme, or is serious to axe, such as its contrast."""
    if page.evaluate("() => window.axe === undefined"):
        page.add_script_tag(path=AXE)
    return [*page.evaluate(OVERFLOWS), *page.evaluate(COLOURS), *page.evaluate(RUN_AXE)]


def faults_in_all_looks(page: Page, what: str) -> dict[str, list[Any]]:
    """Return the faults in each theme and width of the sidebar, and what light and dark do not lay out alike."""
    found, layouts = {}, {}
    for theme, width in looks(page):
        found[f"{what} {theme} {width}"] = faults(page)
        layouts[theme, width] = page.evaluate(LAYOUT)
    for width in WIDTHS:
        found[f"{what} {width}"] = moved(*(layouts[theme, width] for theme in THEMES))
    return found


def moved(before: dict[str, Box], now: dict[str, Box]) -> list[Any]:
    """Return what has another size, or another place in its parent, by more than a pixel.

    Left out are texts that have changed meanwhile, as times and counts do, with what stands beside them, and what is
    not shown in both.
    """
    shown_before, shown_now = ({path for path, box in boxes.items() if box[1]} for boxes in (before, now))
    both = shown_before & shown_now
    assert len(both) > len(shown_before) / 2
    changed = {path.rpartition(">")[0] for path in both if before[path][0] != now[path][0]}
    return [
        (path, before[path], now[path])
        for path in sorted(both)
        if path.rpartition(">")[0] not in changed
        and any(abs(was - is_now) > 1 for was, is_now in zip(before[path][1:], now[path][1:], strict=True))
    ]


def picture(page: Page, name: str, selector: str = "#main", *, width: int | None = 290) -> None:
    """Keep a picture in each theme where ``EMR_DOCS_IMAGES`` says; ``width`` is the left sidebar's, None leaves all."""
    if folder := os.environ.get("EMR_DOCS_IMAGES"):
        if width:
            set_width(page, width)
        page.add_style_tag(content=".Toastify { display: none }")  # JupyterLab's news
        for theme in THEMES:
            set_theme(page, theme)
            page.wait_for_timeout(500)  # transitions of colours
            page.locator(selector).first.screenshot(path=f"{folder}/{name}-{theme}.png", animations="disabled")
