"""Where a host is reached in truth: by name or pattern, with a port or for all, the first that fits."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.http.resolver import route_of
from jupyter_emr_connect.services.attachments.routes import routes_of

ROUTES = {"a.internal:8998": "localhost:1", "*.internal": "localhost:2", "b.example": "[::1]:3"}


@pytest.mark.parametrize(
    ("host", "port", "reached"),
    [
        ("a.internal", 8998, ("localhost", 1)),
        ("A.Internal", 8998, ("localhost", 1)),
        ("a.internal", 18888, ("localhost", 2)),
        ("b.example", 443, ("::1", 3)),
        ("c.example", 443, ("c.example", 443)),
        ("internal", 443, ("internal", 443)),
    ],
)
def test_a_host_is_reached_where_the_first_route_that_fits_leads(
    host: str, port: int, reached: tuple[str, int]
) -> None:
    assert route_of(host, port, ROUTES) == reached


def test_the_environment_adds_routes_and_the_setting_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMR_CONNECT_ROUTES", "a=localhost:9, b:443=localhost:8,")
    assert routes_of(EMRConnect(routes={"a": "localhost:1"})) == {"a": "localhost:1", "b:443": "localhost:8"}
    assert routes_of(EMRConnect()) == {"a": "localhost:9", "b:443": "localhost:8"}


@pytest.mark.parametrize("wrong", ["a", "a=", "a=localhost", "a=localhost:x", "a=localhost:0", "a=localhost:70000"])
def test_what_is_no_route_is_refused_with_how_to_write_one(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("EMR_CONNECT_ROUTES", wrong)
    with pytest.raises(ConfigurationError, match="no route") as raised:
        routes_of(EMRConnect())
    assert "host:port" in raised.value.fix
