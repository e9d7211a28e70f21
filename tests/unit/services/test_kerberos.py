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

    def __init__(self, text: str, min_code: int) -> None:
        super().__init__(text)
        self.min_code = min_code


class Refusing(SimpleNamespace):
    """The package on a machine where no token can be made."""

    NameType = SimpleNamespace(hostbased_service="hostbased")
    exceptions = SimpleNamespace(GSSError=GSSFailure)

    def Name(self, text: str, kind: str) -> str:  # noqa: N802 - the package's own name
        return f"{kind}:{text}"

    def SecurityContext(self, name: str, usage: str) -> SimpleNamespace:  # noqa: N802 - the package's own name
        assert (name, usage) == ("hostbased:HTTP@livy.example.com", "initiate")
        message = f"Major (851968): Unspecified GSS failure.  Minor code, Minor ({self.code}): {self.said}"
        raise GSSFailure(message, self.code)


@pytest.mark.parametrize(
    ("code", "said", "message", "fix"),
    [
        (2529639053, "No Kerberos credentials available", "There is no Kerberos ticket for livy.example.com", "kinit"),
        (2529638944, "Ticket expired", "The Kerberos ticket for livy.example.com has ended", "kinit"),
        (
            2529638919,
            "Server HTTP/livy.example.com@A not found in\nKerberos database",
            "The Kerberos server (KDC) does not know HTTP/livy.example.com",
            "full host name",
        ),
        (2529639068, "Cannot contact any KDC for realm 'A'", "There is no Kerberos ticket for livy.example.com", "VPN"),
        (1, "anything else", "There is no Kerberos ticket for livy.example.com", "kinit"),
    ],
    ids=["none", "ended", "server-unknown", "no-kdc", "other"],
)
def test_why_there_is_no_token_is_told_with_the_packages_words(
    monkeypatch: pytest.MonkeyPatch, code: int, said: str, message: str, fix: str
) -> None:
    monkeypatch.setitem(sys.modules, "gssapi", Refusing(code=code, said=said))
    with pytest.raises(KerberosFailed) as raised:
        token_for("livy.example.com")
    assert raised.value.message.startswith(message)
    assert f"({' '.join(said.split())})." in raised.value.message
    assert fix in raised.value.fix
