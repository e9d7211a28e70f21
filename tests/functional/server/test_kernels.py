"""``kernels/{id}``: what is left behind is adopted and deleted, what a living process has is not, unless by force."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

KERNEL = "0f8fad5b-d9cb-469f-a165-70867728950e"
SELF = """
import sys
from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.services.kernels.processes import this_process
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
record = KernelRecord(sys.argv[2], "j-1", "emr-python", "http://h:1", state="connected", persistent=True)
Ledger(Database(sys.argv[1])).add(record, this_process())
print("added", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def ledger(jp_serverapp):
    return Ledger(Database(jp_serverapp.web_app.settings["emr_connect"].state_file))


@pytest.fixture
def left(cloud, ledger, notebook):
    """A kernel of the notebook that nobody has."""
    return ledger.add(
        KernelRecord(
            KERNEL,
            cloud.id("open"),
            "emr-python",
            "http://h:1",
            path=str(notebook),
            region="us-east-1",
            state="detached",
            persistent=True,
        )
    )


@pytest.fixture
def used(jp_serverapp):
    """A kernel that another process has, which lives until the test ends."""
    state = jp_serverapp.web_app.settings["emr_connect"].state_file
    command = [sys.executable, "-c", SELF, state, KERNEL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"added\n"
        yield process


async def test_a_kernel_left_behind_is_offered_to_its_notebook_or_another(jp_root_dir, rest, ledger, left):
    answer = await rest("POST", f"kernels/{KERNEL}/adopt")
    assert (answer.status, answer.json["link"], answer.json["cause"]) == (200, "detached", "adopt")
    assert ledger.get(KERNEL).wanted

    (jp_root_dir / "other.ipynb").write_text("{}")
    answer = await rest("POST", f"kernels/{KERNEL[:8]}/adopt", {"path": "other.ipynb"})
    assert answer.json["path"] == str(jp_root_dir / "other.ipynb")
    for path, status in (("nowhere.ipynb", 404), ("../x", 400), ("/etc/passwd", 400)):
        assert (await rest("POST", f"kernels/{KERNEL}/adopt", {"path": path})).status == status
    assert (await rest("POST", "kernels/nowhere/adopt")).status == 404
    assert (await rest("POST", f"kernels/{KERNEL}/adopt", {"force": "true"})).status == 400
    ledger.update(KERNEL, state="gone", cause="culled", reason="It was idle.")
    answer = await rest("POST", f"kernels/{KERNEL}/adopt")
    assert (answer.status, answer.json["message"]) == (409, f"Kernel {KERNEL} is gone: It was idle.")


async def test_a_kernel_that_another_process_has_is_left_alone_unless_forced(rest, ledger, used, notebook):
    for verb, route in (("POST", f"kernels/{KERNEL}/adopt"), ("DELETE", f"kernels/{KERNEL}")):
        answer = await rest(verb, route, {"path": "work/report.ipynb"} if verb == "POST" else None)
        assert (answer.status, answer.json["code"]) == (409, "kernel-in-use")
        assert str(used.pid) in answer.json["message"]
    assert ledger.get(KERNEL).state == "connected"
    sent = {"path": "work/report.ipynb"}
    answer = await rest("POST", f"kernels/{KERNEL}/adopt", sent, params={"force": "true"})
    assert (answer.status, answer.json["owner"]) == (200, None)
    listed = (await rest("GET", "kernels", params={"check": "false"})).json["items"]
    assert [one["link"] for one in listed] == ["detached"]


async def test_the_owner_is_shown_and_that_it_died(rest, used):
    async def shown():
        return (await rest("GET", "kernels", params={"check": "false"})).json["items"][0]

    alive = await shown()
    assert (alive["link"], alive["owner"]["pid"], alive["owner"]["alive"]) == ("connected", used.pid, True)
    used.kill()
    used.wait(20)
    dead = await shown()
    assert (dead["link"], dead["cause"], dead["owner"]["alive"]) == ("detached", "process ended", False)


async def test_a_kernel_left_behind_is_deleted_on_its_gateway(cloud, gateway, rest, ledger, left):
    assert (await rest("DELETE", f"kernels/{KERNEL}")).status == 204
    assert gateway.deleted == [f"/api/kernels/{KERNEL}"]
    assert ledger.all() == []
    assert (await rest("DELETE", f"kernels/{KERNEL}")).status == 404


async def test_one_that_cannot_be_deleted_stays_in_the_ledger(cloud, rest, ledger, left):
    ledger.add(replace(left, compute="j-NOWHERE"))
    answer = await rest("DELETE", f"kernels/{KERNEL}")
    assert answer.status == 404
    found = ledger.get(KERNEL)
    assert (found.state, found.cause, found.owner_id) == ("detached", "not deleted", None)


async def test_a_kernel_follows_its_notebook(jp_root_dir, jp_fetch, rest, ledger, left):
    body = '{"path": "work/renamed.ipynb"}'
    await jp_fetch("api", "contents", "work", "report.ipynb", method="PATCH", body=body)
    await rest("GET", "attachments")  # what was renamed has been followed
    assert ledger.get(KERNEL).path == str(jp_root_dir / "work" / "renamed.ipynb")


async def test_a_server_leaves_its_kernels_unless_it_is_told_to_end_them(jp_serverapp):
    assert jp_serverapp.web_app.settings["emr_connect"].on_server_exit == "detach"


async def test_the_list_tells_that_attachments_have_changed(rest, notebook):
    async def version():
        return (await rest("GET", "kernels", params={"check": "false"})).json["attachments_version"]

    versions = [await version()]
    made = (await rest("POST", "attachments", {"compute": "open", "path": "work/report.ipynb"})).json
    versions.append(await version())
    await rest("DELETE", f"attachments/{made['id']}")
    assert await version() == versions[0] != versions[1]
