"""Kills at chosen instants of processes that back up a folder, and a checker that knows all they have done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from jupyter_emr_connect.sandbox.aws.failures import Down

CRASHER = Path(__file__).with_name("crasher.py")
LONGEST_S = 3.0  # a process that makes too few calls is killed then
CALLS = 25
AT_RISK = 3  # things done so shortly before a kill that nobody may have been told of them
MOMENTS = ("before", "after", "answered")


class KillingFront:
    """The AWS front with a kill at a chosen call of S3: before it is done, before or after its answer."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._application: Any = None
        self._lock = threading.Lock()
        self._pid = self._calls = 0
        self._moment = ""

    def before(self, application: Any) -> KillingFront:
        """Stand before the front."""
        self._application = application
        return self

    def arm(self, pid: int) -> None:
        """Kill this process at some call from now on, or after some seconds."""
        with self._lock:
            self._pid, self._calls = pid, self._dice.randint(1, CALLS)
            self._moment = self._dice.choice(MOMENTS)
        self._kill_in(LONGEST_S, pid)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one call, or not."""
        with self._lock:
            self._calls -= 1
            pid, moment = self._pid, self._moment if self._pid and self._calls == 0 else ""
        if moment == "before":
            self._kill(pid)
            raise Down
        answer = self._application(environ, start_response)
        if moment == "after":
            self._kill(pid)
        elif moment == "answered":
            self._kill_in(self._dice.random() * 0.01, pid)
        return answer

    def _kill_in(self, seconds: float, pid: int) -> None:
        timer = threading.Timer(seconds, self._kill, (pid,))
        timer.daemon = True
        timer.start()

    def _kill(self, pid: int) -> None:
        with self._lock:
            if self._pid == pid:  # it was not waited for: its number is nobody else's
                self._pid = 0
                os.kill(pid, signal.SIGKILL)


class Crashes:
    """Servers of one folder that are killed one after the other, and what is known of what they did."""

    def __init__(self, folder: Any, bucket: Any, front: KillingFront) -> None:
        self.folder, self.bucket, self.front = folder, bucket, front
        self.written: set[str] = set()
        self.replaced: set[str] = set()
        self.at_risk: set[str] = set()
        self.restores = self.done = 0
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, CRASHER], stdin=pipe, stdout=pipe, text=True)

    def close(self) -> None:
        """End the process that forks the others."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def kill_one(self, seed: int) -> None:
        """Let one server work until it is killed."""
        assert self._process.stdin
        root, state = self.folder.root, self.folder.store.file.with_name("state.sqlite")
        job = {
            "root": str(root),
            "state_file": str(state),
            "location": self.folder.config.backup_location,
            "seed": seed,
        }
        self._process.stdin.write(f"{json.dumps(job)}\n")
        self._process.stdin.flush()
        doing: list[dict[str, Any]] = []
        done = 0
        while True:
            line = self._process.stdout.readline()  # type: ignore[union-attr]
            assert line, "the process that forks the servers has ended"
            said = json.loads(line)
            if "pid" in said:
                self.front.arm(said["pid"])
            elif "do" in said:
                doing.append(said)
            elif "done" in said:
                done = len(doing)
            elif "refused" in said:
                doing.pop()
            elif "ended" in said:
                break
        self._learn(doing, done)

    def _learn(self, doing: list[dict[str, Any]], done: int) -> None:
        """Take in what a server has done; the last thing may be done, half done or not done."""
        self.done += done
        for number, one in enumerate(doing):
            if one["do"] == "save":
                self.written.add(json.dumps(one["metadata"], sort_keys=True))
            elif one["do"] == "restore":
                self.restores += 1
                file = self.folder.root / one["path"]
                if number < done or (file.exists() and file.read_text() != one["present"]):
                    self.replaced.add(one["present"])
        for file in self.folder.root.glob("[!.]*.ipynb"):
            if not file.stat().st_size and not file.with_name(f".~{file.name}").exists():
                file.unlink()  # a new one, killed before there was anything in it
        self.at_risk |= {one["path"] for one in doing[-AT_RISK:] if one["do"] in ("rename", "delete")}

    def check(self) -> None:
        """Let another process come to its end, and look whether anything is lost, torn or there twice."""
        self.folder.begin_anew()
        for former in self.folder.root.glob(".~*.ipynb"):  # killed while it saved: the user saves once more
            file = former.with_name(former.name[2:])
            try:
                json.loads(file.read_text())
                former.unlink()
            except ValueError:
                former.replace(file)
        self.folder.scan()
        self.folder.work()
        here = {f"team/{file.name}": file.read_text() for file in self.folder.root.glob("[!.]*.ipynb")}
        assert {key: self.bucket.text(key) for key in here} == here
        rows = self.folder.store.below("")
        assert {row.state for row in rows} <= {"in S3"}, rows
        assert not any(row.action for row in rows), rows
        assert self.folder.scan() == 0
        gone = self.bucket.keys() - here.keys()
        assert {key for key in gone if "/.emr-connect/" not in key} <= {f"team/{path}" for path in self.at_risk}
        everything = self._check_versions()
        assert self.replaced <= everything | set(here.values())

    def _check_versions(self) -> set[str]:
        """Return the text of every object and version there is, each whole and none twice in a row."""
        everything: set[str] = set()
        for key in self.bucket.keys(deleted=True):
            texts = self.bucket.versions(key)
            assert all(former != later for former, later in pairwise(texts)), (key, texts)
            everything |= {text for text in texts if text != "(deleted)"}
        assert all(json.dumps(json.loads(text)["metadata"], sort_keys=True) in self.written for text in everything)
        return everything
