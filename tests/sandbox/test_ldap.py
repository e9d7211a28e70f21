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
from tests.sandbox.kernels import attached_to, execute, published, reply_to, running, texts

pytestmark = pytest.mark.sandbox
WAIT = 120
SECRET = "emr-sandbox/ldap/ada"
CODE = ["sc.parallelize(range(10), 1).count()", "print(sc.sparkUser())"]


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


async def test_a_cell_asks_for_user_and_password_hidden_and_once_more(sandbox: Sandbox) -> None:
    with attached_to(sandbox, "open"):
        login = read_login(open_session(), SECRET)
        async with running("python3") as (_, client):
            await execute(client, "%load_ext jupyter_emr_connect")
            reply, _ = await execute(client, "%emr attach ldap", allow_stdin=False)
            assert reply["content"]["ename"] == "LoginRequired"
            assert "EMRConnect.livy_secrets" in "".join(reply["content"]["traceback"])
            asked = client.execute("%emr attach ldap", allow_stdin=True)
            questions = []
            for answer in ("ada", "first-wrong", "ada", login.password):
                question = (await client.get_stdin_msg(timeout=WAIT))["content"]
                questions.append((question["prompt"].partition(" ")[0], question["password"]))
                client.input(answer)
            outputs = await published(client, asked, wait=WAIT)
            assert (await reply_to(client, asked, wait=WAIT))["content"]["status"] == "ok", texts(outputs)
            assert questions == [("User", False), ("Password", True)] * 2
            said = texts(outputs) + texts(outputs, "stderr")
            assert "does not accept the user name 'ada' and password" in said
            assert "Attached to ldap" in said
            kept = "%emr attach ldap --as other\nhistory = get_ipython().history_manager.input_hist_raw"
            _, outputs = await execute(client, f"{kept}\nprint(history)", allow_stdin=False)
            assert "as 'other'" in texts(outputs)  # without a question
            assert "'%emr attach ldap'" in texts(outputs)
            assert not [secret for secret in ("first-wrong", login.password) if secret in said + texts(outputs)]


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
