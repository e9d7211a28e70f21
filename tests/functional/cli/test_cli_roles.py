"""``jupyter emr roles`` against the AWS front."""

from __future__ import annotations

import json

import pytest

from jupyter_emr_connect.services.roles import forget_checks


@pytest.fixture(autouse=True)
def nothing_remembered():
    forget_checks()
    yield
    forget_checks()


@pytest.fixture
def configure(tmp_path):
    def write(**settings):
        folder = tmp_path / "config"
        folder.mkdir(exist_ok=True)
        (folder / "jupyter_emr_connect_config.json").write_text(json.dumps({"EMRConnect": settings}))

    return write


def rows(shown):
    return {line.split()[0]: line for line in shown.out.splitlines()[1:]}


def test_the_table_says_which_roles_can_be_taken(cloud, emr, configure):
    configure(runtime_roles=[cloud.roles["EMRForbidden"], cloud.roles["EMRAnalyst"]], discover_roles=False)
    shown = emr("roles", "analytics", "--profile", "administrator")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines()[0].split() == ["NAME", "ARN", "SOURCE", "USABLE"]
    assert list(rows(shown)) == ["EMRAnalyst", "EMRForbidden"]
    assert rows(shown)["EMRAnalyst"].endswith("yes")
    assert "no: Your policy" in rows(shown)["EMRForbidden"]


def test_a_developer_sees_what_is_missing_for_a_role(cloud, emr, configure):
    configure(runtime_roles=[cloud.roles["EMRForbidden"], cloud.roles["EMREngineer"]])
    shown = emr("roles", "analytics")
    assert rows(shown)["EMREngineer"].endswith("yes")
    assert "no: Your policy does not allow elasticmapreduce:GetClusterSessionCredentials" in rows(shown)["EMRForbidden"]
    assert shown.err == ""


def test_roles_of_a_caller_who_may_not_ask_are_not_known(cloud, emr, configure):
    configure(runtime_roles=[cloud.roles["EMRAnalyst"]])
    cloud.world.faults.set("deny:SimulatePrincipalPolicy")
    shown = emr("roles", "analytics")
    assert rows(shown)["EMRAnalyst"].endswith("not known")
    assert (shown.code, shown.err) == (0, "")


def test_json_is_the_contracts_items(cloud, emr, configure):
    arn = cloud.roles["EMRAnalyst"]
    configure(runtime_roles=[arn], discover_roles=False)
    assert emr("roles", "analytics", "--profile", "administrator", "--json").json["items"] == [
        {"name": "EMRAnalyst", "arn": arn, "source": "configuration", "usable": True}
    ]


def test_without_a_compute_no_aws_is_asked(cloud, emr, configure):
    arn = cloud.roles["EMRAnalyst"]
    configure(runtime_roles=[arn])
    assert emr("roles", "--json").json["items"] == [{"name": "EMRAnalyst", "arn": arn, "source": "configuration"}]
    assert cloud.world.log.since() == []


def test_errors_stand_beside_the_roles(cloud, emr, configure):
    configure(runtime_roles=["nonsense", cloud.roles["EMRAnalyst"]])
    shown = emr("roles", "analytics", "--json")
    assert shown.code == 0
    assert [role["name"] for role in shown.json["items"]] == ["EMRAnalyst"]
    assert json.loads(shown.err)["code"] == "runtime-role-malformed"


def test_a_compute_without_roles_says_why(emr):
    shown = emr("roles", "open")
    assert shown.code == 0
    assert "takes no runtime roles: it has no security configuration" in shown.err


def test_explain_prints_a_statement_that_can_be_pasted(cloud, emr, configure):
    cloud.world.faults.set("deny:GetRole")
    arn = "arn:aws:iam::210987654321:role/Partner"
    shown = emr("roles", "analytics", "--explain", arn)
    assert (shown.code, shown.err) == (1, "")
    assert "Add to the policy of user developer:" in shown.out
    statement = json.loads(shown.out[shown.out.index("\n{") :])
    assert statement["Action"] == "elasticmapreduce:GetClusterSessionCredentials"
    assert statement["Condition"] == {"ArnLike": {"elasticmapreduce:ExecutionRoleArn": arn}}


def test_explain_takes_a_name_and_has_json(cloud, emr, configure):
    configure(runtime_roles=[cloud.roles["EMRForbidden"]])
    shown = emr("roles", "analytics", "--explain", "EMRForbidden", "--json", "--profile", "administrator")
    assert shown.json["usable"] is False
    assert shown.json["where"] == "the policy of user administrator"
    assert shown.code == 1
    usable = emr("roles", "analytics", "--explain", "EMRAnalyst", "--profile", "administrator")
    assert (usable.code, "yes" in usable.out) == (0, True)


def test_explain_of_a_role_that_is_not_offered(cloud, emr, configure):
    emr("roles", "analytics", "--explain", "Nobody").failed_with("No role named 'Nobody'", "Use the ARN")
    emr("roles", "analytics", "--explain", "arn:aws:nonsense").failed_with("not the ARN of an IAM role")


def test_explain_without_a_compute_is_misuse(emr):
    assert emr("roles", "--explain", "EMRAnalyst").code == 2
