"""Finding one compute by id, ARN or unambiguous name, over all sources and kinds. All functions block on AWS."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from ...aws.sts import account_within
from ...config import EMRConnect
from ...errors import AmbiguousCompute, ComputeNotFound, EMRConnectError
from ...models import Attachment, Compute
from .configured import configured_compute
from .first_answer import ask_all
from .kinds import Lister, make_listers
from .kinds.row import Depth
from .sources import Source, access_role, list_sources

SourceLister = tuple[Source, Lister]
# Names may be of any length; so much of one is enough to recognise it.
SHOWN_CHARS = 120
MOST_CANDIDATES = 10
ACCOUNT_WITHIN_S = 1.0  # that an error waits for the account in which nothing was found
LIST_HINT = "`jupyter emr list` shows those there are."


def find(
    config: EMRConnect,
    text: str,
    *,
    sources: Sequence[Source] | None = None,
    kind: str | None = None,
    depth: Depth = "list",
) -> Compute:
    """Return the described compute of an id, an ARN or an unambiguous name (``team/notebooks`` names an endpoint).

    Looked for in ``sources``, else in all that are configured; ``kind`` leaves the other kinds out; ``depth``
    says for what it is described. A Livy server of ``EMRConnect.livy_endpoints`` goes first, and AWS is not asked for
    it. Raises ``ComputeNotFound`` (says where was looked and suggests near names),
    ``AmbiguousCompute``, and AWS's errors where no source could answer.
    """
    text = text.strip()
    if kind in (None, "eks") and (configured := configured_compute(config, text)):
        return configured
    sources = list_sources(config) if sources is None else sources
    listers = _listers_of(config, kind)
    for lister in listers:
        if found := lister.parse_arn(text):
            return _by_arn(text, lister, sources, found, depth)
    if text.startswith("arn:"):
        message = f"{text[:SHOWN_CHARS]!r} is not the ARN of a compute."
        fix = "A cluster, a managed endpoint or a Serverless application has one (`jupyter emr list --json`)."
        raise ComputeNotFound(message, fix=fix)
    searched = [(source, lister) for source in sources for lister in listers if lister.is_id(text)]
    problem: EMRConnectError | None = None
    try:
        if searched and (by_id := _by_id(text, searched, depth)):
            return by_id
    except EMRConnectError as error:
        problem = error
    if any(lister.kind == "ec2" for _, lister in searched):  # a name may look like the other kinds' ids
        raise problem or _not_found(text, [lister for _, lister in searched], sources)
    try:
        return _by_name(text, [(source, lister) for source in sources for lister in listers], depth)
    except EMRConnectError:
        if problem:  # it has the form of an id, so that is the better reason
            raise problem from None
        raise


def _listers_of(config: EMRConnect, kind: str | None) -> list[Lister]:
    listers = [lister for lister in make_listers(config) if kind in (None, lister.kind)]
    if not listers:
        message = f"{str(kind)[:40]!r} is not a kind of compute."
        raise ComputeNotFound(message, fix="There are ec2, eks and serverless.")
    return listers


def recorded_source(config: EMRConnect, profile: str | None, region: str | None, role: str | None) -> list[Source]:
    """Return the one source of a compute that was found before: its profile, region and access role (an ARN)."""
    return [Source(profile, region, access_role(config, role))]


def sources_of(config: EMRConnect, request: Attachment) -> list[Source]:
    """Return where an attachment's compute is to be looked for: one that is kept knows its source."""
    if request.access_role or (request.id and request.region):
        return recorded_source(config, request.profile, request.region, request.access_role)
    return list_sources(config, *([one] if one else [] for one in (request.profile, request.region)))


def _by_arn(arn: str, lister: Lister, sources: Sequence[Source], parts: tuple[str, str, str], depth: Depth) -> Compute:
    region, account, compute_id = parts
    there = [source for source in sources if source.region == region]
    if not there:
        there = list(dict.fromkeys(replace(source, region=region) for source in sources))
    owning = [source for source in there if _may_own(source, account)]
    found = _by_id(compute_id, [(source, lister) for source in owning or there], depth)
    if found is None or found.arn != arn:
        raise _not_found(arn, [lister], there)
    return found


def _may_own(source: Source, account: str) -> bool:
    try:
        return source.session().caller.account in (None, account)
    except EMRConnectError:  # said where it is asked
        return False


