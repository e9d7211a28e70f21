"""Replays recorded exchanges with Apache Livy 0.8.0 against another Livy and compares the answers.

What must differ between two runs is normalised, and nothing else: session numbers (by the Location of the answers
that created them) and random names, times, hosts, memory addresses, the folder of Spark, what Spark logs, and the
stack frames below Spark's own (see ``_frames``). ``OLDER`` are the fields that 0.7.1's sessions do not have yet; they
are compared with a full Livy only.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests

from jupyter_emr_connect.livy.session import lost_by_race

OLDER = {
    *("ttl", "driverMemory", "driverCores", "executorMemory", "executorCores", "conf", "archives", "files"),
    *("heartbeatTimeoutInSecond", "jars", "numExecutors", "pyFiles", "queue"),
}
BUILD = {"url", "branch", "revision", "date", "user"}
"""What an answer tells of how this Livy was built."""
FINAL = {"available", "cancelled", "error", "idle", "dead", "killed"}
ORDER = ["not_started", "starting", "waiting", "running", "cancelling", "available", "cancelled", "idle", "busy"]
SECONDS = 90.0
PAGE = 400

JVM_EPILOGUE = {
    # Livy closes a dead driver's stderr while it reads it, so how much of these it catches is chance.
    "Error: Could not create the Java Virtual Machine.",
    "Error: A fatal exception has occurred. Program will exit.",
}
WAITS = {"cancel running": 6.0}
"""Seconds to wait before an exchange: the recorder's Spark job had run for three when it was cancelled, of twenty."""

JSON = Any


@dataclass(frozen=True)
class Verdict:
    """What one exchange came to; ``differences`` maps a part of the answer to (recorded, ours)."""

    index: int
    name: str
    differences: dict[str, tuple[Any, Any]]


class SessionLost(Exception):
    """Livy has lost a session as it started, by a race of its own; nothing after it is comparable."""


