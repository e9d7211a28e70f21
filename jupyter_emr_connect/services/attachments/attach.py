"""Making, changing and ending attachments: each is proved, hop by hop, before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from ...config import EMRConnect
from ...errors import (
    AttachmentError,
    AttachmentNotFound,
    AWSUnavailable,
    ComputeError,
    EMRConnectError,
    GatewayError,
    GatewayUnreachable,
    LivyError,
    NotAttached,
    PathNotFound,
)
from ...executors import AWS, LEDGER, run_in
from ...http.deadlines import seconds_left, within
from ...models import Attachment, Compute, Login, check_role
from ...store.writes import finish_write
from .. import stages
from ..compute.lookup import find, sources_of
from ..credentials.aws_sessions import session_of
from ..credentials.gateway_secrets import auth_for
from .connect import connect, needs_aws, role_of
from .location import key_of
from .resolution import admit, expiry, open_attachments
from .whereabouts import Whereabouts, followed

# The hop at which an error happened, by its class, whatever stage was running.
HOPS: tuple[tuple[type[EMRConnectError], str], ...] = (
    (ComputeError, "compute"),
    (AttachmentError, "store"),
    (GatewayError, "gateway"),
    (LivyError, "livy"),
)


async def attach(
    config: EMRConnect,
    request: Attachment,
    *,
    check: bool = True,
    where: Whereabouts | None = None,
    stage: Callable[[str], None] = lambda name: None,
    login: Login | None = None,
) -> tuple[Attachment, Compute]:
    """Prove an attachment and store it; called by ``POST`` and ``PATCH attachments`` and by ``jupyter emr attach``.

    ``request.compute`` may be an id, an ARN or a name, ``request.runtime_role`` an ARN or a name; the compute's id and
    the role's ARN are stored, with the profile and region that the compute was found with. ``request.path`` is the
    absolute path of a notebook or folder; an attachment that it has already is replaced, and so is the one with
    ``request.id``. With ``check`` the gateway must answer with the role's credentials; without,
    AWS alone is asked. ``stage`` is told each hop as it begins; ``login`` is what the user typed for a compute that
    asks for it, and is kept in memory alone. Nothing is stored unless all hops answer; every error says in ``hop``
    which did not. A notebook or folder that is renamed meanwhile is attached by its new name: ``where`` tells it of
    what is no file (``followed`` tells it of files). Raises as ``services.attachments.connect`` does, and
    ``StoreError``.
    """
    running = [stages.CREDENTIALS]

    def enter(name: str) -> None:
        running.append(name)
        stage(name)

    limit = longest_attach(config)
    try:
        await run_in(LEDGER, open_attachments(config).at, request.path)  # where nothing can be kept, nothing is asked
        with followed(request.path) as found:
            proving = _prove(config, request, enter, login) if check else _ask(config, request, enter)
            proved, compute = await within(limit, proving)
            return await finish_write(_store, config, proved, where or found), compute
    except asyncio.TimeoutError:
        raise _late(running[-1], limit) from None
    except EMRConnectError as error:
        if isinstance(error, AWSUnavailable) and seconds_left() <= 0:  # the thread has met the deadline first
            raise _late(running[-1], limit) from error
        error.hop = next((hop for kind, hop in HOPS if isinstance(error, kind)), running[-1])
        raise


def detach(config: EMRConnect, path: str) -> Attachment:
    """End the attachment of exactly this notebook or folder, and return it; kernels that run go on.

    Called by ``jupyter emr detach``; blocks on the state file. Raises ``NotAttached``, ``StoreError``.
    """
    key, store = key_of(path), open_attachments(config)
    ended = store.at(key)
    if ended is None or not store.remove(key):
        message = f"{key} has no attachment of its own."
        raise NotAttached(message, fix="`jupyter emr status` lists all attachments.")
    return ended


def longest_attach(config: EMRConnect) -> float:
    """Return the seconds after which :func:`attach` gives up."""
    return config.connect_timeout + 2 * config.credentials_timeout


async def _prove(
    config: EMRConnect, request: Attachment, enter: Callable[[str], None], login: Login | None
) -> tuple[Attachment, Compute]:
    connection = await connect(config, request, stage=enter, login=login)
    return _bound(request, connection.compute, connection.role), connection.compute


async def _ask(config: EMRConnect, request: Attachment, enter: Callable[[str], None]) -> tuple[Attachment, Compute]:
    enter(stages.CREDENTIALS)
    return await run_in(AWS, _ask_aws, config, request)


def _ask_aws(config: EMRConnect, request: Attachment) -> tuple[Attachment, Compute]:
    if request.runtime_role:
        check_role(request.runtime_role)
    compute = find(config, request.compute, sources=sources_of(config, request), depth="attach")
    admit(compute, request)
    if not needs_aws(compute):
        return _bound(request, compute, None), compute
    session = session_of(config, compute)
    role = role_of(config, request, compute, session)
    if auth := auth_for(config, session, compute, role):
        auth.obtain()
    return _bound(request, compute, role), compute


def _bound(request: Attachment, compute: Compute, role: str | None) -> Attachment:
    """Return the attachment with the compute's id, the role's ARN and whose calls found it.

    A kernel that starts later asks as the same caller.
    """
    return replace(
        request,
        compute=compute.id,
        compute_name=compute.name,
        runtime_role=role,
        profile=compute.profile,
        region=compute.region,
        access_role=compute.access_role,
    )


def _store(config: EMRConnect, proved: Attachment, where: Whereabouts) -> Attachment:
    """Store a proved attachment for what it was proved for, wherever that is by now; blocks."""
    store = open_attachments(config)
    if proved.id:  # it may have followed a rename, or been ended, while it was proved
        stored = store.change(proved)
        if stored is None:
            message = "The attachment was ended while its change was proved."
            raise AttachmentNotFound(message, fix="Attach the notebook or folder anew.")
    else:
        path = where()
        if path is None:
            message = f"{proved.path} was deleted while its attachment was proved."
            raise PathNotFound(message, fix="Attach it where it is now.")
        stored = store.put(replace(proved, path=path))
        while (path := where()) not in (None, stored.path):  # renamed as it was stored
            stored = store.put(replace(stored, path=path))  # by its id the row of the former name is replaced
    return replace(stored, credentials_expire_at=expiry(config, stored))


def _late(hop: str, limit: float) -> EMRConnectError:
    message = f"Stage '{hop}': nothing came of it within {limit:.0f} s."
    kind = AWSUnavailable if hop == stages.CREDENTIALS else GatewayUnreachable
    error = kind(message, fix="Try again; the trait EMRConnect.credentials_timeout sets how long it may take.")
    error.hop = hop
    return error
