"""Release labels: two families that count apart (reference 1.3), and what is known of each from which version on."""

from __future__ import annotations

import re

Version = tuple[int, int, int]
RELEASE = re.compile(r"(emr-spark|emr)-(\d{1,6})\.(\d{1,6})\.(\d{1,6})(-.*)?", re.ASCII)


def parse_release(label: str | None) -> tuple[str, Version] | None:
    """Return the family (``emr`` or ``emr-spark``) and the version of a release label; None for another form."""
    found = RELEASE.fullmatch(label or "")
    if not found:
        return None
    return found[1], (int(found[2]), int(found[3]), int(found[4]))


def is_since(label: str | None, *, emr: Version | None, emr_spark: Version | None = (0, 0, 0)) -> bool | None:
    """Tell whether a release is at least the named one of its family; None when the label's form is not known.

    ``None`` for a family means that no release of it will do. ``emr-spark`` began with 8.0.0, after all that the rules
    ask of ``emr``, so that by default each of its releases will.
    """
    release = parse_release(label)
    if release is None:
        return None
    least = emr_spark if release[0] == "emr-spark" else emr
    return least is not None and release[1] >= least


def written(version: Version, family: str = "emr") -> str:
    """Return the label of a version, for messages: ``emr-6.11.0``."""
    return f"{family}-{'.'.join(map(str, version))}"
