"""Up, down, and everything that can go wrong between: what runs, what is left, how long it takes, how much it holds."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ENGINES, KEEPER, Sandbox, clean_environment, running_sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that only this module's tests disturb; each leaves it running, but for the last one."""
    with running_sandbox(tmp_path_factory.mktemp("own"), f"own-{os.getpid()}") as running:
        yield running


def processes_of(sandbox: Sandbox) -> list[psutil.Process]:
    """Return every process that belongs to a sandbox: what its runtime folder or environment gives away."""
    folder = sandbox.env["JUPYTER_RUNTIME_DIR"]
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):  # it ends just now
            words = process.cmdline()
            texts = [*words, process.cwd(), *process.environ().values()]
            if folder in " ".join(texts) and KEEPER not in words and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def state_folder(sandbox: Sandbox) -> Path:
    return Path(sandbox.env["JUPYTER_RUNTIME_DIR"]) / "emr-connect" / "sandbox" / sandbox.name


def supervisor(sandbox: Sandbox) -> psutil.Process:
    for process in processes_of(sandbox):
        with contextlib.suppress(psutil.Error):  # another that ends just now
            if process.cmdline()[-1:] == ["jupyter_emr_connect.sandbox.supervisor.start"]:
                return process
    pytest.fail("The sandbox has no supervisor.")