def _by_id(compute_id: str, searched: Sequence[SourceLister], depth: Depth) -> Compute | None:
    """Return the compute that one of these sources knows by this id; raises when none does and one could not say."""

    def describe(pair: SourceLister) -> Compute | None:
        source, lister = pair
        session = source.session()
        found = lister.describe(session, compute_id, depth=depth) if session.offers(lister.service) else None
        return with_source(found, source) if found else None

    answers = ask_all(searched, describe, found=lambda answer: isinstance(answer, Compute))
    errors = [one for one in answers if isinstance(one, EMRConnectError)]
    found = [one for one in answers if isinstance(one, Compute)]
    if not found and errors:
        raise errors[0]
    return found[0] if found else None


def _by_name(name: str, searched: Sequence[SourceLister], depth: Depth) -> Compute:
    answers = ask_all(searched, _rows)
    errors = [one for one in answers if isinstance(one, EMRConnectError)]
    if len(errors) == len(answers):
        raise errors[0]
    rows = [row for one in answers if not isinstance(one, EMRConnectError) for row in one]
    same = _distinct([row for row in rows if name in _names(row[1])])
    if not same:
        same = _lately_ended(name, searched)
    if not same:
        listers = [lister for _, lister in searched]
        raise _not_found(name, listers, [source for source, _ in searched], [row.name for _, row in rows], errors)
    if len(same) > 1:
        raise _ambiguous(name, [row for _, row in same])
    (source, lister), row = same[0]
    described = _by_id(row.id, [(source, lister)], depth)
    return described or row


def _names(row: Compute) -> tuple[str, ...]:
    """Return a compute's name; an endpoint's also after its virtual cluster's, as endpoints of many are told apart."""
    return (row.name, f"{row.details['virtual_cluster']}/{row.name}") if row.kind == "eks" else (row.name,)


def _lately_ended(name: str, searched: Sequence[SourceLister]) -> list[tuple[SourceLister, Compute]]:
    """Return the newest compute of this name that has ended, so that the user learns what became of it."""
    answers = ask_all(searched, lambda pair: _rows(pair, ended=True))
    rows = [row for one in answers if not isinstance(one, EMRConnectError) for row in one if name in _names(row[1])]
    return sorted(rows, key=lambda row: row[1].created_at or "")[-1:]


def _rows(pair: SourceLister, *, ended: bool = False) -> list[tuple[SourceLister, Compute]]:
    source, lister = pair
    session = source.session()
    if not session.offers(lister.service):
        return []
    pages = lister.pages(session, ended=ended)
    return [(pair, with_source(row, source)) for page in pages for row in page]


def _distinct(rows: Sequence[tuple[SourceLister, Compute]]) -> list[tuple[SourceLister, Compute]]:
    found: dict[tuple[str, str, str], tuple[SourceLister, Compute]] = {}
    for row in rows:
        found.setdefault((row[1].kind, row[1].id, row[1].account), row)
    return list(found.values())


def with_source(compute: Compute, source: Source) -> Compute:
    """Return the compute with the profile (by its name) and the access role that it was found with."""
    role = source.access_role.arn if source.access_role else None
    return replace(compute, profile=source.session().profile, access_role=role)


def _ambiguous(name: str, rows: Sequence[Compute]) -> AmbiguousCompute:
    newest = sorted(rows, key=lambda row: row.created_at or "", reverse=True)
    listed = ", ".join(
        f"{row.id} ({row.kind}, {row.region}, account {row.account}, {row.state}, since {(row.created_at or '?')[:16]})"
        for row in newest[:MOST_CANDIDATES]
    )
    more = f", and {len(rows) - MOST_CANDIDATES} that are older" if len(rows) > MOST_CANDIDATES else ""
    message = f"{len(rows)} computes are named {name[:SHOWN_CHARS]!r}: {listed}{more}."
    return AmbiguousCompute(message, fix="Use one of these ids, or an ARN.")


def _not_found(
    text: str,
    listers: Sequence[Lister],
    sources: Sequence[Source],
    names: Sequence[str] = (),
    errors: Sequence[EMRConnectError] = (),
) -> ComputeNotFound:
    titles = list(dict.fromkeys(lister.title for lister in listers))
    what = titles[0] if len(titles) == 1 else "compute"
    where = "; ".join(dict.fromkeys(_where(source) for source in sources))
    text = text[:SHOWN_CHARS]
    near = difflib.get_close_matches(text, sorted({name[:SHOWN_CHARS] for name in names}), n=3)
    hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    unasked = f" Not all could be asked: {errors[0].message}" if errors else ""
    return ComputeNotFound(f"No {what} {text!r} in {where}.{unasked}", fix=f"{hint}{LIST_HINT}")


def _where(source: Source) -> str:
    try:
        session = source.session()
        account = account_within(session, ACCOUNT_WITHIN_S) or "not known"
        return f"account {account}, region {session.region}, {session.label}"
    except EMRConnectError:
        return f"region {source.region or 'of the AWS chain'}, profile {source.profile or 'of the AWS chain'}"
