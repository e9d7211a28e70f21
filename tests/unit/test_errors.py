"""The tree of errors: its drawing, its codes and its JSON."""

from __future__ import annotations

import re

from jupyter_emr_connect import errors


def classes() -> list[type[errors.EMRConnectError]]:
    found = [errors.EMRConnectError]
    for cls in found:
        found += cls.__subclasses__()
    return [cls for cls in found if cls.__module__ == errors.__name__]


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for indent, name in re.findall(r"^([ │├└─]*)([A-Z]\w+)\b", errors.__doc__.split("::", 1)[1], re.MULTILINE):
        depth = len(indent) // 4 - 1
        path[depth:] = [name]
        drawn[name] = path[depth - 1] if depth else ""
    real = {cls.__name__: cls.__base__.__name__ for cls in classes() if cls is not errors.EMRConnectError}
    assert drawn == real | {"EMRConnectError": ""}


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [cls.code for cls in classes()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_the_json_is_the_contracts() -> None:
    error = errors.KernelGone("It was culled.", fix="Start it again.")
    shown = {"message": "It was culled.", "reason": "Kernel gone", "code": "kernel-gone", "fix": "Start it again."}
    assert error.to_json() == shown
    assert str(error) == "It was culled. Start it again."


def test_a_message_begins_as_a_sentence_and_names_stay_as_they_are() -> None:
    label = "the gateway of 'open' (j-1)"
    assert errors.GatewayUnreachable(f"{label} is silent.").message == "The gateway of 'open' (j-1) is silent."
    assert errors.GatewayUnreachable("theta is silent.").message == "theta is silent."


def test_a_denied_call_names_its_iam_action() -> None:
    error = errors.AccessDenied("No.", iam_action="elasticmapreduce:ListClusters")
    assert error.to_json()["iam_action"] == "elasticmapreduce:ListClusters"
