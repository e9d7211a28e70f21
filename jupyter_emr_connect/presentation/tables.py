"""The tables of computes, roles, attachments and kernels, and the fields of one of them, as text cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..models import Attachment, Compute, RuntimeRole

if TYPE_CHECKING:
    from ..aws.sts import Identity
    from ..services.kernels.listing import ListedKernel
    from ..services.kernels.orphans import Orphan
    from ..services.roles import RoleList

Fields = list[tuple[str, str | None]]  # names and values; None is left out
SHORT_ID = 8  # characters of a kernel's id, of which commands take the beginning
DETAILS_SHOWN_ELSEWHERE = frozenset({"runtime_role_reason", "unreachable", "unread"})


class Table(NamedTuple):
    """Headers and rows; ``spare`` names the columns that a narrow screen goes without, the first of them first."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    spare: Sequence[str] = ()


def compute_table(computes: Sequence[Compute]) -> Table:
    """Return the list of computes; accounts and regions are shown where there is more than one."""
    columns: list[tuple[str, Callable[[Compute], str]]] = [
        ("ID", lambda compute: compute.id),
        ("NAME", lambda compute: compute.name),
        ("KIND", lambda compute: compute.kind),
        ("STATE", lambda compute: compute.state),
        ("RELEASE", lambda compute: compute.release or "-"),
        ("RUNTIME ROLE", lambda compute: compute.runtime_role),
        ("ATTACHABLE", attachable),
    ]
    if len({compute.region for compute in computes}) > 1:
        columns.insert(3, ("REGION", lambda compute: compute.region))
    if len({compute.account for compute in computes}) > 1:
        columns.insert(3, ("ACCOUNT", lambda compute: compute.account or "-"))
    rows = [tuple(cell(compute) for _, cell in columns) for compute in computes]
    return Table(tuple(name for name, _ in columns), rows, ("RELEASE", "RUNTIME ROLE"))


def attachable(compute: Compute) -> str:
    """Return ``yes``, or why not; a compute that was not looked at says just that."""
    if compute.attachable:
        return "yes"
    reason = str(compute.reason)
    return reason if is_undecided(compute) else f"no: {reason}"


def is_undecided(compute: Compute) -> bool:
    """Say whether nobody knows yet if the compute can be attached to."""
    return not compute.attachable and str(compute.reason).startswith(("Not looked at", "Not known"))


def compute_fields(compute: Compute) -> Fields:
    """Return what is known of one compute, with the details that differ by kind."""
    role_reason = compute.details.get("runtime_role_reason")
    return [
        ("id", compute.id),
        ("kind", compute.kind),
        ("name", compute.name),
        ("arn", compute.arn),
        ("account", compute.account),
        ("region", compute.region),
        ("state", f"{compute.state} ({compute.state_reason})" if compute.state_reason else compute.state),
        ("created", compute.created_at),
        ("release", compute.release),
        ("attachable", "yes" if compute.attachable else f"no: {compute.reason}"),
        ("transports", ", ".join(compute.transports) or "none"),
        ("runtime role", f"{compute.runtime_role}: {role_reason}" if role_reason else compute.runtime_role),
        ("authentication", compute.auth),
        *_detail_fields(compute.details),
        ("made by", f"{maker.name} (tag {maker.tag})" if (maker := compute.made_by) else None),
        ("tags", _text(compute.tags) or None),
    ]


def _detail_fields(details: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in details.items():
        if name in DETAILS_SHOWN_ELSEWHERE or value in (None, "", [], {}):
            continue
        if name == "network":
            yield from _detail_fields(value)
        else:
            yield name.replace("_", " "), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text}" if text else str(key) for key, text in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def role_table(roles: Sequence[RuntimeRole]) -> Table:
    """Return the roles offered, and whether the caller may take them."""

    def usable(role: RuntimeRole) -> str:
        return {True: "yes", None: "not known", False: f"no: {role.missing}"}[role.usable]

    rows = [(role.name, role.arn, role.source, usable(role)) for role in roles]
    return Table(("NAME", "ARN", "SOURCE", "USABLE"), rows, ("SOURCE",))


