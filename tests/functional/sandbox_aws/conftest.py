"""The AWS front alone, on loopback, with a clock that the test turns by hand."""

from __future__ import annotations

import http.client
import json
import logging
import re
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, ParamValidationError

from jupyter_emr_connect.sandbox.aws.app import AWSApplication, make_app
from jupyter_emr_connect.sandbox.aws.seed import Profile, seed
from jupyter_emr_connect.sandbox.aws.server import serve
from jupyter_emr_connect.sandbox.world.eks import EndpointSpec, VirtualClusterSpec
from jupyter_emr_connect.sandbox.world.serverless import standard_applications
from jupyter_emr_connect.sandbox.world.world import World, standard_clusters

ADDRESS = "127.0.42.7"
ROLES = "arn:aws:iam::123456789012:role"
TEAM, NOTEBOOKS = "team000000000000000000000", "notebooks0000000000000000"
INTERACTIVE = "00fsandbox000001"


class Clock:
    """The front's clock: stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Answer:
    """A bare HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The error code in a JSON answer, or in the header of a REST-JSON one."""
        return self.headers.get("x-amzn-errortype") or str(json.loads(self.body)["__type"])


@dataclass
class ServedFront:
    """A front as its clients have it."""

    world: World
    app: AWSApplication
    url: str
    clock: Clock
    profiles: dict[str, Profile]
    ids: dict[str, str] = field(default_factory=dict)
    defects_expected: bool = False

    @staticmethod
    def keys(answer: dict[str, Any]) -> dict[str, str]:
        """Return what :meth:`client` takes, from the credentials in STS's answer."""
        found = answer["Credentials"]
        return {
            "aws_access_key_id": found["AccessKeyId"],
            "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"],
        }

    def client(self, service: str, profile: str = "developer", **credentials: str) -> Any:
        """Return a boto3 client; ``credentials`` override the profile's key, secret and token."""
        own = self.profiles[profile]
        given = {"aws_access_key_id": own.access_key, "aws_secret_access_key": own.secret, **credentials}
        region = given.pop("region_name", "us-east-1")
        config = Config(
            retries={"total_max_attempts": 1},
            signature_version="s3v4" if service == "s3" else None,
            max_pool_connections=50,
        )
        return boto3.client(service, region_name=region, endpoint_url=self.url, config=config, **given)

    def send(self, method: str = "POST", path: str = "/", body: bytes = b"", **headers: str) -> Answer:
        """Send a bare request and return the bare answer; header names have ``_`` for ``-``."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def send_signed(
        self,
        body: bytes,
        profile: str = "developer",
        service: str = "elasticmapreduce",
        path: str = "/",
        method: str = "POST",
        **headers: str,
    ) -> Answer:
        """Send a request of this body, well signed."""
        own = self.profiles[profile]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest(method, self.url + path, headers=named, data=body)
        SigV4Auth(Credentials(own.access_key, own.secret), service, "us-east-1").add_auth(request)
        prepared = request.prepare()
        signed = {k.replace("-", "_"): v if isinstance(v, str) else v.decode() for k, v in prepared.headers.items()}
        return self.send(method, path, body, **signed)


def add_team(world: World) -> None:
    """Add a virtual cluster with one endpoint that is listed only (what the sandbox comes with has a gateway too)."""
    cluster = VirtualClusterSpec(TEAM, "team", world.account, world.region, tags={"team": "team"})
    world.virtual_clusters[cluster.id] = cluster
    endpoint = EndpointSpec(
        NOTEBOOKS,
        "notebooks",
        cluster,
        "127.0.42.8",
        f"{ROLES}/EMRAnalyst",
        certificate="-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
        tags={"team": "team"},
    )
    world.endpoints[endpoint.id] = endpoint


@pytest.fixture
def front(caplog: pytest.LogCaptureFixture) -> Iterator[ServedFront]:
    """A fresh front with the standard clusters; fails the test when the front has failed inside."""
    world, clock = World(), Clock()
    for spec in standard_clusters("42"):
        world.clusters[spec.id] = spec
    for application in standard_applications(world.account, world.region):
        world.applications[application.id] = application
    add_team(world)
    app = make_app(world, clock=clock)
    profiles = seed(world)
    server = serve(app, ADDRESS)
    ids = {spec.name: spec.id for spec in world.clusters.values()}
    served = ServedFront(world, app, server.url, clock, profiles, ids)
    yield served
    server.stop()
    # Of the front alone: asyncio complains whenever the garbage of any test before is collected.
    ours = [record for record in caplog.get_records("call") if record.name.startswith("jupyter_emr_connect")]
    defects = [record.getMessage() for record in ours if record.levelno >= logging.ERROR]
    assert bool(defects) == served.defects_expected, defects


@pytest.fixture
def refused() -> Callable[..., tuple[str, str, int]]:
    """Call something that AWS refuses; return (code, message, HTTP status)."""

    def call(function: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
        with pytest.raises(ClientError) as caught:
            function(**params)
        error = caught.value.response
        assert error["ResponseMetadata"]["RequestId"]
        return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]

    return call


@pytest.fixture
def misfits() -> Callable[[str, str, Any], list[str]]:
    """Compare a raw JSON answer with botocore's model of the operation; return what does not fit."""
    session = botocore.session.get_session()

    def compare(service: str, operation: str, answer: Any) -> list[str]:
        shape = session.get_service_model(service).operation_model(operation).output_shape
        return (
            list(_misfits(answer, shape, operation)) if shape is not None else ([] if answer in (None, {}) else ["?"])
        )

    return compare


