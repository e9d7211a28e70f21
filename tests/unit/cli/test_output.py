"""How errors are printed."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from jupyter_emr_connect.cli.output import print_error
from jupyter_emr_connect.errors import EMRConnectError


@pytest.mark.parametrize(("setting", "colored"), [("", True), ("1", False)])
def test_errors_are_red_on_a_terminal_unless_colors_are_not_wanted(monkeypatch, setting, colored):
    monkeypatch.setenv("NO_COLOR", setting)
    command = click.command()(lambda: print_error(EMRConnectError("Gone."), as_json=False))
    shown = CliRunner().invoke(command, color=True)
    assert "Error: Gone." in shown.output
    assert ("\x1b" in shown.output) is colored
    assert ("\x1b[31m" in shown.output) is colored