def role_fields(role: RuntimeRole, listed: RoleList) -> Fields:
    """Return what is known of one role's use on the compute of ``listed``."""
    compute = listed.compute
    denied = f": you may not call {' and '.join(listed.unasked)}" if listed.unasked else ""
    return [
        ("role", role.arn),
        ("compute", f"{compute.name} ({compute.id})" if compute else None),
        ("source", role.source),
        ("usable", {True: "yes", None: f"not known{denied}", False: "no"}[role.usable]),
        ("missing", role.missing),
        ("where", role.where),
    ]


def identity_fields(identity: Identity) -> Fields:
    """Return who the caller is to AWS."""
    return [
        ("you", identity.arn),
        ("account", identity.account),
        ("region", identity.region),
        ("profile", identity.profile or "(default)"),
        ("until", identity.expires_at),
    ]


def attachment_table(attachments: Sequence[Attachment]) -> Table:
    """Return which notebook or folder is attached to what: the compute and the role by their names."""
    rows = [
        (
            attachment.path or "(environment)",
            attachment.compute_name or attachment.compute,
            attachment.compute,
            _role_name(attachment.runtime_role),
            attachment.transport,
            attachment.region or "-",
        )
        for attachment in attachments
    ]
    headers = ("PATH", "COMPUTE", "ID", "RUNTIME ROLE", "TRANSPORT", "REGION")
    return Table(headers, rows, ("TRANSPORT", "ID"))


def _role_name(arn: str | None) -> str:
    return (arn or "-").rsplit("/", 1)[-1]


def kernel_table(kernels: Sequence[ListedKernel], *, short: bool = False) -> Table:
    """Return the gateway kernels of the ledger: STATE is the gateway's word, CONNECTION who has the kernel.

    ``short`` shows of each id as much as commands need.
    """
    headers = ("KERNEL", "KERNELSPEC", "COMPUTE", "RUNTIME ROLE", "STATE", "CONNECTION", "NOTEBOOK")
    ids = _kernel_ids(kernels, short=short)
    rows = [(kernel_id, *_kernel_row(kernel)) for kernel_id, kernel in zip(ids, kernels, strict=True)]
    return Table(headers, rows, ("KERNELSPEC", "RUNTIME ROLE"))


def _kernel_ids(kernels: Sequence[ListedKernel], *, short: bool) -> list[str]:
    """Return the ids of kernels, with ``short`` their beginnings where these tell them apart."""
    ids = [kernel.record.kernel_id for kernel in kernels]
    beginnings = [kernel_id[:SHORT_ID] for kernel_id in ids]
    return beginnings if short and len(set(beginnings)) == len(ids) else ids


def _kernel_row(kernel: ListedKernel) -> tuple[str, ...]:
    record = kernel.record
    link = kernel.link if kernel.link != "reconnecting" else f"reconnecting since {record.since}"
    if kernel.link in ("connected", "reconnecting") and record.cause == "credentials":
        link = f"{link}: credentials"
    if kernel.link in ("gone", "detached"):
        link = f"{link}: {kernel.to_json()['cause'] or 'unknown'}"
    role, compute = _role_name(record.runtime_role), record.compute_name or record.compute
    state = kernel.word or kernel.link
    return record.kernelspec, compute, role, state, link, record.path or record.jupyter_path or "-"


def orphan_table(orphans: Sequence[Orphan], *, short: bool = False) -> Table:
    """Return the kernels that nobody has, and why they are taken for such; ``short`` as for :func:`kernel_table`."""
    ids = _kernel_ids([orphan.kernel for orphan in orphans], short=short)
    rows = [
        (kernel_id, record.compute_name or record.compute, orphan.kernel.word or "", orphan.why)
        for kernel_id, orphan in zip(ids, orphans, strict=True)
        for record in [orphan.kernel.record]
    ]
    return Table(("KERNEL", "COMPUTE", "STATE", "WHY"), rows)
