"""Our Livy 0.7.1 with its own interpreter driver answers as Apache Livy 0.8.0 was recorded to answer.

So does a full Apache Livy 0.8.0 in its place (`make livy`), in every exchange.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.sandbox.livy_replay import Replay, SessionLost, Verdict
from tests.sandbox.livy_server import plain_livy

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(900)]

RECORDING = Path(__file__).parents[1] / "data" / "livy-0.8-exchanges.json"
DOCS = Path(__file__).parents[2] / "docs" / "livy-differences.md"
ALIKE = 0.97
ATTEMPTS = 3
# Where the second part's exchanges stood in the full run that they were taken from.
PLACES = (109, 111, 142, 143, 144, 145, 146)
# The exchanges before the sessions of Scala and of two more Pythons, which cost most of the seconds.
PYTHON_PART = 111
ELSEWHERE = range(25, 107)  # statements of a session of which it counts only that it ends
SWITCHES = {
    "livy.impersonation.enabled": "true",
    "livy.superusers": "root",
    "livy.server.csrf-protection.enabled": "true",
}

# Answers of the unmodified 0.7.1 server that no driver can change: these exchanges are not counted.
OLDER_SERVER = {
    "default 0 version": "0.7.1 tells its own version.",
    "default 9 create unknown field": "The list of known fields in the message lacks `ttl`, which came with 0.8.",
    "default 11 create list body": "0.7.1 brings an older Jackson, which words this message otherwise.",
    "default 17 create same name": "0.7.1 does not put `Rejected, Reason:` before the message.",
    "default 94 statements newest": "0.7.1 ignores `order=desc`, which came with 0.8.",
    "impersonation_csrf 0 no requested-by": "0.7.1 brings an older Jetty, whose error page looks otherwise.",
}
# Differences of our driver.
OURS = {
    "default 90 statement no code": "The same status and exception chain; our driver says `A statement needs code`"
    " where Livy's fails with a NullPointerException.",
    "default 95 completion": "Livy never completes Python; our driver does (`range` for `spark.ra`).",
}


@pytest.fixture(scope="module")
def recording() -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = json.loads(RECORDING.read_text("utf-8"))
    return parts


def differing(part: str, found: list[Verdict], places: tuple[int, ...] = ()) -> dict[str, Any]:
    """Return the differences by the exchange's part, number in its part, and name."""
    result = {}
    for verdict in found:
        if verdict.differences and (not places or verdict.index in places):
            number = places.index(verdict.index) if places else verdict.index
            result[f"{part} {number} {verdict.name}"] = verdict.differences
    return result


# A cancelled statement ends by Python's KeyboardInterrupt or by Spark's word on its cancelled jobs, whichever is first.
RACES = {"default 104 cancelled result"}
# Of a session whose driver cannot start: dead, or killed where Livy's ping of the driver fails before Livy has seen the
# end of the process (0.7.1: `InteractiveSession.onJobFailed` calls `SparkProcApp.kill`, which says so in any case).
NO_DRIVER = "default 23 list"


def raced(found: Mapping[str, Any]) -> set[str]:
    """Return what differs only by what came first."""
    _, ours = found.get(NO_DRIVER, {}).get("answer", (None, None))
    return RACES | {NO_DRIVER} if ours and ours["sessions"][0]["state"] == "killed" else RACES


@dataclass(frozen=True)
class Livy:
    """Which Livy is asked: the sandbox's own, or a full one."""

    installed: Installation
    folder: Path
    full: bool

    def replayed(self, address: str, exchanges: list[dict[str, Any]], settings: dict[str, str]) -> list[Verdict]:
        """Return the verdicts; a pass in which Livy loses a session by its own race is made again, on a fresh Livy."""
        for attempt in range(ATTEMPTS):
            folder = self.folder / str(attempt)
            folder.mkdir()
            with suppress(SessionLost), plain_livy(self.installed, folder, address, settings) as engine:
                return list(Replay(engine.url, str(self.installed.spark_home), full=self.full).run(exchanges))
        pytest.fail(f"Livy lost a session in each of {ATTEMPTS} passes")

    def check(self, part: str, total: int, found: dict[str, Any]) -> None:
        known = () if self.full else (*OLDER_SERVER, *OURS)
        explained = {key for key in known if key.startswith(f"{part} ")}
        report = json.dumps({key: value for key, value in found.items() if key not in explained}, indent=1)
        assert set(found) - raced(found) == explained, (
            f"unexplained, or explained but alike {explained - set(found)}: {report[:6000]}"
        )
        countable = total - sum(key in OLDER_SERVER for key in found)
        share = 1 - sum(key not in OLDER_SERVER for key in found) / countable
        print(f"{part}: {share:.1%} of {countable} exchanges alike")  # noqa: T201 - the figure for the docs
        assert share >= ALIKE


@pytest.fixture
def livy(installed: Installation, tmp_path: Path, livy_home: Path | None) -> Livy:
    return Livy(installed, tmp_path, full=livy_home is not None)


@pytest.mark.parametrize("count", [PYTHON_PART, pytest.param(None, marks=pytest.mark.full)])
def test_a_fresh_livy_answers_as_recorded(
    livy: Livy, recording: dict[str, list[dict[str, Any]]], count: int | None
) -> None:
    exchanges = recording["default"][:count]
    found = differing("default", livy.replayed("127.0.41.11", exchanges, {}))
    livy.check("default", len(exchanges), found)


@pytest.mark.full
def test_a_livy_with_impersonation_and_csrf_protection_answers_as_recorded(
    livy: Livy, recording: dict[str, list[dict[str, Any]]]
) -> None:
    special = recording["impersonation_csrf"]
    exchanges = dict(enumerate(recording["default"][: PLACES[-1] + 1]))
    for place, exchange in zip(PLACES, special, strict=True):
        assert exchanges[place]["name"] == exchange["name"]
        exchanges[place] = exchange
    kept = [place for place in exchanges if place not in ELSEWHERE]
    verdicts = livy.replayed("127.0.41.12", [exchanges[place] for place in kept], SWITCHES)
    found = differing("impersonation_csrf", verdicts, tuple(kept.index(place) for place in PLACES))
    livy.check("impersonation_csrf", len(special), found)


def test_the_document_lists_just_these_differences() -> None:
    text = DOCS.read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{key}` | {reason} |" for key, reason in (*OLDER_SERVER.items(), *OURS.items())]
