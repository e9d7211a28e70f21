"""``%emr`` in a kernel on a real gateway: answered on the user's side, and everything else by the kernel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.services.attachments.location import KernelLocation
from jupyter_emr_connect.services.attachments.resolution import open_attachments, resolve
from tests.conftest import Sandbox
from tests.sandbox.kernels import attached_to, execute, of_type, reply_to, running, texts

pytestmark = pytest.mark.sandbox


async def test_emr_cells_are_answered_beside_a_gateway_kernel(
    sandbox: Sandbox, on_gateway: Callable[[], set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = tmp_path / "n.ipynb"
    notebook.write_text("{}")
    with attached_to(sandbox, "open"):
        monkeypatch.delenv("EMR_CONNECT_COMPUTE")
        sandbox.cli("attach", "open", str(notebook))
        monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
        async with running("emr-python") as (_, client):
            await execute(client, "kept = 42")
            reply, outputs = await execute(client, "%emr status")
            assert (reply["content"]["status"], reply["content"]["execution_count"]) == ("ok", 2)
            reply, outputs_of_next = await execute(client, "print(In[2:])")
            assert reply["content"]["execution_count"] == 3
            assert texts(outputs_of_next) == "['%emr status', 'print(In[2:])']\n"
            assert "user/developer" in texts(outputs)
            assert "this kernel: on j-SANDBOXOPEN000000 by gateway" in texts(outputs)
            _, outputs = await execute(client, "%emr list --kind ec2")
            (shown,) = of_type(outputs, "display_data")
            assert "analytics" in shown["content"]["data"]["text/plain"]
            assert "<table" in shown["content"]["data"]["text/html"]
            reply, _ = await execute(client, "%emr lst")
            assert "Did you mean %emr list?" in reply["content"]["evalue"]
            reply, _ = await execute(client, "%emr status\nprint(kept)")
            assert "in a cell of its own" in reply["content"]["evalue"]
            asked = client.complete("%emr re", 7)
            assert (await reply_to(client, asked))["content"]["matches"] == ["restart"]

            role = next(arn for arn in sandbox.status["roles"] if arn.endswith("EMRAnalyst"))
            _, outputs = await execute(client, f"%emr attach analytics --role {role}")
            assert "still runs on j-SANDBOXOPEN000000. Restart the kernel" in texts(outputs)
            made = resolve(EMRConnect(), {}, KernelLocation(str(notebook)))
            assert (made.compute_name, made.runtime_role) == ("analytics", role)
            assert texts((await execute(client, "print(kept)"))[1]) == "42\n"
            _, outputs = await execute(client, "%emr attach open")
            assert "This kernel runs there." in texts(outputs)
            await execute(client, "%emr restart")
            reply, _ = await execute(client, "kept")
            assert reply["content"]["ename"] == "NameError"
            assert "Detached" in texts((await execute(client, "%emr detach"))[1])
            assert open_attachments(EMRConnect()).at(str(notebook)) is None
            assert len(on_gateway()) == 1