_TYPES: dict[str, Any] = {"string": str, "boolean": bool, "integer": int, "long": int, "double": (int, float)}


def _misfits(value: Any, shape: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(value, shape, path)
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{path}: not a list"
            return
        for number, each in enumerate(value):
            yield from _misfits(each, shape.member, f"{path}[{number}]")
    elif kind == "map":
        for key, each in value.items():
            yield from _misfits(each, shape.value, f"{path}[{key}]")
    elif kind == "timestamp":
        yield from _timestamp(value, path, shape.serialization.get("timestampFormat", "unixTimestamp"))
    elif not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {value!r} is not of type {kind}"
    elif kind == "string":
        yield from _text(value, shape, path)


def _text(value: str, shape: Any, path: str) -> Iterator[str]:
    if value not in (getattr(shape, "enum", None) or [value]):
        yield f"{path}: {value!r} is not one of {shape.enum}"
    pattern = shape.metadata.get("pattern", ".*")
    # Some patterns have characters beyond the basic plane in Java's way, which Python cannot read.
    if r"\uD800" not in pattern and not re.fullmatch(pattern, value, re.ASCII | re.DOTALL):
        yield f"{path}: {value!r} does not match {pattern}"


def _structure(value: Any, shape: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: not an object"
        return
    yield from (f"{path}.{name}: not in the model" for name in value.keys() - shape.members.keys())
    yield from (f"{path}.{name}: required" for name in set(shape.required_members) - value.keys())
    for name in value.keys() & shape.members.keys():
        yield from _misfits(value[name], shape.members[name], f"{path}.{name}")


def _timestamp(value: Any, path: str, form: str) -> Iterator[str]:
    if form == "iso8601" and isinstance(value, str) and value.endswith("Z"):
        value = datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    elif form == "iso8601":
        yield f"{path}: {value!r} is not a time of ISO 8601"
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield f"{path}: not seconds since the epoch"
    elif not 2000 < datetime.fromtimestamp(value, timezone.utc).year < 2200:
        yield f"{path}: {value} is not a plausible time"


# The lowest botocore that the package asks for (1.36) does not know all that these tests send, as conditions of a copy.
OLD_CLIENT = tuple(map(int, botocore.__version__.split(".")[:2])) < (1, 41)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Skip a test whose old botocore refuses to send a parameter."""
    try:
        return (yield)
    except (ParamValidationError, AssertionError) as error:
        if OLD_CLIENT and ("Unknown parameter" in str(error) or item.name in NEWER_ANSWERS):
            pytest.skip("this botocore does not know it")
        raise


# Seen only in what is answered: a parameter that was refused in a thread, a field that the client drops.
NEWER_ANSWERS = (
    "test_of_two_writers_with_a_condition_one_wins",
    "test_the_standard_application_has_every_way_in",
)
