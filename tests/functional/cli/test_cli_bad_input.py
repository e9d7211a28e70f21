"""Bad input at the command line: each a line or two with cause and fix, exit code 1, no traceback, no secret."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace

import pytest

from jupyter_emr_connect.config import load_config
from jupyter_emr_connect.services.compute import lookup

ROLE = "arn:aws:iam::123456789012:role"


def test_unknown_id_says_where_it_was_searched(emr, monkeypatch):
    monkeypatch.setattr(lookup, "ACCOUNT_WITHIN_S", 60.0)  # on a busy machine, too
    emr("show", "j-NOSUCH0000").failed_with("j-NOSUCH0000", "123456789012", "us-east-1", "profile 'developer'")


def test_unknown_name_suggests_near_ones(emr):
    emr("show", "analytcs").failed_with("No compute 'analytcs'", "Did you mean 'analytics'?")


def test_malformed_arn(emr):
    emr("show", "arn:aws:s3:::bucket").failed_with("not the ARN of a compute")


def test_arns_of_all_kinds_are_looked_up_by_kind(emr):
    emr("show", "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00abc").failed_with(
        "No Serverless application"
    )
    emr("show", "arn:aws:emr-containers:us-east-1:123456789012:/virtualclusters/abc/endpoints/def").failed_with(
        "No managed endpoint"
    )


def test_arn_of_another_account(cloud, emr):
    arn = f"arn:aws:elasticmapreduce:us-east-1:210987654321:cluster/{cloud.id('open')}"
    emr("show", arn).failed_with("No EMR cluster", arn)


@pytest.mark.parametrize("by", ["name", "id"])
def test_terminated_cluster_is_refused_with_its_reason(cloud, emr, by):
    text = "gone" if by == "name" else cloud.id("gone")
    emr("attach", text).failed_with("TERMINATED", "Terminated by user request")


def test_ambiguous_name_lists_the_candidates(cloud, emr):
    twin = replace(cloud.world.clusters[cloud.id("open")], id="j-TWIN00000001")
    cloud.world.clusters[twin.id] = twin
    emr("show", "open").failed_with("2 computes", cloud.id("open"), "j-TWIN00000001", "Use one of these ids")


def test_kerberos_cluster_says_why_not(emr):
    emr("attach", "kerberos").failed_with("Kerberos")


def test_cluster_without_gateway_says_so(emr):
    emr("attach", "old", "--transport", "gateway").failed_with(
        "cannot be reached by the transport 'gateway'", "Use livy"
    )


@pytest.mark.parametrize("role", ["arn:aws:iam::1:role/EMRAnalyst", "EMR Analyst", "role/EMRAnalyst", "x" * 65])
def test_role_malformed(emr, role):
    emr("attach", "analytics", "--runtime-role", role).failed_with("is neither the ARN nor the name of an IAM role")


def test_role_of_an_unknown_name(emr):
    words = ("attach", "analytics", "--runtime-role", "EMRAnalist")
    emr(*words).failed_with("No role named 'EMRAnalist' is known for 'analytics'")


def test_role_not_supported_by_the_cluster(emr):
    emr("attach", "open", "--runtime-role", f"{ROLE}/EMRAnalyst").failed_with("cannot honour a runtime role")


def test_role_not_supported_by_the_release(cloud, emr):
    spec = cloud.world.clusters[cloud.id("analytics")]
    cloud.world.clusters[spec.id] = replace(spec, release="emr-6.8.0")
    emr("attach", "analytics", "--runtime-role", f"{ROLE}/EMRAnalyst").failed_with("from emr-6.9.0 on", "emr-6.8.0")


def test_role_required(emr):
    emr("attach", "analytics").failed_with("takes a runtime role with every session", "--runtime-role")


def test_role_denied_names_action_and_condition(emr):
    emr("attach", "analytics", "--runtime-role", f"{ROLE}/EMRForbidden").failed_with(
        "may not take the runtime role",
        "elasticmapreduce:GetClusterSessionCredentials",
        "elasticmapreduce:ExecutionRoleArn",
        "user/developer",
    )


def test_a_refused_attach_keeps_nothing(emr):
    emr("attach", "analytics", "--runtime-role", f"{ROLE}/EMRForbidden")
    assert emr("status", "--json").json["items"] == []


def test_denied_profile_names_the_action_and_the_principal(emr):
    emr("list", "--kind", "ec2", "--profile", "denied").failed_with("user/denied", "elasticmapreduce:ListClusters")


def test_denied_as_json_has_the_iam_action(emr):
    body = json.loads(emr("list", "--kind", "ec2", "--profile", "denied", "--json").err)
    assert body["code"] == "access-denied"
    assert body["iam_action"] == "elasticmapreduce:ListClusters"
    assert set(body) == {"message", "reason", "code", "fix", "iam_action"}


def test_wrong_secret(cloud, emr, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.keys["developer"].access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    done = emr("list").failed_with("does not accept your credentials", "secret")
    assert "not-the-secret" not in done.err


def test_unknown_key(emr, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOSUCHKEY0000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "whatever")
    emr("list").failed_with("does not accept your credentials")


def test_no_region(emr, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    emr("list").failed_with("No AWS region", "--region")


def test_no_credentials(emr, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    emr("list", "--region", "us-east-1").failed_with("No AWS credentials were found", "aws sso login")


def test_unknown_profile_lists_those_there_are(emr):
    emr("list", "--profile", "nobody").failed_with("nobody", "developer", "analyst")


def test_unknown_profile_lists_them_also_when_the_region_is_set(emr, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    emr("list", "--profile", "nobody").failed_with("nobody", "profiles found: developer")


def test_a_file_that_serves_for_settings_and_keys_names_each_profile_once(cloud, emr, monkeypatch):
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(cloud.folder / "config"))
    told = emr("list", "--profile", "nobody").failed_with("profiles found: developer")
    assert "profile developer" not in told.err


def test_an_empty_profile_variable_is_none(cloud, emr, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "")
    emr("list", "--region", "us-east-1").failed_with("No AWS credentials were found (default AWS chain)")
    monkeypatch.setenv("AWS_DEFAULT_PROFILE", "developer")
    assert emr("list").code == 0


def test_an_endpoint_that_is_no_address(emr, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:4566")
    emr("list").failed_with("Invalid endpoint: localhost:4566", "AWS_ENDPOINT_URL")


def test_a_region_that_is_not_there(emr):
    emr("list", "--region", "nowhere").failed_with("'nowhere' is not an AWS region", "us-east-1")


def test_profile_with_half_a_key(cloud, emr):
    with (cloud.folder / "config").open("a") as file:
        file.write("[profile half]\nregion = us-east-1\naws_access_key_id = AKIAHALF\n")
    emr("list", "--profile", "half").failed_with("No AWS credentials", "half")


def test_configuration_file_that_cannot_be_parsed(cloud, emr):
    (cloud.folder / "config").write_text("this is no configuration\n")
    emr("list").failed_with("AWS settings cannot be used", "~/.aws/config")


def test_expired_sso_login_says_how_to_log_in(cloud, emr):
    sso = "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 123456789012\n"
    with (cloud.folder / "config").open("a") as file:
        file.write(f"[profile sso]\nregion = us-east-1\n{sso}sso_role_name = dev\n")
    emr("list", "--profile", "sso").failed_with("have expired", "aws sso login --profile sso")


def test_expired_session_credentials(cloud, emr):
    cloud.world.faults.set("expire-credentials")
    emr("list").failed_with("have expired", "Log in again")


def test_recovers_after_a_new_login(cloud, emr):
    cloud.world.faults.set("expire-credentials")
    emr("list").failed_with("have expired")
    cloud.world.faults.clear()
    assert emr("list").code == 0


@pytest.mark.slow
def test_throttled_after_all_retries(cloud, emr, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.aws.session.ATTEMPTS", 2)  # the pause after each doubles
    cloud.world.faults.set("throttle")
    emr("list", "--kind", "ec2").failed_with("AWS throttles elasticmapreduce:ListClusters")
    assert cloud.calls("ListClusters") == 2


@pytest.mark.slow
def test_throttled_details_are_shown_as_not_known(cloud, emr, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.services.compute.catalogue.reading.DESCRIBED_WITHIN_S", 1.0)
    monkeypatch.setattr("jupyter_emr_connect.aws.session.ATTEMPTS", 1)
    cloud.world.faults.set("throttle", options={"action": "DescribeCluster"})
    shown = emr("list")
    assert shown.code == 0
    assert "AWS throttles elasticmapreduce:DescribeCluster" in shown.err
    assert "Not looked at" in shown.out
    assert "no: Not" not in shown.out


def test_aws_answers_with_its_own_error(cloud, emr):
    cloud.world.faults.set("error-500")
    emr("list", "--kind", "ec2").failed_with("its own error", "Try again")


def test_sandbox_not_running(emr, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.45.9", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.45.9:{port}")
    emr("list").failed_with("No answer from", "jupyter emr sandbox up", "AWS_ENDPOINT_URL")


def test_attach_to_a_path_that_is_not_there(emr):
    emr("attach", "open", "nowhere.ipynb").failed_with("There is no file or folder 'nowhere.ipynb'")


def test_detach_what_is_not_attached(emr, tmp_path):
    emr("detach", str(tmp_path)).failed_with("has no attachment of its own")


def test_transport_that_the_compute_does_not_have(emr):
    emr("attach", "open", "--transport", "spark-connect").failed_with("by the transport 'spark-connect'")


def test_livy_that_does_not_answer(emr):
    emr("attach", "open", "--transport", "livy").failed_with("Livy on 'open'", "refused the connection")


def test_state_file_that_is_no_database(emr, tmp_path):
    state = tmp_path / "data" / "emr-connect" / "state.sqlite"
    state.parent.mkdir(parents=True)
    state.write_text("this is not a database, but it is the user's\n" * 100)
    emr("status").failed_with("is damaged", "left as it is")
    assert state.read_text().startswith("this is not a database")


def test_defect_of_ours_is_one_line_and_a_log(emr, tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_emr_connect.config.load_config", lambda: 1 / 0)
    emr("list").failed_with("ZeroDivisionError", "last-error.log")
    log = tmp_path / "data" / "emr-connect" / "last-error.log"
    assert "Traceback" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert "Traceback" in emr("list", "--debug").err


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("c.EMRConnect.gateway_port = 18888\n1 / 0\n", ("in line 2", "ZeroDivisionError")),
        ("c.EMRConnect.gateway_port = = 1\n", ("SyntaxError",)),
        ("import sys\nsys.exit(3)\n", ("in line 2", "SystemExit")),
    ],
)
def test_our_own_configuration_file_that_fails_is_named(emr, tmp_path, code, words):
    file = tmp_path / "config" / "jupyter_emr_connect_config.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(code)
    emr("list").failed_with(str(file), *words)


def test_a_servers_configuration_file_that_fails_is_named_and_stops_no_command(emr, tmp_path, caplog):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.py").write_text("import no_such_module_of_the_server\n")
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text('{"EMRConnect": {"regions": ["us-east-1"]}}')
    assert emr("list").code == 0
    assert "jupyter_server_config.py fails in line 1: ModuleNotFoundError" in caplog.text


def test_configuration_files_are_executed_once_and_anew_when_they_change(cloud, tmp_path, monkeypatch):
    file, ran = tmp_path / "config" / "jupyter_server_config.py", tmp_path / "ran"
    file.parent.mkdir(exist_ok=True)
    ran.write_text("")
    code = f"with open({str(ran)!r}, 'a') as file: file.write('x')\nc.EMRConnect.gateway_port = 1\n"
    file.write_text(code)
    first, second = load_config(), load_config()
    first.EMRConnect.gateway_port = 2  # a caller's copy is its own
    assert (second.EMRConnect.gateway_port, load_config().EMRConnect.gateway_port, ran.read_text()) == (1, 1, "x")
    file.write_text(f"{code}c.EMRConnect.gateway_port = 3\n")
    assert load_config().EMRConnect.gateway_port == 3


EMPTY = [
    ["show", ""],
    ["attach", "open", "--runtime-role", ""],
    ["attach", "open", ""],
    ["run", "n.ipynb", "--compute", " "],
    ["run", "n.ipynb", "--compute", "open", "--runtime-role", ""],
    ["list", "--profile", ""],
]


@pytest.mark.parametrize("words", EMPTY)
def test_an_unset_shell_variable_is_misuse_and_never_a_silent_default(emr, words):
    done = emr(*words)
    assert done.code == 2
    assert "it is empty" in done.err
    assert emr("status", "--json").json["items"] == []


@pytest.mark.parametrize(
    "words", [["frobnicate"], ["show"], ["list", "--no-such"], ["attach", "x", "--transport", "y"]]
)
def test_misuse_is_exit_code_two(emr, words):
    assert emr(*words).code == 2


def test_help_needs_no_aws(emr, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for words in ([], ["list"], ["run"], ["attach"], ["sandbox"]):
        assert emr(*words, "--help").code == 0


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("lst", "Did you mean 'list'?"),
        ("detatch", "Did you mean 'detach'?"),
        ("xyz", "There are: list,"),
        ("kernels adpt", "Did you mean 'adopt'?"),
        ("sandbox dwon", "Did you mean 'down'?"),
    ],
)
def test_a_mistyped_command_is_told_the_nearest(emr, typed, hint):
    told = emr(*typed.split())
    assert told.code == 2
    assert f"No such command '{typed.split()[-1]}'" in told.err
    assert hint in " ".join(told.err.split())
