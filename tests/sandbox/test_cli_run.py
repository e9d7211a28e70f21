"""``jupyter emr run`` on real kernels: parameters, outputs, timings, failing cells, Ctrl-C, SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.backups.location import open_queue
from tests.conftest import Sandbox
from tests.sandbox.notebooks import printed, write_notebook

pytestmark = pytest.mark.sandbox


@pytest.fixture(autouse=True)
def nothing_left(sandbox: Sandbox) -> Iterator[None]:
    before = {row["kernel_id"] for row in sandbox.json("kernels", "--no-check")["items"]}
    yield
    assert {row["kernel_id"] for row in sandbox.json("kernels", "--no-check")["items"]} <= before


def outputs(path: Path) -> list[str]:
    return [text.strip() for text in printed(path)]


def test_result_object_with_stage_timings_and_outputs_that_jupyter_trusts(sandbox: Sandbox, tmp_path: Path) -> None:
    show = "from IPython.display import HTML, display\nprint(6 * 7, flush=True)\ndisplay(HTML('<script>1</script>'))"
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", show, "")
    # As beside a Jupyter server whose folder this is, and which keeps backups.
    settings = {"state_file": str(tmp_path / "state.sqlite"), "backup_location": "s3://emr-sandbox-notebooks/run"}
    queue = open_queue(EMRConnect(**settings), os.path.realpath(tmp_path))
    queue.save([path.name])
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))
    config = os.pathsep.join([str(tmp_path / "config"), sandbox.env["JUPYTER_CONFIG_PATH"]])
    result = sandbox.json("run", str(path), "--compute", "open", JUPYTER_CONFIG_PATH=config)
    noted = queue.get(Path(result["output"]).name)
    assert noted
    assert noted.action == "upload"
    notary = NotebookNotary(data_dir=sandbox.env["JUPYTER_DATA_DIR"])
    assert notary.check_signature(nbformat.read(result["output"], 4))
    assert not notary.check_signature(nbformat.read(path, 4))
    notary.store.close()
    assert (result["cells"], result["executed"], result["error"]) == (1, 1, None)
    assert list(result["stages"]) == ["credentials", "gateway", "kernel requested", "kernel ready"]
    assert outputs(Path(result["output"]))[0].startswith("42")


def test_spark_under_a_role_with_parameters_and_an_error_that_keeps_the_outputs(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = write_notebook(
        tmp_path / "n.ipynb",
        "emr-pyspark",
        '%%configure\n{"conf": {"spark.sql.shuffle.partitions": "3"}}',
        "print(spark.conf.get('spark.sql.shuffle.partitions'), spark.range(rows).count(), repr(name))\n"
        "print(spark.sparkContext.sparkUser())",
        "spark.table('nosuch')",
        "print(3)",
    )
    words = ("--runtime-role", "EMRAnalyst", "-p", "rows", "1000", "-r", "name", "7", "-o", str(tmp_path / "o.ipynb"))
    done = sandbox.cli("run", str(path), "--compute", "analytics", *words)
    assert done.returncode == 1
    assert "Error: Cell 4 of 5 failed: AnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table" in done.stderr
    assert "Traceback" not in done.stderr
    first, second, third = outputs(tmp_path / "o.ipynb")[-3:]
    assert first.endswith("3 1000 '7'\nemranalyst")
    assert "TABLE_OR_VIEW_NOT_FOUND" in second
    assert third == ""
    assert "FloatProgress" not in (tmp_path / "o.ipynb").read_text()  # sparkmagic's bars, closed when a cell ends
    injected = [cell for cell in nbformat.read(tmp_path / "o.ipynb", 4).cells if "injected" in str(cell.metadata)]
    assert [cell.metadata["tags"] for cell in injected] == [["injected-parameters"]]


def test_settings_that_sparkmagic_drops_fail_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-pyspark", "%%configure\n{'conf': {}}", "%%local\nprint(1)")
    done = sandbox.cli("run", str(path), "--compute", "open")
    assert done.returncode == 1
    assert "Cell 1 of 2 failed: its Spark settings were not used: Could not parse JSON object" in done.stderr
    assert outputs(tmp_path / "n.out.ipynb")[1] == ""


def test_a_failing_cell_as_json_is_a_result_with_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "1/0", "print('never')")
    done = sandbox.cli("run", str(path), "--compute", "open", "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["error"]["code"] == "cell-failed"
    assert "ZeroDivisionError" in result["error"]["message"]
    assert result["executed"] == 0


def test_a_cell_that_takes_too_long(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "import time; time.sleep(60)")
    done = sandbox.cli("run", str(path), "--compute", "open", "--timeout", "1")
    assert done.returncode == 1
    assert "ran longer than 1 s" in done.stderr


def test_a_kernel_that_dies_in_a_cell(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "import os; os._exit(3)")
    done = sandbox.cli("run", str(path), "--compute", "open")
    assert done.returncode == 1
    assert "died" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_attachment_of_the_folder_is_used_and_studios_kernel_names_stand_for_ours(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    path = write_notebook(tmp_path / "deep.ipynb", "python3", "print(1)")
    assert sandbox.cli("attach", "open", str(tmp_path)).returncode == 0
    try:
        result = sandbox.json("run", str(path))
        assert (result["executed"], result["kernel"]) == (1, "emr-python")
    finally:
        sandbox.cli("detach", str(tmp_path))


class Running:
    """A run in the background that can be told to stop."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said = ""

    def wait_for(self, words: str) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.said += line
            if words in line:
                return
        raise AssertionError(self.said)

    def end(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=60)
        self.said += err
        assert "Traceback" not in self.said
        result: dict[str, Any] = json.loads(out)
        return result