class Replay:
    """One pass through a recording, in order, against the Livy at ``url``; ``full`` says that it is 0.8 or later."""

    def __init__(self, url: str, spark_home: str, *, full: bool = False) -> None:
        self.url = url
        self.spark_home = spark_home
        self.full = full
        self.left_out = BUILD if full else OLDER
        self.sessions: dict[str, str] = {}
        self.http = requests.Session()

    def run(self, exchanges: list[dict[str, Any]]) -> Iterator[Verdict]:
        """Yield a verdict for each exchange; raises :class:`SessionLost`."""
        for index, recorded in enumerate(exchanges):
            time.sleep(WAITS.get(recorded["name"], 0))
            response = self._settled(recorded)
            if recorded["location"] and response.headers.get("Location"):
                self._learn(recorded["location"], response.headers["Location"])
            states = self._poll(recorded, response) if "states_after" in recorded else None
            if states and states[-1] == "dead" and recorded["states_after"][-1] == "idle":
                self._refuse_lost(response.headers["Location"])
            ours = {
                "status": response.status_code,
                "content_type": response.headers.get("Content-Type"),
                "location": response.headers.get("Location"),
                "answer": _body(response),
                "states_after": states,
            }
            yield Verdict(index, recorded["name"], self._compare(recorded, ours))

    def _settled(self, recorded: dict[str, Any]) -> requests.Response:
        """Send the request; a GET is repeated until it shows the recorded state, since the recorder had waited."""
        wanted = _state(recorded["answer"])
        deadline = time.monotonic() + (SECONDS if recorded["request"]["method"] == "GET" and wanted else 0)
        while True:
            response = self._send(recorded)
            if time.monotonic() >= deadline or _state(_body(response)) == wanted:
                return response
            time.sleep(0.05)

    def _send(self, recorded: dict[str, Any]) -> requests.Response:
        request = recorded["request"]
        body = request["body"]
        if isinstance(body, dict):
            # 0.7.1 refuses a session with `ttl`, which would end the replay; docs/livy-differences.md says so.
            body = json.dumps({key: value for key, value in body.items() if self.full or key != "ttl"})
        headers = {"Content-Type": "application/json"}
        if recorded["name"] != "no requested-by":
            headers["X-Requested-By"] = "replay"
        url = self.url + self._ours(request["path"])
        data = body.encode() if body is not None else None
        return self.http.request(
            request["method"], url, data=data, headers=headers, timeout=SECONDS, allow_redirects=False
        )

    def _poll(self, recorded: dict[str, Any], response: requests.Response) -> list[str]:
        """Poll the statement or session until it ends, as the recorder did; return the states seen."""
        path = response.headers.get("Location") or recorded["request"]["path"].removesuffix("/cancel")
        path = self._ours(path) if not response.headers.get("Location") else path
        path = path.removesuffix("/statements")
        seen: list[str] = []
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            state = self.http.get(self.url + path, timeout=SECONDS).json()["state"]
            if state not in seen:
                seen.append(state)
            if state in FINAL:
                break
            time.sleep(0.05)
        return seen

    def _refuse_lost(self, session: str) -> None:
        deadline = time.monotonic() + 2  # Livy reads the driver's log from a pipe beside
        while time.monotonic() < deadline:
            log = self.http.get(f"{self.url}{session}/log?size=-1", timeout=SECONDS).json()["log"]
            if lost_by_race(log):
                raise SessionLost(session)
            time.sleep(0.2)

    def _learn(self, recorded: str, ours: str) -> None:
        theirs, mine = (re.match(r"/sessions/(\d+)", path) for path in (recorded, ours))
        if theirs and mine:
            self.sessions[theirs[1]] = mine[1]

    def _ours(self, path: str) -> str:
        return re.sub(r"^/sessions/(\d+)", lambda m: f"/sessions/{self.sessions.get(m[1], m[1])}", path)

    def _theirs(self, text: str) -> str:
        """Give our session numbers the recorded ones."""
        back = {ours: theirs for theirs, ours in self.sessions.items()}
        text = re.sub(r"(/sessions/)(\d+)", lambda m: m[1] + back.get(m[2], m[2]), text)
        return re.sub(r"(Session ')(\d+)(')", lambda m: m[1] + back.get(m[2], m[2]) + m[3], text)

    def _compare(self, recorded: dict[str, Any], ours: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
        posted = recorded["request"]["method"] == "POST" and "progress" in _keys(recorded["answer"])
        pairs = {
            "status": (recorded["status"], ours["status"]),
            "content_type": (recorded["content_type"].lower(), (ours["content_type"] or "").lower()),
            "location": tuple(_place(self._theirs(each["location"] or "")) for each in (recorded, ours)),
            "answer": tuple(
                self._normal(answer, posted=posted, own=own)
                for answer, own in ((recorded["answer"], False), (_cut(ours["answer"], recorded["answer"]), True))
            ),
        }
        if "states_after" in recorded:
            pairs["states_after"] = (_ended(recorded["states_after"]), _ended(ours["states_after"]))
        return {part: pair for part, pair in pairs.items() if pair[0] != pair[1]}

    def _normal(self, value: JSON, *, posted: bool, own: bool) -> JSON:
        if isinstance(value, str):
            return self._text(value, own=own)
        if isinstance(value, list):
            lines = [self._normal(item, posted=posted, own=own) for item in value]
            return _frames(lines) if all(isinstance(line, str) for line in lines) else lines
        if not isinstance(value, dict):
            return value
        normal = {key: self._normal(item, posted=posted, own=own) for key, item in value.items()}
        normal = {key: item for key, item in normal.items() if key not in self.left_out}
        if posted and "progress" in normal:  # how far it came before the answer went out is chance
            normal = {key: normal[key] for key in ("id", "code")} | {"keys": sorted(normal)}
        for key in ("started", "completed"):
            if normal.get(key):
                normal[key] = "TIME"
        if "log" in normal:
            normal["log"] = _quiet(normal["log"])
        if {"from", "total", "log"} <= set(normal):
            normal["from"] -= normal["total"] if normal["from"] else 0
            normal["total"] = "COUNT"
        if own and "driverLogUrl" not in normal and "id" in normal and "kind" in normal:
            number = str(normal["id"])
            normal["id"] = int({mine: theirs for theirs, mine in self.sessions.items()}.get(number, number))
        return normal

    def _text(self, text: str, *, own: bool) -> str:
        if own:
            # A full Livy takes PySpark from the zip beside it, the recorder's took it from the folder.
            text = text.replace(f"{self.spark_home}/python/lib/pyspark.zip/pyspark", self.spark_home)
            text = self._theirs(text.replace(self.spark_home, "SPARK_HOME"))
        text = re.sub(r"0x[0-9a-f]{6,}", "ADDRESS", text)
        text = re.sub(r"\.\.\. \d+ elided", "... N elided", text)
        text = re.sub(r"^n-[0-9a-f]{8}$", "NAME", text)
        text = re.sub(r"session \d+$", "session N", text)
        text = re.sub(r"http://[\d.]+:\d+", "HOST", text)
        if "\n\tat " in text:
            head, *frames = text.split("\n\tat ")
            tail = "\n\n" if text.endswith("\n\n") else ""
            text = "\n\tat ".join([head, *_frames([frame.strip() for frame in frames])]) + tail
        return text


def _frames(lines: list[str]) -> list[str]:
    """Drop the frames that are not Spark's: from Livy's first on, and Java's own reflection and threads.

    Below Livy's first frame stands its driver, which is ours; Java's frames depend on how often a method was called
    and on whether the JRE kept its line numbers.
    """
    kept = []
    for line in lines:
        if line.startswith("org.apache.livy."):
            break
        if not line.startswith(("java.base/", "jdk.internal.")):
            kept.append(line)
    return kept


def _quiet(log: list[str]) -> list[str]:
    """Return the lines before Spark's first log entry; what Spark and Livy log has times, ports and folders in it."""
    entry = next((i for i, line in enumerate(log) if re.match(r"\d\d/\d\d/\d\d |\tat ", line)), len(log))
    return [line for line in log[:entry] if line not in JVM_EPILOGUE]


def _body(response: requests.Response) -> JSON:
    try:
        return response.json()
    except ValueError:
        return response.text


def _cut(answer: JSON, recorded: JSON) -> JSON:
    """Shorten an answer where the recorder did; it ended long texts with an ellipsis, and pages without."""
    if isinstance(answer, str) and isinstance(recorded, str):
        if recorded.endswith("…"):
            return answer[: len(recorded) - 1] + "…"
        if len(recorded) == PAGE:
            return answer[:PAGE]
    return answer


def _keys(answer: JSON) -> set[str]:
    return set(answer) if isinstance(answer, dict) else set()


def _state(answer: JSON) -> str | None:
    return answer.get("state") if isinstance(answer, dict) else None


def _place(location: str) -> str:
    return re.sub(r"^http://[^/]+", "HOST", location)


def _ended(states: list[str]) -> list[str]:
    """Return the final state; states in between are seen or not by chance, but never out of order."""
    ranks = [ORDER.index(state) for state in states if state in ORDER]
    return states[-1:] if ranks == sorted(ranks) else states
