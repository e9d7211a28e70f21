"""Other tools, unchanged, against the sandbox: `%sm_analytics`, `emr_serverless_customauth`, sparkmagic with our class.

The first two come from PyPI into environments of their own, and reach AWS's real host names through a proxy, as behind
a company's. None has the Kerberos libraries, which need a compiler and are not used here.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.conftest import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.full, pytest.mark.slow, pytest.mark.timeout(1200)]
UV = Path(sys.executable).with_name("uv")
LEFT_OUT = "".join(f'{name} ; sys_platform == "never"\n' for name in ("gssapi", "krb5", "notebook", "jupyter"))
ANALYST = "arn:aws:iam::123456789012:role/EMRAnalyst"
FORBIDDEN = "arn:aws:iam::123456789012:role/EMRForbidden"
RUN = """
import json, sys
from jupyter_client.manager import start_new_kernel
def show(message):
    content = message["content"]
    if message["msg_type"] in ("stream", "error"):
        print(content.get("text") or "\\n".join(content["traceback"]), flush=True)
manager, client = start_new_kernel(kernel_name="python3")
try:
    for cell in json.loads(sys.stdin.read()):
        reply = client.execute_interactive(cell, timeout=300, output_hook=show)
        if reply["content"]["status"] != "ok":
            sys.exit(reply["content"]["ename"])
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
"""


@pytest.fixture
def proxy(sandbox: Sandbox) -> Iterator[str]:
    """An HTTP proxy that leads AWS's host names to the sandbox, and nothing else anywhere."""
    pattern, _, door = sandbox.env["EMR_CONNECT_ROUTES"].partition("=")
    lines = sandbox.json("sandbox", "hosts", "--name", sandbox.name)["lines"]
    addresses = {name: address for address, name in map(str.split, lines)}

    def way_of(host: str) -> tuple[str, int]:
        name = host.rpartition(":")[0]
        if name.endswith(pattern.removeprefix("*")):
            return door.rpartition(":")[0], int(door.rpartition(":")[2])
        return addresses[name], 443

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server, way_of), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def serve(server: socket.socket, way_of: Callable[[str], tuple[str, int]]) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:  # closed: the test is over
            return
        threading.Thread(target=connect, args=(client, way_of), daemon=True).start()


def connect(client: socket.socket, way_of: Callable[[str], tuple[str, int]]) -> None:
    with client:
        head = client.recv(65536).decode("latin-1")
        with socket.create_connection(way_of(head.split()[1])) as there:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            other = {client: there, there: client}
            with contextlib.suppress(OSError):  # one side has ended
                while True:
                    for one in select.select(list(other), [], [])[0]:
                        if not (data := one.recv(65536)):
                            return
                        other[one].sendall(data)


