"""A Kerberos realm of a test's own: MIT Kerberos' KDC on loopback, whose database is in a temporary folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.free_ports import free_port

REALM = "EMR.TEST"
CLOCK_SKEW_S = 20  # for so long a ticket is taken after its end; a slow machine is that late with a request
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
PROGRAMS = ("krb5kdc", "kadmin.local", "kdb5_util", "kinit", "kdestroy")
MISSING = [name for name in (*PROGRAMS, "krb5-config", "gcc") if shutil.which(name, path=PATH) is None]
WHY = (
    f"Kerberos needs a KDC, and a compiler and headers for its Python package; {', '.join(MISSING)} not found "
    "(Debian: apt install krb5-kdc krb5-admin-server krb5-user libkrb5-dev gcc)"
)
CLIENTS = """
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    clockskew = {skew}
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
"""
SERVER = """
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


class Realm:
    """A running KDC; ``environment`` leads a process to it, and to the ticket cache that ``log_in`` fills."""

    def __init__(self, folder: Path, port: int) -> None:
        self.config = folder / "krb5.conf"
        self.config.write_text(CLIENTS.format(realm=REALM, port=port, skew=CLOCK_SKEW_S))
        (folder / "kdc.conf").write_text(SERVER.format(realm=REALM, port=port, folder=folder))
        self.log = folder / "kdc.log"
        self._server = {
            "PATH": PATH,
            "KRB5_CONFIG": str(self.config),
            "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
        }
        self.environment = {
            "PATH": PATH,
            "KRB5_CONFIG": str(self.config),
            "KRB5CCNAME": f"FILE:{folder / 'tickets'}",
        }
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", "of this test alone")

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the KDC for a block, once it has taken a request."""
        with subprocess.Popen(["krb5kdc", "-n", "-r", REALM], env=self._server) as process:
            try:
                yield
            finally:
                process.terminate()

    def add_user(self, name: str, password: str) -> None:
        """Make a principal that logs in by a password."""
        self._run("kadmin.local", "-r", REALM, "addprinc", "-pw", password, name)

    def add_service(self, name: str, keytab: Path) -> None:
        """Make a service's principal, and write its key into ``keytab``."""
        self._run("kadmin.local", "-r", REALM, "addprinc", "-randkey", name)
        self._run("kadmin.local", "-r", REALM, "ktadd", "-k", str(keytab), name)

    def change_key(self, name: str) -> None:
        """Give a service another key, which no keytab has."""
        self._run("kadmin.local", "-r", REALM, "cpw", "-randkey", name)

    def log_in(self, name: str, password: str, seconds: int = 3600) -> None:
        """Get a ticket for so many seconds, by ``kinit``; asks again while the KDC is still starting."""
        deadline = time.monotonic() + 60
        command = ["kinit", "-l", f"{seconds}s", name]
        while True:
            done = subprocess.run(
                command, input=password, env=self.environment, capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            assert "Cannot contact" in done.stderr, done.stderr
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.1)

    def log_out(self) -> None:
        """Give up the ticket."""
        subprocess.run(["kdestroy", "-q"], env=self.environment, check=False)

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, env=self._server, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running_realm(folder: Path) -> Iterator[Realm]:
    """Run a KDC of one's own on a free port of loopback."""
    folder.mkdir(mode=0o700)
    realm = Realm(folder, free_port())
    with realm.serving():
        yield realm
