"""Where a Livy server is, how to speak to it, and what it says when it fails."""

from __future__ import annotations

import html
import json
import re
import ssl
from dataclasses import dataclass, field
from typing import Any

from ..errors import (
    LivyCertificate,
    LivyError,
    LivyRefused,
    LivyUnreachable,
    LoginRefused,
    NotLivy,
    SessionGone,
    StatementLost,
)
from ..http.auth import Auth, NoAuth
from ..http.errors import describe_failure
from ..http.resolver import Routes

SHOWN = 600  # characters of an error body that a message repeats
LDAP_REFUSAL = re.compile(r"validating LDAP user|Authentication required")
UNAVAILABLE = frozenset({429, 502, 503, 504})
CLASSES: dict[str, type[LivyError]] = {
    "certificate": LivyCertificate,
    "protocol": NotLivy,
    "unreachable": LivyUnreachable,
}


@dataclass(frozen=True)
class LivyTarget:
    """One Livy server: ``url`` without a trailing slash, ``label`` is its name in messages.

    ``reduced`` is said of EMR Serverless, which takes some of Livy's calls only (reference 3.3): no log, no completion.
    ``username`` is the user's own, where he logs in by a password.
    """

    url: str
    ssl_context: ssl.SSLContext | None = field(default=None, repr=False)
    auth: Auth = field(default_factory=NoAuth, repr=False)
    label: str = "Livy"
    reduced: bool = False
    routes: Routes = field(default_factory=dict)
    username: str = ""

    @property
    def where(self) -> str:
        """The server in messages: its label and its address."""
        return f"{self.label} at {self.url}"


def explain(error: BaseException, target: LivyTarget) -> LivyError:
    """Return our error for an exception that a call raised before there was a whole answer."""
    failure = describe_failure(error, label=target.label, url=target.url, peer="Livy", routes=target.routes)
    return CLASSES[failure.kind](failure.message, fix=failure.fix)


def told(body: bytes) -> str:
    """Return what an error body says, in one bounded line: Livy's JSON or plain text, AWS's JSON, a page's reason.

    Never a Java stack trace.
    """
    text = body.decode("utf-8", "replace").strip()
    try:
        parsed: Any = json.loads(text)
    except (ValueError, RecursionError):
        parsed = text
    if isinstance(parsed, dict):
        parsed = next((parsed[key] for key in ("msg", "message", "Message", "reason") if parsed.get(key)), "")
    said = str(parsed or "")
    if said.lstrip().startswith("<"):
        # Jetty's page has its reason in <pre>, and nothing but the status in its title.
        found = re.search(r"<pre>(.*?)</pre>", said, re.IGNORECASE | re.DOTALL)
        found = found or re.search(r"<title>(.*?)</title>", said, re.IGNORECASE | re.DOTALL)
        said = html.unescape(found[1]) if found else ""
    said = re.split(r"\n\s+at [\w$.]+\(", said)[0]
    said = re.sub(r"^(java[\w.]*\.)*(\w+(Exception|Error): )+", "", re.sub(r"\s+", " ", said)).strip()
    return said if len(said) <= SHOWN else f"{said[: SHOWN - 3]}..."


def refuse(status: int, body: bytes, target: LivyTarget) -> LivyError:
    """Return our error for a status that is none of success; its ``status`` is set."""
    made = _refusal(status, told(body), target)
    made.status = status
    return made


def _refusal(status: int, said: str, target: LivyTarget) -> LivyError:
    because = f": {said}" if said else ""
    if status in (401, 403):
        return _no_entry(status, said, because, target)
    if status == 404 and said.startswith("Session '"):
        return SessionGone(f"{target.label} no longer has the session: {said}", fix="Start a new one: %emr restart.")
    if status == 404 and said == "Statement not found":
        message = f"{target.label} no longer has what the statement answered."
        return StatementLost(message, fix="Run the cell again; Livy keeps the last 100 statements of a session.")
    if status == 404:
        return NotLivy(f"{target.where} has no such address (404{because}).", fix="Check the address and the port.")
    if 300 <= status < 400:
        return NotLivy(f"{target.where} sends us elsewhere (HTTP {status}).", fix="Check the address and the port.")
    if status in UNAVAILABLE:
        message = f"{target.where} is not available at the moment (HTTP {status}{because})."
        return LivyUnreachable(message, fix="Try again in a minute.")
    if "Session is in state" in said:
        state = said.rpartition(" ")[2].rstrip(".")
        message = f"The Spark session on {target.label} runs no more statements: it is {state}."
        return SessionGone(message, fix="Start a new one: %emr restart.")
    if status >= 500:
        return LivyError(f"{target.where} failed (HTTP {status}{because}).", fix="Livy's own log may say more.")
    return LivyError(f"{target.where} did not accept the request (HTTP {status}{because}).")


def _no_entry(status: int, said: str, because: str, target: LivyTarget) -> LivyRefused:
    """Return the error for 401 and 403; Livy answers an LDAP bind that fails with 403 (recorded from 0.7.1)."""
    if target.username and (status == 401 or LDAP_REFUSAL.search(said)):
        message = f"{target.where} does not accept the user name {target.username!r} and password ({status}{because})."
        return LoginRefused(message, fix="Check both, and attach anew with them; they are not sent again.")
    if status == 401:
        fix = "Check the runtime role and how this Livy authenticates."
        return LivyRefused(f"{target.where} does not accept our credentials (401).", fix=fix)
    return LivyRefused(f"{target.where} refused us (403{because}).", fix=_fix_of_403(said))


def _fix_of_403(said: str) -> str:
    if "GSS" in said:  # Kerberos: Java's own words, as of hadoop-auth
        return "Check the clocks of both machines; the server's administrator, that its keytab is the present one."
    if "iam:PassRole" in said:
        return "Choose another runtime role (`jupyter emr roles` lists them), or ask for iam:PassRole on this one."
    if "signature" in said.lower():
        return "Check this machine's clock, and the AWS credentials in use (`aws sts get-caller-identity`)."
    return "Check that the runtime role, or your own IAM policy, may use this compute."


def parse(content_type: str, body: bytes, target: LivyTarget) -> Any:
    """Return the JSON of a successful answer, or raise :class:`NotLivy`; servers speak UTF-8 whatever they declare."""
    if not body:
        return None
    try:
        return json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        kind = content_type.split(";")[0] or "no content type"
        message = f"What answers at {target.where} is no Livy server (it sent {kind})."
        raise NotLivy(message, fix="Check the address and the port; a proxy may answer in its place.") from error
