"""Requests that cannot be right: each is refused in JSON that says what to do, and nothing is kept."""

from __future__ import annotations

import asyncio
import json

import pytest
from tornado.simple_httpclient import HTTPTimeoutError

from jupyter_emr_connect import errors
from jupyter_emr_connect.server.routes.error_responses import STATUSES, body_of, status_of

ROLE = "arn:aws:iam::123456789012:role/"
GOOD = {"compute": "open", "path": "work/report.ipynb"}


async def refused(rest, status, code, *words, verb="POST", route="attachments", **sent):
    answer = await rest(verb, route, sent.pop("body", None), **sent)
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    for word in words:
        assert word in answer.json["message"] + answer.json["fix"], answer.text


async def test_bodies_that_are_none(rest, notebook):
    for raw, word in [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "a list"),
        (b"null", "null"),
        (b'{"compute": NaN, "path": ""}', "not JSON"),
        (b"[" * 50_000, "nested too deeply"),
        (b'{"compute": "open", "path": "work", "runtime_role": "a", "runtime_role": "b"}', "given twice"),
    ]:
        await refused(rest, 400, "bad-request", word, raw=raw)
    await refused(rest, 413, "too-large", "64 KiB", raw=b'{"compute": "' + b"x" * 65_536 + b'"}')
    await refused(rest, 413, "too-large", verb="PUT", route="identity", raw=b" " * 65_537)
    assert (await rest("GET", "attachments")).json["items"] == []


async def test_fields_of_the_wrong_type_unknown_or_missing(rest, notebook):
    for change, word in [
        ({"runtime_role": [f"{ROLE}EMRAnalyst", f"{ROLE}EMREngineer"]}, "Only one"),
        ({"runtime_roles": f"{ROLE}EMRAnalyst"}, "unknown field 'runtime_roles'"),
        ({"role\u0007\u202e": "x"}, "unknown field"),
        ({"compute": None}, "must be text, not null"),
        ({"compute": 7}, "a number"),
        ({"path": {"a": 1}}, "an object"),
        ({"path": True}, "true or false"),
        ({"compute": "x" * 10_000}, "10,000 characters"),
        ({"compute": "a\0b"}, "NUL"),
        ({"path": "\ud800"}, "surrogate"),
    ]:
        await refused(rest, 400, "bad-request", word, body={**GOOD, **change})
    for missing in GOOD:
        body = {name: value for name, value in GOOD.items() if name != missing}
        await refused(rest, 400, "bad-request", f"lacks the field '{missing}'", body=body)
    await refused(rest, 400, "bad-request", "profile", verb="PUT", route="identity", body={})
    await refused(rest, 424, "configuration", "not a transport", body={**GOOD, "transport": "pigeon"})


async def test_paths_that_name_nothing_here(rest, jp_root_dir, tmp_path, notebook):
    (tmp_path / "outside.ipynb").write_text("{}")
    (jp_root_dir / "dangling.ipynb").symlink_to(tmp_path / "nowhere.ipynb")
    (jp_root_dir / ".secret").mkdir()
    for path, status, code, word in [
        ("../outside.ipynb", 400, "path", "'..'"),
        ("work/../../outside.ipynb", 400, "path", "'..'"),
        ("work/./report.ipynb", 400, "path", "'.'"),
        ("work//report.ipynb", 400, "path", "empty part"),
        (str(notebook), 400, "path", "absolute"),
        ("/", 400, "path", "absolute"),
        ("work/\u0007.ipynb", 400, "path", "control characters"),
        ("work/a\nb.ipynb", 400, "path", "control characters"),
        ("dangling.ipynb", 404, "path-not-found", "no notebook or folder"),
        ("a" * 4096, 404, "path-not-found", "no notebook or folder"),
        ("nowhere.ipynb", 404, "path-not-found", "no notebook or folder"),
        ("work/report.ipynb/deeper", 404, "path-not-found", "no notebook or folder"),
        (".secret", 404, "path-not-found", "no notebook or folder"),
    ]:
        await refused(rest, status, code, word, body={**GOOD, "path": path})
        await refused(rest, status, code, word, verb="GET", params={"path": path})
    await refused(rest, 400, "bad-request", "10,000 characters", body={**GOOD, "path": "a" * 10_000})
    assert (await rest("GET", "attachments")).json["items"] == []


async def test_query_values_that_cannot_be(rest, jp_fetch, notebook):
    for query in ("path=work&path=work", "path=%ff", "path=a%00b", f"path={'a' * 5000}"):
        await refused(rest, 400, "bad-request", verb="GET", route="attachments", query=query)
    assert (await rest("GET", "attachments", params={"unknown": "1", "1700000000000": ""})).status == 200


