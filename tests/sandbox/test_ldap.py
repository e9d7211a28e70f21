"""A cluster whose users are those of an LDAP directory: the real Livy behind the front that asks for them."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from jupyter_emr_connect.aws.secretsmanager import read_login
from jupyter_emr_connect.aws.session import open_session
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to

pytestmark = pytest.mark.sandbox
SECRET = "emr-sandbox/ldap/ada"
CODE = ["spark.range(10).count()", "print(sc.sparkUser())"]


def in_a_terminal(sandbox: Sandbox, typed: list[str], *command: str) -> tuple[int, str]:
    """Run a command in a terminal of its own, type a line at each question, and return its code and what was shown."""
    own, other = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("jupyter-emr"), *command],
        stdin=other,
        stdout=other,
        stderr=other,
        env=sandbox.env,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
    )
    os.close(other)
    shown, answers = "", list(typed)
    asked = 0
    try:
        while chunk := os.read(own, 4096):
            shown += chunk.decode("utf-8", "replace")
            questions = shown.count("User name for") + shown.count("Password of")
            if questions > asked and answers and shown.endswith(": "):
                asked = questions
                os.write(own, f"{answers.pop(0)}\n".encode())
    except OSError:  # its other end is closed: the command has ended
        pass
    os.close(own)
    return process.wait(60), shown


def test_a_command_without_a_terminal_says_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    done = sandbox.cli("attach", "ldap", str(tmp_path))
    assert done.returncode == 1
    assert "asks for a user name and password" in done.stderr
    assert "EMRConnect.livy_secrets" in done.stderr


def test_a_wrong_password_is_asked_for_again_and_stands_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    typed = ["ada", "first-wrong", "ada", "second-wrong", "nobody", "third-wrong"]
    code, shown = in_a_terminal(sandbox, typed, "attach", "ldap", str(tmp_path))
    assert code == 1, shown
    assert shown.count("does not accept the user name 'ada' and password (403: Error validating LDAP user)") == 2
    assert "does not accept the user name 'nobody'" in shown
    assert "-wrong" not in shown


@pytest.mark.full
def test_a_notebook_runs_as_the_user_who_typed_his_password(sandbox: Sandbox, tmp_path: Path) -> None:
    with attached_to(sandbox, "ldap", None):
        login = read_login(open_session(), SECRET)
    notebook, output = tmp_path / "notebook.ipynb", tmp_path / "out.ipynb"
    spec = {"kernelspec": {"name": "emr-pyspark", "display_name": "PySpark"}}
    cells = [nbformat.v4.new_code_cell(code) for code in CODE]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=spec), notebook)
    options = ("--compute", "ldap", "-o", str(output))
    code, shown = in_a_terminal(sandbox, ["ada", login.password], "run", str(notebook), *options)
    assert code == 0, shown
    said = ["".join(one["text"] for one in cell.outputs) for cell in nbformat.read(output, as_version=4).cells]
    assert said == ["10\n", "ada\n"]
    state = Path(sandbox.env["JUPYTER_DATA_DIR"])
    kept = [path for path in (*tmp_path.rglob("*"), *state.rglob("*.sqlite*")) if path.is_file()]
    assert not [path for path in kept if login.password.encode() in path.read_bytes()]
    assert login.password not in shown