def wait_until_gone(sandbox: Sandbox, seconds: float = 60) -> list[psutil.Process]:
    """Return what is still there after a time; psutil prints it with name and pid."""
    deadline = time.monotonic() + seconds
    while (left := processes_of(sandbox)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def test_it_is_small_and_says_what_runs(own: Sandbox) -> None:
    print(f"two clusters' engines idle: {own.status['rss_mb']:.0f} MB")  # noqa: T201 - the figure
    assert own.status["rss_mb"] < 900
    assert set(own.status["engines"]) >= {"spark", "livy", "sparkmagic", "jupyter_enterprise_gateway"}
    assert len(processes_of(own)) >= 5


def test_kill_9_of_the_supervisor_leaves_no_process_and_up_works_again(own: Sandbox) -> None:
    keys = state_folder(own) / "aws"
    supervisor(own).kill()
    assert wait_until_gone(own) == []
    asked = own.cli("sandbox", "status", "--name", own.name)
    assert (asked.returncode, "Traceback" in asked.stderr) == (1, False)
    assert "jupyter emr sandbox up --name" in asked.stderr
    old = keys.read_text()
    again = own.json("sandbox", "up", "--name", own.name)
    clusters = {"analytics", "open", "kerberos", "old", "gone", "shared", "ldap"}
    assert {row["name"] for row in again["computes"]} == clusters | {"notebooks", "interactive", "livy"}
    assert keys.read_text() != old
    own.status = again
    own.env |= own.json("sandbox", "env", "--name", own.name)  # its addresses may be others now


def test_up_twice_says_so_and_starts_nothing(own: Sandbox) -> None:
    before = supervisor(own).pid
    done = own.cli("sandbox", "up", "--name", own.name, "--json")
    assert done.returncode == 0
    assert "already running" in done.stderr
    assert json.loads(done.stdout)["endpoint_url"] == own.status["endpoint_url"]
    assert supervisor(own).pid == before


def test_two_sandboxes_do_not_meet(sandbox: Sandbox, own: Sandbox) -> None:
    urls = [{row["gateway_url"] for row in one.status["computes"]} - {None} for one in (sandbox, own)]
    assert urls[0].isdisjoint(urls[1])
    assert sandbox.status["endpoint_url"] != own.status["endpoint_url"]
    keys = [{row["access_key_id"] for row in one.status["profiles"].values()} for one in (sandbox, own)]
    assert keys[0].isdisjoint(keys[1])
    assert sandbox.json("sandbox", "status", "--name", sandbox.name)["name"] == sandbox.name


def test_a_busy_port_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.10.2", 18888))
            busy.listen()
            expected = f"127.0.10.2:18888 is in use by {psutil.Process().name()} (process {os.getpid()})"
        except OSError:  # a sandbox named "default" runs on this machine
            expected = "127.0.10."
        other = Sandbox("default", environment(tmp_path))
        done = other.cli("sandbox", "up")
        assert done.returncode == 1
        assert expected in done.stderr
        assert "--name OTHER" in done.stderr
        assert "Traceback" not in done.stderr
        assert wait_until_gone(other) == []


@pytest.mark.full
def test_two_that_start_at_once_get_different_addresses_and_down_leaves_nothing(tmp_path: Path) -> None:
    both = [Sandbox(f"both-{os.getpid()}-{n}", environment(tmp_path / n)) for n in ("a", "b")]
    commands = [["jupyter-emr", "sandbox", "up", "--json", "--name", one.name] for one in both]
    ups = [
        subprocess.Popen(command, env=one.env, stdout=subprocess.PIPE, text=True)
        for command, one in zip(commands, both, strict=True)
    ]
    urls = {json.loads(up.communicate(timeout=90)[0])["endpoint_url"] for up in ups}
    assert len(urls) == 2
    for one in both:
        assert one.cli("sandbox", "down", "--name", one.name).returncode == 0
        assert wait_until_gone(one) == []
        assert {entry.name for entry in state_folder(one).iterdir()} == {"lock", "supervisor.log"}
        assert one.cli("sandbox", "status", "--name", one.name).returncode == 1


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a user with an empty home that shares the installed engines."""
    data = folder / "data"
    (data / "emr-connect").mkdir(parents=True)
    (data / "emr-connect" / "engines").symlink_to(ENGINES)
    folders = {"JUPYTER_DATA_DIR": str(data), "JUPYTER_RUNTIME_DIR": str(folder / "run")}
    return clean_environment() | folders


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    other = Sandbox(f"other-{os.getpid()}", environment(tmp_path))
    command = ["jupyter-emr", "sandbox", "up", "--name", other.name]
    with subprocess.Popen(command, env=other.env, stderr=subprocess.PIPE, text=True, start_new_session=True) as up:
        assert up.stderr is not None
        while "AWS front" not in (line := up.stderr.readline()):  # it takes a second or more; the engines start beside
            assert line
        os.killpg(up.pid, signal.SIGINT)
        assert up.wait(120) == 130
    assert wait_until_gone(other) == []


def test_killing_up_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    other = Sandbox(f"other-{os.getpid()}", environment(tmp_path))
    command = ["jupyter-emr", "sandbox", "up", "--name", other.name]
    with subprocess.Popen(command, env=other.env, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr is not None
        while "front doors" not in (line := up.stderr.readline()):
            assert line
        up.kill()
    assert wait_until_gone(other) == []


@pytest.mark.full
def test_in_the_foreground_it_ends_with_its_terminal(tmp_path: Path) -> None:
    other = Sandbox(f"other-{os.getpid()}", environment(tmp_path))
    command = ["jupyter-emr", "sandbox", "up", "--foreground", "--name", other.name]
    with subprocess.Popen(command, env=other.env, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr is not None
        while "ready" not in (line := up.stderr.readline()):
            assert line
        assert other.cli("sandbox", "status", "--name", other.name).returncode == 0
        up.send_signal(signal.SIGINT)
        assert up.wait(120) == 0
    assert wait_until_gone(other) == []


def test_files_are_for_this_user_only_and_logs_hold_no_secret(sandbox: Sandbox) -> None:
    folder = state_folder(sandbox)
    keys = (folder / "aws").read_text()
    secrets = {line.partition("= ")[2] for line in keys.splitlines() if line.startswith("aws_secret_access_key")}
    assert len(secrets) == 4
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "aws").stat().st_mode & 0o777 == 0o600
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in ("aws", "livy.conf"):
            text = path.read_text(errors="replace")
            assert not [secret for secret in secrets if secret in text], path
            assert "PRIVATE KEY" not in text, path
    for secret in secrets:
        assert secret not in sandbox.cli("sandbox", "status", "--json", "--name", sandbox.name).stdout
        assert secret not in sandbox.cli("sandbox", "env", "--name", sandbox.name).stdout


def test_everything_listens_on_loopback_only(sandbox: Sandbox) -> None:
    listening = [
        connection.laddr.ip
        for process in processes_of(sandbox)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 6
    assert [address for address in listening if not address.removeprefix("::ffff:").startswith("127.")] == []


def test_aws_host_names_lead_here(sandbox: Sandbox) -> None:
    if os.geteuid() != 0:
        pytest.skip("port 443 needs root")
    found = sandbox.json("sandbox", "hosts", "--name", sandbox.name)
    names = {line.split()[1]: line.split()[0] for line in found["lines"]}
    code = (
        "import boto3, socket\n"
        f"names = {names!r}; real = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda host, *rest, **more: real(names.get(host, host), *rest, **more)\n"
        "older = 'https://us-east-1.elasticmapreduce.amazonaws.com'\n"
        "for emr in (boto3.client('emr'), boto3.client('emr', endpoint_url=older)):\n"
        "    print('analytics' in [one['Name'] for one in emr.list_clusters()['Clusters']])\n"
        "for url in (None, 'https://s3.amazonaws.com'):\n"  # both with the bucket's name in that of the host
        "    s3 = boto3.client('s3', endpoint_url=url)\n"
        "    s3.put_object(Bucket='emr-sandbox-notebooks', Key='real names', Body=b'1')\n"
        "    print(s3.list_objects_v2(Bucket='emr-sandbox-notebooks', Prefix='real')['KeyCount'])\n"
        "import os, ssl, urllib.error, urllib.request\n"  # whoever is not signed gets AWS's own answer
        "trust = ssl.create_default_context(cafile=os.environ['AWS_CA_BUNDLE'])\n"
        f"url = 'https://{sandbox.compute('interactive')['id']}.livy.emr-serverless-services.us-east-1.amazonaws.com'\n"
        "try:\n"
        "    urllib.request.urlopen(f'{url}/sessions', context=trust)\n"
        "except urllib.error.HTTPError as error:\n"
        "    print(error.code, 'Token' in error.read().decode())\n"
    )
    env = {key: value for key, value in sandbox.env.items() if not key.startswith("AWS_")}
    env |= sandbox.json("sandbox", "env", "--real-names", "--name", sandbox.name)
    assert "AWS_ENDPOINT_URL" not in env
    done = subprocess.run(["python", "-c", code], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["True", "True", "1", "1", "403", "True"], done.stderr


def test_log_shows_what_aws_answered(sandbox: Sandbox) -> None:
    moment = time.time()
    assert sandbox.cli("list", "--json").returncode == 0
    rows = sandbox.json("sandbox", "log", "--since", str(moment), "--name", sandbox.name)
    lists = {row["principal"]: row for row in rows if row["action"] == "ListClusters"}
    first = next(row for who, row in lists.items() if who.endswith(":user/developer"))
    assert (first["service"], first["status"]) == ("elasticmapreduce", 200)
    assert any(":assumed-role/EMRAccess/" in who for who in lists)
    assert set(first) >= {"time", "service", "action", "principal", "status", "bytes"}
    assert sandbox.json("sandbox", "log", "--since", "2099-01-01T00:00:00", "--name", sandbox.name) == []


def test_env_is_for_a_shell(sandbox: Sandbox) -> None:
    script = (
        'eval "$(jupyter-emr sandbox env --name "$0")"; '
        'echo "$AWS_PROFILE $AWS_ACCESS_KEY_ID$AWS_ROLE_ARN $JUPYTER_CONFIG_PATH"'
    )
    env = sandbox.env | {"AWS_ACCESS_KEY_ID": "mine", "AWS_ROLE_ARN": "pod", "JUPYTER_CONFIG_PATH": "/my/own"}
    done = subprocess.run(["bash", "-c", script, sandbox.name], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"developer  {state_folder(sandbox)}/jupyter:/my/own\n"


@pytest.mark.parametrize("name", ["../up", "", "A", "x" * 40, "-x"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    done = Sandbox("x", environment(tmp_path)).cli("sandbox", "up", "--name", name)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


def test_a_cluster_that_is_terminated_loses_its_ports(own: Sandbox) -> None:
    code = "import boto3; boto3.client('emr').terminate_job_flows(JobFlowIds=['{}'])"
    row = own.compute("open")
    env = own.env | {"AWS_PROFILE": "administrator"}
    ended = subprocess.run(
        ["python", "-c", code.format(row["id"])], env=env, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stderr
    address = row["gateway_url"].removeprefix("http://").partition(":")[0]
    deadline = time.monotonic() + 60
    while not (refused := is_refused(address, 18888)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert refused


def is_refused(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sigterm_is_down(own: Sandbox) -> None:
    supervisor(own).terminate()
    assert wait_until_gone(own) == []
    assert not (state_folder(own) / "aws").exists()
