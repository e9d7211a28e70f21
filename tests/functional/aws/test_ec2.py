"""In which VPC a subnet lies, asked of a small EC2 made here (the sandbox has none)."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from jupyter_emr_connect.aws.ec2 import subnet_vpcs, vpc_details
from jupyter_emr_connect.aws.session import AWSSession, forget, open_session
from jupyter_emr_connect.errors import AccessDenied, CredentialsExpired

VPCS = {"subnet-1": "vpc-1", "subnet-2": "vpc-2"}
ITEM = "<item><subnetId>{}</subnetId><vpcId>{}</vpcId></item>"
ANSWER = "<DescribeSubnetsResponse><subnetSet>{}</subnetSet></DescribeSubnetsResponse>"
REFUSAL = "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors></Response>"


class EC2(ThreadingHTTPServer):
    """Answers DescribeSubnets as EC2 does, or with the code ``refusal``; ``asked`` holds what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.refusal = ""
        self.asked: list[dict[str, list[str]]] = []


class Handler(BaseHTTPRequestHandler):
    server: EC2

    def do_POST(self) -> None:
        words = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(words)
        wanted = [value for key, values in words.items() if key.startswith("SubnetId.") for value in values]
        unknown = [one for one in wanted if one not in VPCS]
        refusal = self.server.refusal or ("InvalidSubnetID.NotFound" if unknown else "")
        text = ANSWER.format("".join(ITEM.format(one, VPCS[one]) for one in wanted if one in VPCS))
        body = (REFUSAL.format(refusal, "No.") if refusal else text).encode()
        self.send_response(400 if refusal else 200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[EC2]:
    server = EC2()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL_EC2": f"http://127.0.0.1:{server.server_port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    forget()
    yield server
    forget()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def session(ec2: EC2) -> AWSSession:
    return open_session()


def test_one_call_tells_the_vpcs(ec2, session):
    assert subnet_vpcs(session, ["subnet-2", "subnet-1", "subnet-1", ""]) == VPCS
    assert len(ec2.asked) == 1
    assert vpc_details(session, ["subnet-1"]) == {"vpc": "vpc-1"}
    assert vpc_details(session, VPCS) == {"vpc": "vpc-1, vpc-2"}


def test_a_subnet_that_is_gone_has_no_vpc(ec2, session):
    assert subnet_vpcs(session, ["subnet-9"]) == {}
    assert vpc_details(session, ["subnet-9"]) == {}


def test_a_denial_is_a_note_in_the_details(ec2, session):
    ec2.refusal = "UnauthorizedOperation"
    with pytest.raises(AccessDenied) as caught:
        subnet_vpcs(session, ["subnet-1"])
    assert caught.value.iam_action == "ec2:DescribeSubnets"
    assert vpc_details(session, ["subnet-1"]) == {"vpc_note": "not known: ec2:DescribeSubnets is denied"}


def test_any_other_refusal_is_a_note_and_expired_credentials_are_raised(ec2, session):
    ec2.refusal = "OptInRequired"
    assert "OptInRequired" in vpc_details(session, ["subnet-1"])["vpc_note"]
    ec2.refusal = "ExpiredToken"
    with pytest.raises(CredentialsExpired):
        vpc_details(session, ["subnet-1"])


@pytest.mark.slow
def test_listing_loads_no_model_of_ec2(cloud):
    code = (
        "import botocore.loaders\n"
        "loaded, load = [], botocore.loaders.Loader.load_service_model\n"
        "botocore.loaders.Loader.load_service_model = lambda *words, **more: (loaded.append(words[1]), "
        "load(*words, **more))[1]\n"
        "from jupyter_emr_connect.cli.main import run_cli\n"
        "code = run_cli(['list', '--json'])\n"
        "import sys\n"
        "print(sorted(set(loaded)), file=sys.stderr)\n"
        "raise SystemExit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "'emr'" in done.stderr
    assert "'ec2'" not in done.stderr
