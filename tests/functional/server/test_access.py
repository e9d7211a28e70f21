"""Who may use the routes: authentication, XSRF and authorization as Jupyter has them, each failure as JSON."""

from __future__ import annotations

import pytest
from jupyter_server.auth.authorizer import Authorizer
from traitlets import List, Unicode

from jupyter_emr_connect.server.routes.base import verbs
from jupyter_emr_connect.server.routes.table import ROUTES

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


@pytest.mark.parametrize(
    "jp_argv", [["--ServerApp.authorizer_class=tests.functional.server.test_access.Refuser"]], ids=["refuser"]
)
@pytest.mark.parametrize("refused", ["read emr_connect", "write emr_connect"])
async def test_jupyters_authorizer_is_asked_for_every_verb(jp_serverapp, rest, refused):
    jp_serverapp.authorizer.refused = [refused]
    jp_serverapp.authorizer.asked.clear()
    for verb, route in CALLS:
        body = {} if verb in ("POST", "PUT", "PATCH") else None
        answer = await rest(verb, route, body)
        action = "read" if verb == "GET" else "write"
        assert jp_serverapp.authorizer.asked[-1] == (action, "emr_connect")
        if refused.startswith(action):
            assert answer.status == 403, (verb, route)
            assert refused.split()[0] in answer.json["message"]
    assert len(jp_serverapp.authorizer.asked) == len(CALLS)
