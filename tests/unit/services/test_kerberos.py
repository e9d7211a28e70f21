"""A Kerberos ticket where the package for it is missing, and what its package says where there is no ticket."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from jupyter_emr_connect.errors import KerberosFailed
from jupyter_emr_connect.services.credentials.kerberos import token_for


def test_a_missing_package_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(KerberosFailed, match=r"livy\.example\.com asks for a Kerberos ticket") as raised:
        token_for("livy.example.com")
    assert "pip install 'jupyter_emr_connect[kerberos]'" in raised.value.fix
    assert "libkrb5-dev gcc" in raised.value.fix


class GSSFailure(Exception):
    """What the package raises."""


class NoTickets(SimpleNamespace):
    """The package on a machine where nobody has logged in."""

    NameType = SimpleNamespace(hostbased_service="hostbased")
    exceptions = SimpleNamespace(GSSError=GSSFailure)

    @staticmethod
    def Name(text: str, kind: str) -> str:  # noqa: N802 - the package's own name
        return f"{kind}:{text}"

    @staticmethod
    def SecurityContext(name: str, usage: str) -> SimpleNamespace:  # noqa: N802 - the package's own name
        message = f"Major (851968): No Kerberos credentials\navailable for {name} to {usage}"
        raise GSSFailure(message)


def test_no_ticket_is_told_in_the_packages_words_with_kinit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", NoTickets())
    with pytest.raises(KerberosFailed) as raised:
        token_for("livy.example.com")
    assert raised.value.message == (
        "There is no Kerberos ticket for livy.example.com: Major (851968): No Kerberos credentials available for "
        "hostbased:HTTP@livy.example.com to initiate."
    )
    assert "kinit" in raised.value.fix
