"""The tables of computes: which columns there are, and what a narrow screen goes without."""

from __future__ import annotations

from jupyter_emr_connect.models import Compute
from jupyter_emr_connect.presentation.tables import compute_table
from jupyter_emr_connect.presentation.text import table_lines


def compute(account: str) -> Compute:
    return Compute(
        id="j-1ABCDEFGHIJKL", kind="ec2", name="analytics", arn="", region="us-east-1", account=account, state="WAITING"
    )


def header(*accounts: str) -> str:
    return table_lines(*compute_table([compute(account) for account in accounts]), 80)[0]


def test_on_a_narrow_screen_computes_of_several_accounts_are_told_apart() -> None:
    assert "ACCOUNT" in header("123456789012", "210987654321")
    assert "ACCOUNT" not in header("123456789012", "123456789012")
