"""``openapi.yaml`` and the routes describe each other."""

from __future__ import annotations

import yaml

from jupyter_emr_connect.server.routes.base import verbs
from jupyter_emr_connect.server.routes.table import ROUTES, UnknownHandler
from tests.functional.server.specification import specification


def described() -> dict[str, set[str]]:
    methods = {"get", "put", "post", "patch", "delete", "head"}
    return {path: {name.upper() for name in item if name in methods} for path, item in specification()["paths"].items()}


def test_every_route_and_verb_is_described_and_no_other():
    assert described() == {path: set(verbs(handler)) for path, handler in ROUTES.items()}


def test_every_verb_is_authenticated_and_authorized():
    for handler in ROUTES.values():
        for verb in verbs(handler):
            method = vars(handler)[verb.lower()]
            assert method.__code__.co_name == "wrapper", (handler, verb)  # tornado's authenticated
            assert method.__wrapped__.__code__.co_name == "inner", (handler, verb)  # jupyter_server's authorized


def test_every_route_states_its_deadline():
    for handler in {*ROUTES.values(), UnknownHandler}:
        assert 0 < handler.deadline_s <= 120, handler


async def test_the_description_is_served(rest):
    answer = await rest("GET", "openapi.yaml")
    assert answer.status == 200
    assert yaml.safe_load(answer.text) == specification()
