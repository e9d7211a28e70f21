"""Who may use the routes: authentication, XSRF and authorization as Jupyter has them, each failure as JSON."""

from __future__ import annotations

import pytest
from jupyter_server.auth.authorizer import Authorizer
from traitlets import List, Unicode

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.server.routes.base import verbs
from jupyter_emr_connect.server.routes.table import ROUTES
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger

CALLS = [(verb, path.replace("{id}", "x").lstrip("/")) for path, handler in ROUTES.items() for verb in verbs(handler)]


class Refuser(Authorizer):
    """Lets nobody do what ``refused`` lists as ``action resource``, and notes what it was asked."""

    refused = List(Unicode(), config=True)
    asked: list[tuple[str, str]] = []

    def is_authorized(self, handler, user, action, resource):
        self.asked.append((action, resource))
        return f"{action} {resource}" not in self.refused


async def test_nobody_is_served_without_logging_in(rest):
    for verb, route in CALLS:
        body = {} if verb in ("POST", "PUT", "PATCH") else None
        answer = await rest(verb, route, body, headers={"Authorization": "token wrong"})
        assert answer.status == 403, (verb, route)
        assert answer.json["code"] == "forbidden"
        assert "token" in answer.json["fix"]


async def test_a_login_cookie_needs_jupyters_xsrf_token(rest):
    logged_in = (await rest("GET", "identity")).headers
    cookie = next(one for one in logged_in.get_list("Set-Cookie") if one.startswith("username-")).split(";")[0]
    no_token = {"Authorization": "", "Cookie": cookie}
    sent = {"profile": "analyst"}
    refused = await rest("PUT", "identity", sent, headers=dict(no_token))
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert "_xsrf" in refused.json["message"]
    with_xsrf = {**no_token, "Cookie": f"{cookie}; _xsrf=abcd", "X-XSRFToken": "abcd"}
    assert (await rest("PUT", "identity", sent, headers=with_xsrf)).json["profile"] == "analyst"


def asked_of(verb: str, route: str) -> list[tuple[str, str]]:
    """Return what the authorizer is to be asked: ours, and what Jupyter asks for the same thing at its own routes."""
    action = "read" if verb == "GET" else "write"
    asked = [(action, "emr_connect")]
    if route.startswith("kernels") or (route, action) == ("sandbox", "write"):
        asked.append((action, "kernels"))
    if route.startswith("backups"):
        asked.append((action, "contents"))
    if route.endswith("recording"):
        asked.append(("execute", "kernels"))
    return asked


REFUSER = pytest.mark.parametrize(
    "jp_argv", [["--ServerApp.authorizer_class=tests.functional.server.test_access.Refuser"]], ids=["refuser"]
)


@pytest.mark.slow
@REFUSER
@pytest.mark.parametrize(
    "refused", ["read emr_connect", "write emr_connect", "read kernels", "write kernels", "execute kernels"]
)
async def test_jupyters_authorizer_is_asked_for_every_verb(jp_serverapp, rest, refused):
    jp_serverapp.authorizer.refused = [refused]
    for verb, route in CALLS:
        jp_serverapp.authorizer.asked.clear()
        answer = await rest(verb, route, {} if verb in ("POST", "PUT", "PATCH") else None)
        expected = asked_of(verb, route)
        if tuple(refused.split()) in expected:
            assert answer.status == 403, (verb, route)
            assert refused.split()[0] in answer.json["message"]
            expected = expected[: expected.index(tuple(refused.split())) + 1]
        else:
            assert answer.status != 403, (verb, route)
        assert jp_serverapp.authorizer.asked == expected, (verb, route)


@REFUSER
async def test_who_may_not_touch_kernels_neither_deletes_nor_adopts_one(cloud, jp_serverapp, rest):
    state = jp_serverapp.web_app.settings["emr_connect"].state_file
    ledger = Ledger(Database(state))
    ledger.add(KernelRecord("k1", cloud.id("open"), "emr-python", "http://h:1", path="/w/n.ipynb", region="us-east-1"))
    before = ledger.get("k1")
    jp_serverapp.authorizer.refused = ["write kernels"]
    assert (await rest("DELETE", "kernels/k1", query="force=true")).status == 403
    assert (await rest("POST", "kernels/k1/adopt")).status == 403
    assert ledger.get("k1") == before
