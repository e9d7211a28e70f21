"""What `%emr` says and returns, without engines: the same rows as the command line, errors with cause and fix."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError

from jupyter_emr_connect.cli.main import run_cli
from jupyter_emr_connect.config import load_config
from jupyter_emr_connect.magics import completion
from jupyter_emr_connect.magics.display import CellError
from tests.functional.services.compute.catalogue.catalogues import add_clusters


def emr(shell, line):
    return shell.run_line_magic("emr", line)


def shown(shell, value):
    """Return the text and the HTML by which IPython shows a value."""
    data, _ = shell.display_formatter.format(value)
    return data["text/plain"], data.get("text/html", "")


def matches(shell, line):
    symbol = line.rpartition(" ")[2]
    event = SimpleNamespace(line=line, symbol=symbol, command="%emr", text_until_cursor=line)
    return next(iter(shell.strdispatchers["complete_command"].flat_matches("%emr")))(event)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("list --kind ec2", ["list", "--kind", "ec2"]),
        ("list analytics --state WAITING", ["list", "-q", "analytics", "--state", "WAITING"]),
        ("roles analytics", ["roles", "analytics"]),
    ],
)
def test_rows_are_those_of_the_command_line(shell, capsys, line, words):
    rows = emr(shell, line)
    capsys.readouterr()
    assert run_cli([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["items"]
    assert sorted(rows, key=str) == sorted(printed, key=str)
    text, html = shown(shell, rows)
    assert rows[0]["name"] in text
    assert f">{rows[0]['name']}</td>" in html


def test_what_can_be_attached_to_comes_first(shell):
    attachable = [row["attachable"] for row in emr(shell, "list")]
    assert attachable == sorted(attachable, reverse=True)
    assert len(set(attachable)) == 2


def test_one_compute_is_shown_with_its_details(shell, capsys):
    compute = emr(shell, "show analytics")
    capsys.readouterr()
    assert run_cli(["show", "analytics", "--json"]) == 0
    assert compute == json.loads(capsys.readouterr().out)
    assert "runtime role" in shown(shell, compute)[0]


def test_what_a_role_lacks_is_shown_with_the_statement_to_add(shell, cloud):
    text, html = shown(shell, emr(shell, f"roles analytics --explain {cloud.roles['EMRForbidden']}"))
    assert "elasticmapreduce:GetClusterSessionCredentials" in text
    assert "elasticmapreduce:GetClusterSessionCredentials" in html


def test_status_says_who_you_are_and_that_nothing_is_attached(shell, capsys):
    rows = emr(shell, "status")
    assert "user/developer" in capsys.readouterr().out
    assert shown(shell, rows)[0] == "No notebook or folder is attached."


def test_names_are_text_and_not_html(shell, cloud):
    name = "<img src=x onerror=alert(1)>"
    add_clusters(cloud, 1, name)
    _, html = shown(shell, emr(shell, "list"))
    assert "<img" not in html
    assert "&lt;img" in html


def test_what_one_service_denies_stands_beside_the_rows(shell, monkeypatch, capsys):
    monkeypatch.setenv("AWS_PROFILE", "denied")
    assert emr(shell, "list") == []
    assert "elasticmapreduce:ListClusters" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lst", "Did you mean %emr list?"),
        ("frobnicate", "There are: list, show"),
        ("show", "%emr show: the following arguments are required: compute"),
        ("list --nope", "%emr list: unrecognized arguments: --nope"),
        ("show 'open", "%emr show: No closing quotation"),
        ("roles --explain EMRAnalyst", "--explain needs COMPUTE"),
        ("attach open --lang ruby", "invalid choice: 'ruby'"),
        ("detach", "Nothing is attached here: %emr attach COMPUTE"),
        ("restart nightly", "Nothing is attached here: %emr attach"),
    ],
)
def test_a_line_that_cannot_be_understood_says_how_it_should_be(shell, line, said):
    with pytest.raises(UsageError) as caught:
        emr(shell, line)
    assert said in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "name", "said"),
    [
        ("show nowhere", "ComputeNotFound", "No compute 'nowhere'"),
        ("attach analytics", "RoleRequired", "takes a runtime role"),
        ("attach analytics --role arn:aws:iam::1:role", "MalformedRole", "arn:aws:iam::1:role"),
        ("attach kerberos", "NotAttachable", "Kerberos"),
        ("attach open --role arn:aws:iam::123456789012:role/EMRAnalyst", "RoleUnsupported", "cannot honour"),
        ("attach analytics --role arn:aws:iam::123456789012:role/EMRForbidden", "RoleDenied", "EMRForbidden"),
    ],
)
def test_an_error_is_shown_with_its_fix_and_without_our_frames(shell, line, name, said):
    with pytest.raises(CellError) as caught:
        emr(shell, line)
    assert type(caught.value).__name__ == name
    cause, fix = caught.value._render_traceback_()
    assert said.lower() in cause.lower()
    assert fix
    assert emr(shell, "sessions") == []


def test_what_is_attached_or_refused_goes_to_the_audit_of_jupyters_configuration(shell, cloud, tmp_path):
    events = tmp_path / "events.jsonl"
    (tmp_path / "config" / "jupyter_server_config.py").write_text(
        f"import logging\nc.EventLogger.handlers = [logging.FileHandler({str(events)!r})]\n"
    )
    with pytest.raises(CellError):
        emr(shell, f"attach analytics --role {cloud.roles['EMRForbidden']}")
    load_config().EventLogger.handlers[0].close()
    (told,) = [json.loads(line) for line in events.read_text().splitlines()]
    assert (told["action"], told["compute"], told["code"]) == ("refused", "analytics", "runtime-role-denied")
    assert told["source"] == "magic"


def test_cells_without_a_session_say_how_to_get_one(shell):
    for magic in ("spark", "sql"):
        with pytest.raises(UsageError, match="%emr attach COMPUTE"):
            shell.run_cell_magic(magic, "", "1")


def test_verbs_options_computes_and_roles_are_completed(shell, monkeypatch):
    monkeypatch.setattr(completion, "WITHIN_S", 20)
    assert matches(shell, "%emr s") == ["show", "status", "sessions"]
    assert matches(shell, "%emr attach ana") == ["analytics"]
    assert matches(shell, "%emr attach analytics --r") == ["--role", "--runtime-role", "--region"]
    assert matches(shell, "%emr attach analytics --role EMRA") == ["EMRAnalyst"]
    assert matches(shell, "%emr attach analytics --lang s") == ["scala"]
    assert matches(shell, "%emr nothing x") == []


def test_a_list_that_is_slow_does_not_hold_up_who_types(shell, cloud):
    cloud.world.faults.set("slow:3000")
    assert matches(shell, "%emr attach ana") == []
    cloud.world.faults.clear()


def test_verbs_are_completed_as_a_front_end_asks(shell):
    with provisionalcompleter():
        found = {one.text for one in shell.Completer.completions("%emr re", 7)}
    assert "restart" in found


def test_help_names_every_verb(shell, capsys):
    emr(shell, "")
    said = capsys.readouterr().out
    assert all(f"%emr {verb}" in said for verb in ("list", "attach", "restart", "logs"))
