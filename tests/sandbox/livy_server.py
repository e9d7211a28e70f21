"""Livy servers for the tests of the interpreter driver: as the sandbox starts them, but with other settings."""

from __future__ import annotations

import asyncio
import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import requests

from jupyter_emr_connect.sandbox.engines import livy
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.process import Engine, EngineSpec
from jupyter_emr_connect.sandbox.engines.spark import properties

SECONDS = 90.0
FIRST_PAUSE_S, LAST_PAUSE_S = 0.02, 0.2  # each look costs the server more than us


class GuardedEngine(Engine):
    """An engine that is ready once it refuses who brings no credentials."""

    async def _answers(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.url + self.spec.probe) as answer:
                return answer.status == 401
        except (aiohttp.ClientError, asyncio.TimeoutError):
            return False


@contextmanager
def plain_livy(
    installed: Installation,
    folder: Path,
    address: str,
    settings: dict[str, str] | None = None,
    *,
    environment: dict[str, str] | None = None,
    engine_class: type[Engine] = Engine,
) -> Iterator[Engine]:
    """Run Livy without users and access control, as a fresh Apache Livy is; ``settings`` go into livy.conf."""
    conf, spark_conf = livy.write_configuration(installed, folder, address)
    own = {key: value for key, value in livy.livy_conf(address, "").items() if ".auth." not in key}
    own = {key: value for key, value in own.items() if value not in ("", "true")} | (settings or {})
    own |= livy.spark_home_setting(installed)
    inherited = livy.server_environment(installed, folder, conf, spark_conf, address)
    spec = EngineSpec(
        name="livy",
        command=(str(installed.java), *livy._java_arguments(installed, folder, conf, address)),
        workdir=folder,
        environment=inherited | {"TZ": "UTC"} | (environment or {}),
        address=address,
        listening=livy.LISTENING,
        probe="/version",
        stdin=properties(own),
    )
    engine = engine_class(spec)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(engine.start(), loop).result()
        yield engine
    finally:
        asyncio.run_coroutine_threadsafe(engine.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class Session:
    """A session of Livy and its statements, by REST."""

    def __init__(self, url: str, kind: str, **fields: Any) -> None:
        self.http = requests.Session()
        self.http.headers["X-Requested-By"] = "test"
        self.root = url
        self.kind: str | None = None
        begun = time.monotonic()
        made = self.http.post(f"{url}/sessions", json={"kind": kind, **fields}, timeout=SECONDS)
        assert made.status_code == 201, made.text
        self.url = f"{url}/sessions/{made.json()['id']}"
        self.wait("", "idle")
        self.idle_after = time.monotonic() - begun

    def of_kind(self, kind: str) -> Session:
        """Return the same session, whose statements are of another kind where they do not say theirs."""
        other = copy.copy(self)
        other.kind = kind
        return other

    @property
    def state(self) -> str:
        """The session's state."""
        return str(self.http.get(f"{self.url}/state", timeout=SECONDS).json()["state"])

    def wait(self, path: str, *states: str, seconds: float = SECONDS) -> dict[str, Any]:
        """Poll the session (or a path below it) until it is in one of the states."""
        deadline = time.monotonic() + seconds
        pause = FIRST_PAUSE_S
        while True:
            body: dict[str, Any] = self.http.get(self.url + path, timeout=SECONDS).json()
            if body["state"] in states:
                return body
            assert body["state"] not in ("dead", "killed"), body
            assert time.monotonic() < deadline, body
            time.sleep(pause)
            pause = min(1.5 * pause, LAST_PAUSE_S)

    def submit(self, code: str, kind: str | None = None) -> int:
        """Post a statement; return its number."""
        kind = kind or self.kind
        body = {"code": code, **({"kind": kind} if kind else {})}
        made = self.http.post(f"{self.url}/statements", json=body, timeout=SECONDS)
        assert made.status_code == 201, made.text
        return int(made.json()["id"])

    def run(self, code: str, kind: str | None = None) -> dict[str, Any]:
        """Run a statement to its end; return its output."""
        done = self.wait(f"/statements/{self.submit(code, kind)}", "available", "cancelled")
        output: dict[str, Any] = done["output"]
        return output

    def text(self, code: str, kind: str | None = None) -> str:
        """Run a statement that must succeed; return its plain text."""
        output = self.run(code, kind)
        assert output["status"] == "ok", output
        return str(output["data"]["text/plain"])

    def cancel(self, statement: int) -> None:
        """Cancel a statement."""
        self.http.post(f"{self.url}/statements/{statement}/cancel", timeout=SECONDS).raise_for_status()

    def complete(self, code: str, kind: str) -> list[str]:
        """Return the candidates at the end of the code."""
        body = {"code": code, "kind": kind, "cursor": len(code)}
        found = self.http.post(f"{self.url}/completion", json=body, timeout=SECONDS).json()
        return list(found["candidates"])

    def delete(self) -> None:
        """End the session."""
        self.http.delete(self.url, timeout=SECONDS)
