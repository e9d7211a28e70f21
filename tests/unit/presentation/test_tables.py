"""The tables of computes: which columns there are, and what a narrow screen goes without."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.models import Attachment, Compute, KernelRecord
from jupyter_emr_connect.presentation.tables import attachment_table, compute_fields, compute_table, kernel_table
from jupyter_emr_connect.presentation.text import table_lines
from jupyter_emr_connect.services.kernels.listing import ListedKernel


def compute(account: str) -> Compute:
    return Compute(
        id="j-1ABCDEFGHIJKL", kind="ec2", name="analytics", arn="", region="us-east-1", account=account, state="WAITING"
    )


def header(*accounts: str) -> str:
    return table_lines(*compute_table([compute(account) for account in accounts]), 80)[0]


def test_on_a_narrow_screen_computes_of_several_accounts_are_told_apart() -> None:
    assert "ACCOUNT" in header("123456789012", "210987654321")
    assert "ACCOUNT" not in header("123456789012", "123456789012")


ROLE = "arn:aws:iam::123456789012:role/EMRAnalyst"


def test_attachments_show_the_names_that_users_gave() -> None:
    attachment = Attachment(
        "j-1ABCDEFGHIJKL", ROLE, path="/home/ann/quarter", region="us-east-1", compute_name="analytics"
    )
    head, row = (line.split() for line in table_lines(*attachment_table([attachment]), 80))
    assert head == ["PATH", "COMPUTE", "ID", "RUNTIME", "ROLE", "REGION"]
    assert row == ["/home/ann/quarter", "analytics", "j-1ABCDEFGHIJKL", "EMRAnalyst", "us-east-1"]
    before = Attachment("j-1ABCDEFGHIJKL", path="/w")  # written down by an older version
    assert attachment_table([before]).rows[0][1:4] == ("j-1ABCDEFGHIJKL", "j-1ABCDEFGHIJKL", "-")


def test_ids_of_kernels_are_short_where_that_tells_them_apart() -> None:
    def shown(*ids: str, short: bool = True) -> list[str]:
        kernels = [ListedKernel(KernelRecord(one, "j-1", "emr-python", "u", state="gone")) for one in ids]
        return [row[0] for row in kernel_table(kernels, short=short).rows]

    first, second, alike = "0f8fad5b-d9cb-469f", "77aaad5b-d9cb-469f", "0f8fad5b-eeee-469f"
    assert shown(first, second) == ["0f8fad5b", "77aaad5b"]
    assert shown(first, alike) == [first, alike]
    assert shown(first, second, short=False) == [first, second]


def test_kernels_show_the_names_of_their_computes() -> None:
    def shown(name: str | None) -> str:
        record = KernelRecord("k1", "j-1", "emr-python", "u", state="gone", compute_name=name)
        return kernel_table([ListedKernel(record)]).rows[0][2]

    assert (shown("analytics"), shown(None)) == ("analytics", "j-1")


@pytest.mark.parametrize(
    ("tags", "made_by"),
    [
        ({}, None),
        ({"team": "red", "username": "ann"}, None),
        ({"CreatedBy": ""}, None),
        ({"OWNER": "ann"}, ("ann", "OWNER")),
        ({"user": "ann", "owner": "red", "creator": "bea"}, ("bea", "creator")),
        ({"Created-By": "bea", "createdby": "cleo"}, ("cleo", "createdby")),
        ({"owner": "red", "AWS:CreatedBy": "IAMUser:AIDA:ann"}, ("IAMUser:AIDA:ann", "AWS:CreatedBy")),
    ],
)
def test_a_tag_says_who_made_a_compute(tags: dict[str, str], made_by: tuple[str, str] | None) -> None:
    """The first of the usual ones, in the body of REST and ``--json`` and in words."""
    compute = Compute("j-1", "ec2", "open", "arn", "us-east-1", "123456789012", "WAITING", tags=tags)
    body = compute.to_json(details=True)["details"]
    words = dict(compute_fields(compute))["made by"]
    if made_by is None:
        assert (body, words) == ({}, None)
    else:
        name, tag = made_by
        assert (body, words) == ({"made_by": {"name": name, "tag": tag}}, f"{name} (tag {tag})")
