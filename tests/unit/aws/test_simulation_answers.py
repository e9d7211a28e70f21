"""What SimulatePrincipalPolicy answers, in the forms that AWS documents."""

from __future__ import annotations

from jupyter_emr_connect.aws.iam import Decision, decisions

ONE, TWO = "arn:aws:iam::123456789012:role/One", "arn:aws:iam::123456789012:role/Two"


def test_resources_are_told_one_by_one():
    result = {
        "EvalResourceName": "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
        "EvalDecision": "implicitDeny",
        "ResourceSpecificResults": [
            {
                "EvalResourceName": ONE,
                "EvalResourceDecision": "allowed",
                "MatchedStatements": [{"SourcePolicyId": "a"}, {"SourcePolicyId": "a"}],
            },
            {
                "EvalResourceName": TWO,
                "EvalResourceDecision": "implicitDeny",
                "MissingContextValues": ["aws:SourceIp"],
                "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
            },
        ],
    }
    assert decisions([result], [ONE, TWO]) == {
        ONE: Decision("allowed", policies=("a",)),
        TWO: Decision("implicitDeny", missing=("aws:SourceIp",), bounded=True),
    }


def test_a_result_without_resources_counts_for_all_that_were_asked_about():
    result = {"EvalDecision": "explicitDeny", "OrganizationsDecisionDetail": {"AllowedByOrganizations": False}}
    assert decisions([result], [ONE]) == {ONE: Decision("explicitDeny", governed=True)}


def test_new_words_and_empty_answers_decide_nothing():
    assert decisions([{"EvalDecision": "perhaps"}], [ONE]) == {}
    assert decisions([], [ONE]) == {}
