"""Completion of a cell's names in its session: what may stand for the last part of the name before the cursor.

Apache Livy (0.7 to 0.9) has a call for it, which answers for Scala alone, and EMR Serverless has none. In PySpark
sessions a short statement asks Python itself, which takes some 10 ms in a session that is idle.
"""

from __future__ import annotations

import json
import re

from .session import LivySession
from .statement import run_statement

MARK = "emr-connect-names:"
NAME = re.compile(r"(?<![\w.])[^\W\d]\w*(?:\.[^\W\d]?\w*)*$")  # a dotted name that ends at the cursor
MOST = 500

# Evaluates names and attributes, and calls nothing; leaves no name.
CODE = """
print({mark!r} + (lambda names, name: __import__("json").dumps([
    one.rpartition(".")[2].rstrip("(): ") for one in (
        lambda completer: completer.attr_matches(name) if "." in name else completer.global_matches(name)
    )(__import__("rlcompleter").Completer(names))
][:{most}]))(globals(), {name!r}))
"""


def name_before(code: str, cursor: int) -> str:
    """Return the dotted name that ends at the cursor; empty where there is none, as behind a call or in a number."""
    found = NAME.search(code[:cursor])
    return found[0] if found else ""


async def complete(session: LivySession, code: str, cursor: int) -> list[str]:
    """Return what may stand for the last part of the name before the cursor; raises ``LivyError``.

    Called on the client's loop, where no other statement of the session runs; when the caller is cancelled, so is it.
    """
    name = name_before(code, cursor)
    if session.kind != "pyspark":
        return await session.client.complete(session.id, code, session.kind, cursor)
    if not name:
        return []
    result = await run_statement(session, CODE.format(mark=MARK, most=MOST, name=name))
    _, found, printed = str(result.data.get("text/plain", "")).rpartition(MARK)
    return sorted(set(map(str, json.loads(printed)))) if found else []