@contextmanager
def started(sandbox: Sandbox, path: Path) -> Iterator[Running]:
    command = ["jupyter-emr", "run", str(path), "--compute", "open", "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=sandbox.env, text=True, start_new_session=True, **pipes)
    try:
        yield Running(process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_the_remote_cell_that_is_seen_to_run_and_ends_the_kernel(
    sandbox: Sandbox, tmp_path: Path, signum: int
) -> None:
    flag = tmp_path / "on it"
    goes_on = f"open({str(flag)!r}, 'w').close()\n    time.sleep(600)"
    code = f"import time\ntry:\n    {goes_on}\nfinally:\n    print('cleaned up')"
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", code, "print('never')")
    with started(sandbox, path) as run:
        run.wait_for("cell 1/2")
        for _ in range(600):
            if flag.exists():
                break
            time.sleep(0.1)
        rows = [row for row in sandbox.json("kernels")["items"] if row["path"] == str(path)]
        assert [(row["kernelspec"], row["state"]) for row in rows] == [("emr-python", "busy")]
        os.kill(run.process.pid, signum)
        result = run.end()
    assert run.process.returncode == 128 + signum
    assert result["stopped_by"] == signum
    texts = outputs(tmp_path / "n.out.ipynb")
    assert "cleaned up" in texts[0]
    assert "KeyboardInterrupt" in texts[0]
    assert texts[1] == ""


def test_outputs_are_written_cell_by_cell_and_an_early_interrupt_is_not_lost(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "print('first')", "import time\ntime.sleep(600)")
    with started(sandbox, path) as run:
        run.wait_for("cell 2/2")
        assert outputs(tmp_path / "n.out.ipynb") == ["first", ""]
        os.kill(run.process.pid, signal.SIGINT)  # at once: the remote kernel has hardly got the cell
        run.end()


NO_REPLY = """
import time
session = get_ipython().kernel.session
send = session.send
session.send = lambda stream, kind, *more, **options: kind == "execute_reply" or send(stream, kind, *more, **options)
time.sleep(600)
"""


def test_an_interrupted_cell_whose_reply_never_comes_ends_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """As happens when the interrupt hits the kernel just before the cell's code."""
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", NO_REPLY)
    with started(sandbox, path) as run:
        run.wait_for("cell 1/1")
        time.sleep(1)
        os.kill(run.process.pid, signal.SIGINT)
        assert run.end()["stopped_by"] == signal.SIGINT


def test_a_second_signal_ends_a_kernel_that_does_not_listen(sandbox: Sandbox, tmp_path: Path) -> None:
    ignore = "try:\n        time.sleep(600)\n    except KeyboardInterrupt:\n        print('no')"
    code = f"import time\nwhile True:\n    {ignore}"
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", code)
    with started(sandbox, path) as run:
        run.wait_for("cell 1/1")
        time.sleep(1)
        os.kill(run.process.pid, signal.SIGINT)
        run.wait_for("Interrupting")
        time.sleep(1)
        os.kill(run.process.pid, signal.SIGINT)
        result = run.end()
    assert result["stopped_by"] == signal.SIGINT
    assert "no" in outputs(tmp_path / "n.out.ipynb")[0]


@pytest.mark.faults
def test_one_sigterm_ends_a_run_whose_line_is_dead(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nothing of an interrupt reaches the kernel then, and whoever sends SIGTERM sends it once."""
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "import time\nprint('on', flush=True)\ntime.sleep(600)")
    with started(sandbox, path) as run:
        run.wait_for("cell 1/1")
        try:
            sandbox.fault("no-gateway", "--compute", "open")
            sandbox.fault("cut-sockets", "--compute", "open")
            os.kill(run.process.pid, signal.SIGTERM)
            result = run.end()
        finally:
            sandbox.fault("--off")
    assert result["stopped_by"] == signal.SIGTERM
    assert run.process.returncode == 128 + signal.SIGTERM
    sandbox.json("kernels", "prune", "--yes")  # it could not be deleted, and the ledger has it


def test_a_signal_while_the_kernel_starts_leaves_none(sandbox: Sandbox, tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb", "emr-python", "print(1)")
    with started(sandbox, path) as run:
        run.wait_for("kernel requested")
        os.kill(run.process.pid, signal.SIGINT)
        result = run.end()
    assert run.process.returncode == 130
    assert result["executed"] == 0
