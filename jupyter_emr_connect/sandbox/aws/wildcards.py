"""IAM's wildcards, for policies and their conditions."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = re.compile(r"(\[\*\]|\[\?\]|\*|\?)")
_EXPRESSIONS = {"*": ".*", "?": ".", "[*]": r"\*", "[?]": r"\?"}


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    expression = "".join(_EXPRESSIONS.get(part, re.escape(part)) for part in _PARTS.split(text))
    return re.compile(expression, re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether ``text`` matches: ``*`` is any run of characters, ``?`` one; ``[*]`` and ``[?]`` are those characters."""
    return pattern == "*" or _pattern(pattern).fullmatch(text) is not None


def matches_arn(pattern: str, arn: str) -> bool:
    """Whether an ARN matches as ``ArnLike`` does: each of the six parts between colons by itself."""
    wanted, given = pattern.split(":", 5), arn.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return pattern == "*"
    return all(matches(want, have) for want, have in zip(wanted, given, strict=True))
