"""Two runtime roles on one cluster at the same time: two users, and neither sees the other."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest

from tests.conftest import Sandbox
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox

CELLS = (
    "# parameters\nflag = ''",
    "sc.parallelize(range(1000), 1).sum()",
    "print('user', spark.sparkContext.sparkUser())",
    "import os, time\nwhile not os.path.exists(flag):\n    time.sleep(0.2)\nprint('done')",
)


class Caller:
    """Somebody who asks the cluster's ports directly, with a pair of his own."""

    def __init__(self, sandbox: Sandbox, role: str) -> None:
        self.compute = sandbox.compute("analytics")
        session = boto3.Session(profile_name="developer")
        answer = session.client("emr").get_cluster_session_credentials(
            ClusterId=self.compute["id"], ExecutionRoleArn=role
        )
        pair = answer["Credentials"]["UsernamePassword"]
        self.basic = base64.b64encode(f"{pair['Username']}:{pair['Password']}".encode()).decode()
        authorities = json.loads(
            Path(sandbox.env["JUPYTER_CONFIG_PATH"].split(":")[0])
            .joinpath("jupyter_emr_connect_config.json")
            .read_text()
        )["EMRConnect"]["certificate_authorities"]
        self.context = ssl.create_default_context(cafile=next(iter(authorities.values())))
        self.others: list[object] = []
        self.others = [row["id"] for row in (*self.kernels(), *self.sessions())]  # which earlier tests have left

    def ask(self, url: str, method: str = "GET") -> tuple[int, object]:
        request = urllib.request.Request(url, method=method, headers={"Authorization": f"Basic {self.basic}"})
        for _ in range(20):
            try:
                with urllib.request.urlopen(request, context=self.context, timeout=60) as answer:
                    return answer.status, json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    return error.code, None
                time.sleep(0.3)
        raise AssertionError("the pair was never honoured")

    def kernels(self) -> list[dict[str, object]]:
        """Return the kernels that this caller sees and that were not there before."""
        status, rows = self.ask(f"{self.compute['gateway_url']}/api/kernels")
        assert status == 200
        return [row for row in rows if row["id"] not in self.others]

    def sessions(self) -> list[dict[str, object]]:
        status, answer = self.ask(f"{self.compute['livy_url']}/sessions")
        assert status == 200
        return [row for row in answer["sessions"] if row["id"] not in self.others]


def test_two_roles_run_as_two_users_and_see_only_their_own(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in sandbox.env.items():
        monkeypatch.setenv(key, value)
    flag = tmp_path / "flag"
    roles = {
        name: next(arn for arn in sandbox.status["roles"] if arn.endswith(name))
        for name in ("EMRAnalyst", "EMREngineer")
    }
    analyst, engineer = (Caller(sandbox, role) for role in roles.values())
    runs = {}
    for name, role in roles.items():
        notebook = write_notebook(tmp_path / f"{name}.ipynb", "emr-pyspark", *CELLS)
        command = ["jupyter-emr", "run", str(notebook), "--compute", "analytics", "--runtime-role", role]
        command += ["-p", "flag", str(flag), "-o", str(tmp_path / f"{name}-out.ipynb")]
        runs[name] = subprocess.Popen(
            command, env=sandbox.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    try:
        deadline = time.monotonic() + 180
        while True:
            seen = [(caller.kernels(), caller.sessions()) for caller in (analyst, engineer)]
            if all(kernels and sessions and sessions[0]["state"] == "busy" for kernels, sessions in seen):
                break
            states = [[(row["state"], row["name"]) for row in sessions] for _, sessions in seen]
            assert time.monotonic() < deadline, (states, [run.poll() for run in runs.values()])
            assert all(run.poll() is None for run in runs.values()), [run.communicate()[0] for run in runs.values()]
            time.sleep(0.5)
        (kernels_a, sessions_a), (kernels_e, sessions_e) = seen
        assert {len(kernels_a), len(kernels_e), len(sessions_a), len(sessions_e)} == {1}
        assert kernels_a[0]["id"] != kernels_e[0]["id"]
        assert [row["proxyUser"] for row in sessions_a + sessions_e] == ["emranalyst", "emrengineer"]
        for caller, kernel, session in (
            (analyst, kernels_e[0], sessions_e[0]),
            (engineer, kernels_a[0], sessions_a[0]),
        ):
            for path in (f"/api/kernels/{kernel['id']}", f"/api/kernels/{kernel['id']}/channels"):
                assert caller.ask(caller.compute["gateway_url"] + path)[0] == 404
            assert caller.ask(f"{caller.compute['gateway_url']}/api/kernels/{kernel['id']}", "DELETE")[0] == 404
            for path in ("", "/state", "/log", "/statements"):
                assert caller.ask(f"{caller.compute['livy_url']}/sessions/{session['id']}{path}")[0] == 404
            assert caller.ask(f"{caller.compute['livy_url']}/sessions/{session['id']}", "DELETE")[0] == 404
    finally:
        flag.touch()
        printed_by_cli = {name: run.communicate(timeout=120)[0] for name, run in runs.items()}
    for name, run in runs.items():
        assert run.returncode == 0, printed_by_cli[name]
        cells = "".join(printed(tmp_path / f"{name}-out.ipynb"))
        assert "499500" in cells
        assert f"user {name.lower()}" in cells
    assert analyst.kernels() == engineer.kernels() == []
    assert analyst.sessions() == engineer.sessions() == []
