"""``jupyter emr list --watch``, and how the process ends: the command as its own process before the AWS front."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from tests.functional.services.compute.catalogue.catalogues import STANDARD, add_clusters, change

pytestmark = pytest.mark.slow  # each a process of its own

COMMAND = [sys.executable, "-c", "from jupyter_emr_connect.cli.main import main; main()"]
# The list is read again after a second instead of fifteen.
SOON = "from jupyter_emr_connect.services.compute.catalogue import polling as p; p.FAST, p.SECONDS_A_PAGE = 1.0, 0.2; "
EAGER = [*COMMAND[:-1], SOON + COMMAND[-1]]
# A call that hangs is given up after more than two minutes (``aws/session.py``).
WAIT = 60


@pytest.fixture
def environment():
    return {**os.environ, "PYTHONUNBUFFERED": "1", "TERM": "xterm", "COLUMNS": "200"}


@contextmanager
def running(environment, *words, command=COMMAND) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, *words], env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def stopped(process) -> str:
    """Press Ctrl-C; return what it said on stderr."""
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=WAIT)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return err


def lines_until(process, enough) -> list[str]:
    seen = []
    for line in process.stdout:
        seen.append(line.rstrip("\n"))
        if enough(seen):
            return seen
    raise AssertionError((seen, process.stderr.read()))


def test_changes_are_lines_where_there_is_no_terminal(cloud, environment):
    with running(environment, "list", "--watch", command=EAGER) as process:
        lines_until(process, lambda seen: all(any(f"  {name}  " in line for line in seen) for name in STANDARD))
        add_clusters(cloud, 1, "fresh")
        change(cloud, "old", state="TERMINATED")
        seen = lines_until(process, lambda seen: any("removed" in line for line in seen))
        assert any(line.startswith("removed  ") and "  old  " in line for line in seen)
        if not any("fresh-0" in line for line in seen):
            seen = lines_until(process, lambda seen: "fresh-0" in seen[-1])
        assert stopped(process).strip() == "Stopped."


def test_changes_are_json_lines(cloud, environment):
    cloud.world.faults.set("deny:ListApplications")
    with running(environment, "list", "--watch", "--json") as process:
        seen = lines_until(process, lambda seen: sum(json.loads(line)["compute"]["attachable"] for line in seen) >= 3)
        rows = [json.loads(line) for line in seen]
        assert {row["change"] for row in rows} <= {"added", "changed"}
        assert {row["compute"]["name"] for row in rows} >= STANDARD - {"interactive"}
        assert json.loads(process.stderr.readline())["iam_action"] == "emr-serverless:ListApplications"
        stopped(process)


def test_a_live_table_on_a_terminal(cloud, environment):
    words = [*EAGER[1:], "list", "--watch"]
    size = (40, 200)
    with pexpect.spawn(EAGER[0], words, encoding="utf-8", timeout=WAIT, env=environment, dimensions=size) as shown:
        for name in ("analytics", "6 computes"):
            shown.expect(name)
        add_clusters(cloud, 1, "fresh")
        shown.expect("fresh-0")
        shown.expect("7 computes")
        shown.sendintr()
        shown.expect(pexpect.EOF)
        assert "Traceback" not in shown.before
    assert shown.exitstatus == 130


@pytest.mark.parametrize("words", [["list"], ["list", "--watch"], ["show", "open"], ["show", "j-SANDBOXOPEN000000"]])
def test_ctrl_c_ends_it_while_aws_hangs(cloud, environment, words):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(WAIT)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with running({**environment, "AWS_ENDPOINT_URL": url}, *words) as process:
            held = silent.accept()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=WAIT)
            assert process.returncode == 130, err
            assert "Traceback" not in err
            held[0].close()


def test_a_process_ends_while_a_list_hangs(cloud, environment):
    code = """
from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.compute.catalogue import LiveCatalogue, Query
catalogue = LiveCatalogue(EMRConnect())
catalogue.view(Query())
input()
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(WAIT)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment["AWS_ENDPOINT_URL"] = url
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE)
        try:
            held = silent.accept()
            process.communicate(b"\n", timeout=WAIT)
            assert process.returncode == 0
            held[0].close()
        finally:
            process.kill()
