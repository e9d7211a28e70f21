"""The panel in Debian's Chromium: size, what it costs JupyterLab's start, 5,000 rows, memory.

JupyterLab is real; the answers of our REST API are made here, so that the browser's part alone is measured. Needs the
bundle (`make browser` builds it). Prints each figure beside its budget; exits with 1 when one is over.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Route, sync_playwright

STATIC = Path(__file__).parents[1] / "jupyter_emr_connect" / "labextension" / "static"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ROWS = 5_000
# A poll waits 20 s for news, so eight hours have 1,440 answers.
ANSWERS, ROWS_POLLED = 1_440, 500

FIRST_ROWS = """() => new Promise(resolve => {
  const seen = () => {
    if (!document.querySelector('.jp-EmrRow')) return requestAnimationFrame(seen);
    requestAnimationFrame(() => {
      const drawn = performance.now();
      const answers = performance.getEntriesByType('resource').filter(one => one.name.includes('-connect/compute'));
      resolve(drawn - answers[0].responseEnd);
    });
  };
  seen();
})"""
# From the key to the frame in which the list has been drawn.
WATCH_KEYS = """() => {
  window.keyTimes = [];
  document.addEventListener('keydown', event => {
    requestAnimationFrame(() => setTimeout(() => window.keyTimes.push(performance.now() - event.timeStamp)));
  }, true);
}"""


def rows(count: int) -> list[dict[str, Any]]:
    """Return computes as the REST API lists them, each with five tags."""
    return [
        {
            "id": f"j-{index:012}",
            "kind": "ec2",
            "name": f"team-{index % 40} cluster {index}",
            "arn": f"arn:aws:elasticmapreduce:us-east-1:123456789012:cluster/j-{index:012}",
            "region": "us-east-1",
            "account": "123456789012",
            "state": ("WAITING", "RUNNING", "TERMINATED")[index % 3],
            "state_reason": None,
            "release": "emr-7.2.0",
            "applications": ["Spark", "Livy", "JupyterEnterpriseGateway"],
            "tags": {f"tag-{number}": f"value {index} {number}" for number in range(5)},
            "created_at": "2026-01-01T00:00:00+00:00",
            "attachable": index % 3 < 2,
            "reason": None if index % 3 < 2 else "It is terminated.",
            "transports": ["gateway"],
            "runtime_role": "optional",
            "auth": "none",
        }
        for index in range(count)
    ]


class Answers:
    """Answers the requests of the panel: a list that is new each time, and one caller."""

    def __init__(self, count: int) -> None:
        self.items = rows(count)
        self.version = 0

    def __call__(self, route: Route) -> None:
        """Answer one request; a poll that waits for news is left waiting."""
        url = route.request.url
        if "/compute" in url and "since=" in url:
            return
        route.fulfill(json=self._body(url))

    def _body(self, url: str) -> Any:
        if "/identity" in url:
            arn = "arn:aws:iam::123456789012:user/developer"
            who = {"arn": arn, "account": "123456789012", "region": "us-east-1", "profile": None}
            return who | {"expires_at": None, "profiles": [], "sso_session": None}
        if "/backups/status" in url:
            return {
                "location": None,
                "state": "off",
                "waiting": 0,
                "since": None,
                "message": "",
                "fix": "",
                "items": [],
            }
        if "/compute" not in url:
            return {"items": [], "errors": [], "as_of": None}
        self.version += 1
        state = {"complete": True, "refreshing": False, "stored": False, "version": f"v{self.version}", "waiting": []}
        more = {"total": len(self.items), "next_offset": None, "to_describe": 0, "changes": None}
        return {"items": self.items, "errors": [], "as_of": "2026-01-01T00:00:00+00:00"} | state | more


@contextmanager
def serving_lab(folder: Path) -> Iterator[str]:
    """Run a JupyterLab server, and give its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--notebook-dir={folder}", "--IdentityProvider.token=", "--LabApp.news_url="]
    command += ["--LabApp.expose_app_in_browser=True"]
    data = {
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=os.environ | data, stdout=quiet, stderr=quiet)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert server.poll() is None, "JupyterLab has ended"
            try:
                urllib.request.urlopen(f"{url}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        server.terminate()
        server.wait(60)


def without_us(route: Route) -> None:
    """Answer JupyterLab's page without our plugin in it."""
    page = route.fetch()
    text = page.text()
    found = re.search(r'(<script id="jupyter-config-data"[^>]*>)(.*?)(</script>)', text, re.DOTALL)
    assert found
    config = json.loads(found[2])
    others = [one for one in config["federated_extensions"] if one["name"] != "jupyter_emr_connect"]
    assert len(others) < len(config["federated_extensions"]), "the plugin is not installed: `make browser` links it"
    config["federated_extensions"] = others
    route.fulfill(response=page, body=text[: found.start(2)] + json.dumps(config) + text[found.end(2) :])


def metrics(client: CDPSession) -> dict[str, float]:
    """Return Chromium's figures of a page: seconds of scripting, bytes of JavaScript's heap."""
    return {one["name"]: one["value"] for one in client.send("Performance.getMetrics")["metrics"]}


def heap(client: CDPSession) -> float:
    """Return the megabytes that JavaScript holds after its garbage is collected."""
    for _ in range(3):
        client.send("HeapProfiler.collectGarbage")
    return metrics(client)["JSHeapUsedSize"] / 1e6


def new_page(browser: Browser, url: str, answers: Answers, *, plugin: bool = True) -> tuple[Page, CDPSession]:
    """Open JupyterLab in a new context, and return once it has started."""
    page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.route("**/jupyter-emr-connect/**", answers)
    if not plugin:
        page.route("**/lab?reset", without_us)
    client = page.context.new_cdp_session(page)
    client.send("Performance.enable", {"timeDomain": "threadTicks"})  # what the page computes, not what it waits
    page.goto(f"{url}/lab?reset")
    page.wait_for_function("() => window.jupyterapp !== undefined", timeout=120_000)
    page.evaluate("() => window.jupyterapp.restored")
    page.locator(".jp-Launcher").wait_for(timeout=120_000)
    return page, client


def close(page: Page) -> None:
    """Close a page's context, with the requests that wait for news."""
    page.unroute_all(behavior="ignoreErrors")
    page.context.close()


def start_cost(browser: Browser, url: str, times: int) -> float:
    """Return the milliseconds of scripting that the plugin adds to JupyterLab's start: the difference of medians."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(2 * times + 2):
        plugin = turn % 2 == 0
        page, client = new_page(browser, url, Answers(0), plugin=plugin)
        page.wait_for_timeout(1500)  # what is done when idle
        if turn >= 2:  # the first of each fill Chromium's caches
            seconds[plugin].append(metrics(client)["ScriptDuration"])
        close(page)
    return 1000 * (statistics.median(seconds[True]) - statistics.median(seconds[False]))


def many_rows(browser: Browser, url: str) -> dict[str, float]:
    """Return milliseconds to the first rows and for a key in the filter, and the megabytes that 5,000 rows take."""
    page, client = new_page(browser, url, Answers(ROWS))
    before = heap(client)
    page.evaluate("() => performance.clearResourceTimings()")
    page.evaluate("() => void window.jupyterapp.commands.execute('emr:open-panel')")
    first = page.evaluate(FIRST_ROWS)
    page.evaluate(WATCH_KEYS)
    page.get_by_role("searchbox", name="Filter computes").press_sequentially("team-7 cluster 1", delay=120)
    keys = page.evaluate("() => window.keyTimes")
    page.get_by_role("searchbox", name="Filter computes").fill("")
    after = heap(client)
    close(page)
    return {"first rows": first, "key": statistics.median(keys), "memory": after - before}


def growth(browser: Browser, url: str) -> float:
    """Return by how many megabytes the heap grows between the 100th and the last of eight hours' answers."""
    page, client = new_page(browser, url, Answers(ROWS_POLLED))
    page.evaluate("() => window.jupyterapp.commands.execute('emr:open-panel')")
    page.locator(".jp-EmrRow").first.wait_for()
    again = """async count => {
      for (let turn = 0; turn < count; turn++) await window.jupyterapp.commands.execute('emr:refresh');
    }"""
    page.evaluate(again, 100)
    before = heap(client)
    page.evaluate(again, ANSWERS - 100)
    after = heap(client)
    close(page)
    return after - before


def main() -> int:
    """Measure, and print each figure beside its budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5, help="starts of JupyterLab with the plugin, and without")
    options = parser.parse_args()
    size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in STATIC.glob("*.js")) / 1000
    with tempfile.TemporaryDirectory() as folder, serving_lab(Path(folder)) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        cost = start_cost(browser, url, options.times)
        lists = many_rows(browser, url)
        grown = growth(browser, url)
        browser.close()
    figures = [
        ("bundle, gzipped", size, 150.0, "kB"),
        ("scripting at JupyterLab's start", cost, 50.0, "ms"),
        (f"first of {ROWS:,} rows after the answer", lists["first rows"], 300.0, "ms"),
        ("a key in the filter, to the frame", lists["key"], 50.0, "ms"),
        (f"memory for {ROWS:,} rows", lists["memory"], 40.0, "MB"),
        (f"growth over {ANSWERS:,} answers", grown, 1.0, "MB"),
    ]
    for name, value, budget, unit in figures:
        print(f"{name:42} {value:8.1f} {unit}   budget {budget:5.0f} {unit}   {value / budget:5.2f}")
    return int(any(value > budget for _, value, budget, _ in figures))


if __name__ == "__main__":
    sys.exit(main())
