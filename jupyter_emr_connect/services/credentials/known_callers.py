"""Who this process was to AWS when it asked, for the audit; apart from ``identity``, which brings botocore."""

from __future__ import annotations

_arns: dict[tuple[str, str], str] = {}  # by profile, empty for none, and region


def note_arn(profile: str | None, region: str, arn: str) -> None:
    """Note the caller's ARN, as AWS has just said it; called from any thread."""
    _arns[profile or "", region] = arn


def known_arn(profile: str | None, region: str | None) -> str | None:
    """Return the caller's ARN where this process has asked for it before; asks nobody."""
    known = list(_arns.items())  # threads add to it
    of_profile = [arn for (name, place), arn in known if name == (profile or "") and region in (place, None)]
    return of_profile[-1] if of_profile else None