async def test_routes_and_verbs_that_are_not_there(rest):
    for route in ("", "nowhere", "attachments/", "attachments/x/y", "compute%2f..", "identity/x"):
        for verb in ("GET", "POST", "DELETE"):
            await refused(rest, 404, "not-found", "route", verb=verb, route=route)
    answer = await rest("DELETE", "identity")
    assert (answer.status, answer.json["code"]) == (405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PUT", "POST"}
    for route in ("attachments/nope", "attachments/%00", "attachments/%F0%9F%98%80", "attachments/" + "x" * 3000):
        await refused(rest, 404, "attachment-not-found", verb="GET", route=route)
        await refused(rest, 404, "attachment-not-found", verb="DELETE", route=route)
        await refused(rest, 404, "attachment-not-found", verb="PATCH", route=route, body={})


@pytest.mark.slow
async def test_what_the_compute_or_aws_refuses(cloud, rest, gateway, notebook):
    path = "work/report.ipynb"
    analyst = f"{ROLE}EMRAnalyst"
    for status, code, hop, body in [
        (404, "compute-not-found", "compute", {"compute": "nowhere"}),
        (409, "compute-not-attachable", "compute", {"compute": "kerberos"}),
        (409, "compute-not-attachable", "compute", {"compute": "open", "transport": "spark-connect"}),
        (400, "runtime-role-malformed", "credentials", {"compute": "analytics", "runtime_role": "arn:aws:iam::1:x"}),
        (409, "runtime-role-required", "credentials", {"compute": "analytics"}),
        (409, "runtime-role-unsupported", "credentials", {"compute": "open", "runtime_role": analyst}),
        (403, "runtime-role-denied", "credentials", {"compute": "analytics", "runtime_role": f"{ROLE}EMRForbidden"}),
    ]:
        answer = await rest("POST", "attachments", {"path": path, **body})
        shown = answer.json
        assert (answer.status, shown["code"], shown["hop"]) == (status, code, hop), answer.text
    gateway.refuse.add("analytics")
    answer = await rest("POST", "attachments", {"path": path, "compute": "analytics", "runtime_role": analyst})
    assert (answer.status, answer.json["code"], answer.json["hop"]) == (424, "gateway-refused", "gateway")
    cloud.world.faults.set("deny:DescribeCluster")
    answer = await rest("POST", "attachments", {"path": path, "compute": cloud.id("open")})
    assert (answer.status, answer.json["iam_action"]) == (403, "elasticmapreduce:DescribeCluster")
    assert (await rest("GET", "attachments")).json["items"] == []


async def test_a_compute_that_does_not_answer_is_named_with_its_hop(cloud, jp_serverapp, rest, notebook):
    jp_serverapp.web_app.settings["emr_connect"].gateway_port = 9  # discard: nothing listens
    answer = await rest("POST", "attachments", GOOD)
    assert (answer.status, answer.json["code"], answer.json["hop"]) == (424, "gateway-unreachable", "gateway")


async def test_aws_that_is_too_slow_is_not_waited_for(cloud, jp_serverapp, rest, notebook):
    config = jp_serverapp.web_app.settings["emr_connect"]
    config.connect_timeout = config.credentials_timeout = 0.2
    cloud.world.faults.set("slow:2500")
    answer = await rest("POST", "attachments", {**GOOD, "compute": cloud.id("open")})
    assert (answer.status, answer.json["code"], answer.json["hop"]) == (424, "aws-unavailable", "credentials")
    assert "credentials_timeout" in answer.json["fix"]


async def test_a_client_that_leaves_ends_the_work(jp_serverapp, rest, gateway, notebook):
    jp_serverapp.web_app.settings["emr_connect"].connect_timeout = 60.0
    gateway.hold.clear()
    with pytest.raises(HTTPTimeoutError):
        await rest("POST", "attachments", GOOD, request_timeout=1.0)
    for _ in range(100):
        if not [task for task in asyncio.all_tasks() if "attach" in repr(task.get_coro())]:
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the work goes on")
    gateway.hold.set()
    assert (await rest("GET", "attachments")).json["items"] == []


def every_class():
    found = [errors.EMRConnectError]
    for cls in found:
        found += [sub for sub in cls.__subclasses__() if sub.__module__ == errors.__name__]
    return found


@pytest.mark.parametrize("cls", every_class(), ids=lambda cls: cls.__name__)
def test_every_error_class_has_a_status_and_the_contracts_body(cls):
    error = cls("The cause.", fix="The fix.")
    status = status_of(error, 200)
    near = next(kind for kind in cls.__mro__ if kind in STATUSES)
    assert status == STATUSES[near]
    assert 400 <= status < 600
    body = json.loads(json.dumps(body_of(error, status)))
    assert {"message", "reason", "code", "fix"} <= set(body)
    assert body["code"] == cls.code


def test_only_classes_that_no_route_raises_are_a_failure_of_the_server_itself():
    own = {cls.__name__ for cls in every_class() if status_of(cls(""), 200) == 500}
    bases = {"EMRConnectError", "AttachmentError", "BackupError", "ComputeError", "RoleError"}
    assert own == bases | {"SandboxError", "SandboxInstallError", "SandboxNotRunning", "SandboxStartError"}


def test_an_unexpected_error_shows_its_class_alone():
    body = body_of(ValueError("password=hunter2"), status_of(ValueError(), 500))
    assert "hunter2" not in json.dumps(body)
    assert "ValueError" in body["message"]
