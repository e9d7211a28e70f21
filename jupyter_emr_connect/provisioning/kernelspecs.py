"""Which of a gateway's kernelspecs stands behind one of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def choose(offered: Mapping[str, str], candidates: Sequence[str], language: str, *, spark: bool) -> str | None:
    """Return the gateway's kernelspec for ours, or None when it has none.

    ``offered`` is name to language. The first candidate that is offered wins. Else, for gateways that name theirs in
    their own way, the only one of this language that is (or is not) a Spark kernel by its name; two are no answer.
    """
    for name in candidates:
        if name in offered:
            return name
    alike = [
        name
        for name, its_language in offered.items()
        if its_language.lower() == language.lower() and ("spark" in name.lower()) is spark
    ]
    return alike[0] if len(alike) == 1 else None
