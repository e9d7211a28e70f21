"""What a refusal of a Livy server means, by the pages that Apache Livy 0.7.1 sends (recorded)."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.errors import LivyRefused, LoginRefused
from jupyter_emr_connect.livy.target import LivyTarget, refuse, told

PAGE = (
    '<html>\n<head>\n<meta http-equiv="Content-Type" content="text/html;charset=ISO-8859-1"/>\n'
    "<title>Error {status} </title>\n</head>\n<body>\n<h2>HTTP ERROR: {status}</h2>\n"
    "<p>Problem accessing /sessions. Reason:\n<pre>    {reason}</pre></p>\n"
    '<hr /><a href="http://eclipse.org/jetty">Powered by Jetty:// 9.3.24.v20180605</a><hr/>\n</body>\n</html>\n'
)
LDAP = LivyTarget("https://livy:8998", label="Livy on 'ldap'", username="ada")
PAIR = LivyTarget("https://livy:8998", label="Livy on 'analytics'")


def page(status: int, reason: str) -> bytes:
    return PAGE.format(status=status, reason=reason).encode()


def test_a_jetty_page_tells_its_reason_and_not_its_title() -> None:
    assert told(page(403, "Error validating LDAP user: a &lt;null&gt; password")) == (
        "Error validating LDAP user: a <null> password"
    )
    assert told(b"<html><title>Bad gateway</title></html>") == "Bad gateway"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "Authentication required"),
        (403, "Error validating LDAP user"),
        (403, "Error validating LDAP user: a null or blank password has been provided"),
    ],
)
def test_a_bind_that_failed_is_told_as_the_password(status: int, reason: str) -> None:
    error = refuse(status, page(status, reason), LDAP)
    assert (type(error), error.status) == (LoginRefused, status)
    assert f"does not accept the user name 'ada' and password ({status}: {reason})" in error.message
    assert type(refuse(status, page(status, reason), PAIR)) is LivyRefused


def test_a_right_that_is_lacking_is_not_taken_for_the_password() -> None:
    error = refuse(403, b'{"msg": "User ada is not allowed to see session 3"}', LDAP)
    assert type(error) is LivyRefused
    assert "User ada is not allowed to see session 3" in error.message


def test_a_ticket_that_livy_refuses_is_no_matter_of_roles() -> None:
    said = "org.ietf.jgss.GSSException, major code: 11, minor code: 0"
    error = refuse(403, page(403, said), LivyTarget("http://livy:8998"))
    assert said in error.message
    assert "keytab" in error.fix


def test_a_role_that_may_not_be_passed_is_told_with_what_to_do() -> None:
    denied = "User: u is not authorized to perform: iam:PassRole on resource: r"
    error = refuse(403, page(403, denied), PAIR)
    assert denied in error.message
    assert "ask for iam:PassRole" in str(error.fix)