@pytest.fixture
def ran(sandbox: Sandbox, proxy: str, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Install packages into an environment of its own, run cells in IPython there, and return code and output."""
    config = Path(sandbox.env["JUPYTER_CONFIG_PATH"]) / "jupyter_emr_connect_config.json"
    authorities = json.loads(config.read_text())["EMRConnect"]["certificate_authorities"]
    named = sandbox.json("sandbox", "env", "--real-names", "--name", sandbox.name)
    kept = {name: value for name, value in sandbox.env.items() if not name.startswith(("EMR_CONNECT", "AWS_"))}
    own = {
        "HTTPS_PROXY": proxy,
        "REQUESTS_CA_BUNDLE": authorities[sandbox.compute("interactive")["id"]],
        "HOME": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }

    def run(packages: list[str], cells: list[str], **more: str) -> tuple[int, str]:
        place, left_out = tmp_path / "env", tmp_path / "left-out"
        left_out.write_text(LEFT_OUT)
        if not place.exists():
            command = [str(UV), "venv", "-q", "--python", sys.executable, str(place)]
            subprocess.run(command, check=True, env=os.environ)
            command = [str(UV), "pip", "install", "-q", "--python", str(place), "--overrides", str(left_out)]
            subprocess.run(
                [*command, *packages, "ipykernel", "ipython<9", "jupyter_server"], check=True, env=os.environ
            )
        done = subprocess.run(
            [str(place / "bin" / "python"), "-c", RUN],
            input=json.dumps(cells),
            env=kept | named | own | more,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return done.returncode, done.stdout + done.stderr

    return run


CELLS = ["%%spark\nprint('as', sc.sparkUser(), spark.range(7).count(), 'åß漢🙂')", "%spark cleanup"]
SAGEMAKER = ["sagemaker-studio-analytics-extension"]


def sm_analytics(application: str, role: str) -> list[str]:
    options = f"--application-id {application} --language python --emr-execution-role-arn {role}"
    load = "%load_ext sagemaker_studio_analytics_extension.magics"
    return [load, f"%sm_analytics emr-serverless connect {options}"]


def test_sm_analytics_connects_and_is_refused_in_words_that_it_knows(
    sandbox: Sandbox, ran: Callable[..., tuple[int, str]]
) -> None:
    application = sandbox.compute("interactive")["id"]
    code, said = ran(SAGEMAKER, [*sm_analytics(application, ANALYST), *CELLS])
    assert code == 0, said
    assert "as emranalyst 7 åß漢🙂" in said
    code, said = ran(SAGEMAKER, sm_analytics(application, FORBIDDEN))
    assert code, said
    assert "SparkSessionStartFailedError" in said
    assert "not authorized to perform: iam:PassRole" in said


def test_emr_serverless_customauth_signs_for_sparkmagic(
    sandbox: Sandbox, ran: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    application = sandbox.compute("interactive")["id"]
    settings = {
        "authenticators": {"EMRS": "emr_serverless_customauth.customauthenticator.EMRServerlessCustomSigV4Signer"}
    }
    (tmp_path / ".sparkmagic").mkdir()
    (tmp_path / ".sparkmagic" / "config.json").write_text(json.dumps(settings))
    url = f"https://{application}.livy.emr-serverless-services.us-east-1.amazonaws.com"
    cells = ["%load_ext sparkmagic.magics", f"%spark add -s one -l python -t EMRS -u {url}", *CELLS]
    role = {"EMR_SERVERLESS_SESSION_RUNTIME_ROLE_ARN": ANALYST}
    code, said = ran(["emr-serverless-customauth", "sparkmagic"], cells, **role)
    assert code == 0, said
    assert "as emranalyst 7 åß漢🙂" in said


@pytest.mark.parametrize("compute", ["analytics", "interactive"])
def test_sparkmagic_takes_our_credentials_by_the_authenticator(
    sandbox: Sandbox, proxy: str, installed: Installation, tmp_path: Path, compute: str
) -> None:
    config = Path(sandbox.env["JUPYTER_CONFIG_PATH"]) / "jupyter_emr_connect_config.json"
    authorities = json.loads(config.read_text())["EMRConnect"]["certificate_authorities"]
    row = sandbox.compute(compute)
    url = row["livy_url"] or f"https://{row['id']}.livy.emr-serverless-services.us-east-1.amazonaws.com"
    settings = {"authenticators": {"EMR": "jupyter_emr_connect.magics.sparkmagic_auth.EMRAuthenticator"}}
    (tmp_path / ".sparkmagic").mkdir()
    (tmp_path / ".sparkmagic" / "config.json").write_text(json.dumps(settings))
    own = {
        "HOME": str(tmp_path),
        "HTTPS_PROXY": proxy,
        "NO_PROXY": str(urlsplit(url).hostname) if row["livy_url"] else "",
        "REQUESTS_CA_BUNDLE": authorities[row["id"]],
        "PYTHONWARNINGS": "ignore",
        "EMR_CONNECT_COMPUTE": compute,
        "EMR_CONNECT_RUNTIME_ROLE": ANALYST,
    }
    engines = f"import sys; sys.path.append({str(installed.kernel_packages)!r})"
    cells = [engines, "%load_ext sparkmagic.magics", f"%spark add -s one -l python -t EMR -u {url}", *CELLS]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(cells),
        env=sandbox.env | own,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "as emranalyst 7 åß漢🙂" in done.stdout, done.stdout + done.stderr
