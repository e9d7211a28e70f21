"""Holds answers against ``openapi.yaml``."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from jupyter_emr_connect.server.routes.table import SPECIFICATION


def read_yaml(text: str) -> Any:
    """Read YAML by libyaml, where it is there: ten times as fast."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@functools.cache
def specification() -> dict[str, Any]:
    """Return the description as it ships."""
    return read_yaml(SPECIFICATION.read_text(encoding="utf-8"))


def validate(schema: Mapping[str, Any], value: Any) -> None:
    """Fail when a value is not as a schema of the description says."""
    whole = {**schema, "components": specification()["components"]}
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]
    assert not errors, (errors, value)


def template(path: str) -> str | None:
    """Return the described path that ``path`` is an instance of."""
    for known in specification()["paths"]:
        # An endpoint's id, and an ARN, have a slash of their own.
        pattern = known.replace("/compute/{kind}/{id}", "/compute/{kind}/.+")
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            return known
    return None


def resolve(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference."""
    found: Any = node
    while "$ref" in found:
        place = found["$ref"]
        found = specification()
        for part in place.removeprefix("#/").split("/"):
            found = found[part]
    return found


def check_answer(verb: str, path: str, status: int, headers: Mapping[str, str], text: str) -> None:
    """Fail when an answer's status or body is not described; unknown routes and verbs answer with ``Error`` too."""
    assert headers["Cache-Control"] == "no-store"
    known = template(path)
    operation = specification()["paths"].get(known, {}).get(verb.lower())
    if operation is None:
        assert status in (403, 404, 405), (status, text)
        if verb != "HEAD":
            validate({"$ref": "#/components/schemas/Error"}, json.loads(text))
        return
    assert str(status) in operation["responses"], (verb, path, status, text)
    described = resolve(operation["responses"][str(status)])
    if "content" not in described:
        assert text == ""
        return
    kind = headers["Content-Type"].split(";")[0]
    assert kind in described["content"], (kind, text)
    value = json.loads(text) if kind == "application/json" else read_yaml(text)
    validate(described["content"][kind]["schema"], value)
