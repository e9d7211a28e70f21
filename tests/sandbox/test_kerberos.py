"""A real Livy that asks for Kerberos tickets, a real KDC, and a notebook run with a ticket and without.

Needs MIT Kerberos' KDC, headers and a compiler on this machine; ``gssapi`` comes from PyPI into a folder of the test's
own, which the commands have on their path.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.conftest import Sandbox
from tests.sandbox.kdc import CLOCK_SKEW_S, MISSING, REALM, WHY, Realm, running_realm
from tests.sandbox.livy_server import GuardedEngine, plain_livy

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.full,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(bool(MISSING), reason=WHY),
]
UV = Path(sys.executable).with_name("uv")
PASSWORD = "of ada alone"
SERVICE = f"HTTP/localhost@{REALM}"
CODE = ("sc.parallelize(range(10), 1).count()",)


@dataclass(frozen=True)
class Site:
    """A Livy behind Kerberos, and how a user's commands reach it; the user has no ticket at first."""

    realm: Realm
    environment: dict[str, str]
    folder: Path

    def run(self, *cells: str, compute: str = "secured") -> tuple[int, str, list[str]]:
        """Run cells by ``jupyter emr run``; return its code, what it said, and what each cell printed."""
        notebook, output = self.folder / "notebook.ipynb", self.folder / "out.ipynb"
        spec = {"kernelspec": {"name": "emr-pyspark", "display_name": "PySpark"}}
        tags = {"tags": ["raises-exception"]}  # the cells after one that fails are run too
        made = [nbformat.v4.new_code_cell(code, metadata=tags) for code in cells or CODE]
        nbformat.write(nbformat.v4.new_notebook(cells=made, metadata=spec), notebook)
        output.unlink(missing_ok=True)
        command = [Path(sys.executable).with_name("jupyter-emr"), "run", notebook, "--compute", compute, "-o", output]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False, timeout=600)
        printed = []
        if output.exists():
            found = nbformat.read(output, as_version=4).cells
            printed = ["".join(one.get("text") or one.get("evalue", "") for one in cell.outputs) for cell in found]
        return done.returncode, done.stdout + done.stderr, printed


@pytest.fixture(scope="module")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """A realm with the user ada."""
    with running_realm(tmp_path_factory.mktemp("kerberos") / "kdc") as realm:
        realm.add_user("ada", PASSWORD)
        yield realm


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the extra ``kerberos`` installs."""
    folder = tmp_path_factory.mktemp("gssapi")
    command = [UV, "pip", "install", "-q", "--python", sys.executable, "--target", folder, "gssapi"]
    subprocess.run(command, check=True, env=os.environ)
    return folder


@pytest.fixture(scope="module")
def livy(realm: Realm, installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Livy with ``livy.server.auth.type = kerberos``."""
    folder = tmp_path_factory.mktemp("livy")
    keytab = folder / "livy.keytab"
    realm.add_service(SERVICE, keytab)
    settings = {
        "livy.server.auth.type": "kerberos",
        "livy.server.auth.kerberos.principal": SERVICE,
        "livy.server.auth.kerberos.keytab": str(keytab),
    }
    # Hadoop's part of Livy is of the time of Java 8, which let everybody use these packages.
    packages = ("sun.security.jgss", "sun.security.krb5")
    opened = " ".join(f"--add-exports=java.security.jgss/{name}=ALL-UNNAMED" for name in packages)
    java = {"JAVA_TOOL_OPTIONS": f"-Djava.security.krb5.conf={realm.config} {opened}"}
    with plain_livy(installed, folder, "127.0.0.1", settings, environment=java, engine_class=GuardedEngine) as engine:
        yield f"http://localhost:{engine.port}"


@pytest.fixture
def site(realm: Realm, package: Path, livy: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[Site]:
    """A user's commands before that Livy."""
    endpoints = {
        "secured": {"url": livy, "auth": "kerberos"},
        "unknown": {"url": livy.replace("localhost", "127.0.0.1"), "auth": "kerberos"},
    }
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": {"livy_endpoints": endpoints}}))
    environment = sandbox.env | realm.environment
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), realm.environment["PATH"]])
    yield Site(realm, environment | {"JUPYTER_CONFIG_PATH": str(config), "PYTHONPATH": str(package)}, tmp_path)
    realm.log_out()


def test_a_ticket_opens_a_session_and_runs_statements(site: Site) -> None:
    site.realm.log_in("ada", PASSWORD)
    code, said, printed = site.run()
    assert code == 0, said
    assert printed == ["10\n"]
    assert SERVICE in site.realm.log.read_text()  # a ticket for this service was asked for


def test_a_session_goes_on_with_a_new_ticket(site: Site) -> None:
    site.realm.log_in("ada", PASSWORD)
    log_out = "%%local\nimport subprocess\nsubprocess.run(['kdestroy', '-q'], check=True).returncode"
    log_in = f"%%local\nsubprocess.run(['kinit', 'ada'], input=b'{PASSWORD}', check=True).returncode"
    code, said, printed = site.run("here = 7", log_out, "here", log_in, "here")
    assert code == 0, said
    assert "There is no Kerberos ticket for localhost" in printed[2]
    assert "kinit" in printed[2]
    assert printed[4].strip() == "7"


def test_without_a_ticket_it_says_to_log_in(site: Site) -> None:
    code, said, _ = site.run()
    assert code == 1
    assert "There is no Kerberos ticket for localhost" in said
    assert "kinit" in said


def test_a_ticket_that_has_ended_says_so(site: Site) -> None:
    site.realm.log_in("ada", PASSWORD, seconds=2)
    time.sleep(2 + CLOCK_SKEW_S + 2)
    code, said, _ = site.run()
    assert code == 1
    assert "The Kerberos ticket for localhost has ended (Ticket expired)" in said
    assert "kinit" in said


def test_a_server_that_the_kdc_does_not_know_says_so(site: Site) -> None:
    site.realm.log_in("ada", PASSWORD)
    code, said, _ = site.run(compute="unknown")
    assert code == 1
    assert "does not know HTTP/127.0.0.1" in said


def test_a_ticket_that_livy_cannot_read_says_whose_fault_it_is(site: Site) -> None:
    site.realm.change_key(SERVICE)  # the last test: Livy's keytab has the former one from here on
    site.realm.log_in("ada", PASSWORD)
    code, said, _ = site.run()
    assert code == 1
    assert "refused us (403" in said
    assert "keytab" in said
