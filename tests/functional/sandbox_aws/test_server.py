"""The front's own HTTP server: where it listens, how it keeps connections, what it does with defects."""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import threading
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from jupyter_emr_connect.errors import SandboxStartError
from jupyter_emr_connect.sandbox.aws.app import make_app
from jupyter_emr_connect.sandbox.aws.server import serve
from jupyter_emr_connect.sandbox.world.world import World


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::"])
def test_it_listens_on_loopback_only(host):
    with pytest.raises(SandboxStartError, match="not a loopback address"):
        serve(lambda environ, start: [], host)


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.42.8", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxStartError, match=f"cannot listen on 127.0.42.8:{port}") as caught:
            serve(lambda environ, start: [], "127.0.42.8", port)
    assert caught.value.fix


def test_stopping_ends_the_thread_and_frees_the_port():
    server = serve(make_app(World()), "127.0.42.8")
    assert any(thread.name == "aws-front" for thread in threading.enumerate())
    server.stop()
    server.stop()
    assert not any(thread.name.startswith("aws-front") for thread in threading.enumerate())
    serve(make_app(World()), "127.0.42.8", server.port).stop()


def test_one_connection_carries_many_requests(front):
    connection = http.client.HTTPConnection(urlsplit(front.url).netloc, timeout=10)
    sockets = set()
    for _ in range(5):
        connection.request("GET", "/")
        connection.getresponse().read()
        sockets.add(id(connection.sock))
    assert len(sockets) == 1
    assert connection.sock is not None
    connection.close()


def test_chunked_bodies_are_read(front):
    connection = http.client.HTTPConnection(urlsplit(front.url).netloc, timeout=10)
    connection.request("POST", "/", iter([b"Action=", b"Nonsense&Version=2011-06-15"]), encode_chunked=True)
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (403, 405)
    connection.close()


def test_it_serves_tls(front, tmp_path):
    from jupyter_emr_connect.sandbox.frontdoor.certificates import CertificateAuthority

    authority = CertificateAuthority("test")
    server = serve(front.app, "127.0.42.8", tls=authority.server_context(["127.0.42.8"]))
    assert server.url.startswith("https://")
    trusted = ssl.create_default_context(cadata=authority.pem)
    connection = http.client.HTTPSConnection("127.0.42.8", server.port, timeout=10, context=trusted)
    connection.request("GET", "/")
    assert connection.getresponse().status == 403
    connection.close()
    server.stop()


def test_a_defect_of_ours_is_a_500_without_its_story(front, refused):
    def broken(call):
        message = "a secret thing in a traceback"
        raise RuntimeError(message)

    services = front.app.services
    front.app.services = {
        **services,
        "elasticmapreduce": replace(services["elasticmapreduce"], handlers={"ListClusters": broken}),
    }
    front.defects_expected = True
    code, message, status = refused(front.client("emr").list_clusters)
    assert (code, status) == ("InternalFailure", 500)
    assert "secret" not in message
    answer = front.send_signed(b"{}", X_Amz_Target="ElasticMapReduce.ListClusters")
    assert b"secret" not in answer.body
    assert b"Traceback" not in answer.body


def test_the_log_counts_defects_too(front):
    front.send("GET", "/")
    assert [(row["service"], row["status"]) for row in front.world.log.since()] == [("s3", 403)]


def test_only_what_is_needed_is_imported():
    code = (
        "import sys\n"
        "from jupyter_emr_connect.sandbox.aws.app import make_app\n"
        "from jupyter_emr_connect.sandbox.aws.seed import seed\n"
        "from jupyter_emr_connect.sandbox.world.world import World\n"
        "make_app(World())\n"
        "seed(World())\n"
        "print([name for name in ('flask', 'boto3', 'moto.ec2.models', 'moto.emr.models') if name in sys.modules])\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert told.stdout.strip() in ("[]", "['boto3']"), told.stdout
