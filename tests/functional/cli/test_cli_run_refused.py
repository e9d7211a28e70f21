"""Runs that are refused before anything starts on a cluster: the whole way through the kernel provisioner."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

ROLE = "arn:aws:iam::123456789012:role"


@pytest.fixture
def run(emr, tmp_path):
    path = tmp_path / "n.ipynb"
    kernel = {"name": "emr-python", "display_name": "x", "language": "python"}
    path.write_text(writes(new_notebook(cells=[new_code_cell("1")], metadata={"kernelspec": kernel})))

    def call(*words: str):
        ended = emr("run", str(path), *words)
        ended.err = ended.err[ended.err.find("Error: ") :]
        assert emr("kernels", "--no-check", "--json").json["items"] == []
        return ended

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    ("compute", "word"),
    [
        ("gone", "TERMINATED: Terminated by user request"),
        ("kerberos", "Kerberos"),
        ("analytic", "Did you mean 'analytics'?"),
        ("j-NOSUCH0000", "No EMR cluster 'j-NOSUCH0000'"),
    ],
)
def test_clusters_that_cannot_be_used(run, compute, word):
    run("--compute", compute).failed_with("Stage 'credentials'", word)


def test_a_way_in_that_the_cluster_does_not_have(run):
    run("--compute", "old", "--transport", "gateway").failed_with("cannot be reached by the transport 'gateway'")


def test_role_denied(run):
    run("--compute", "analytics", "--runtime-role", f"{ROLE}/EMRForbidden").failed_with(
        "You may not take the runtime role", "GetClusterSessionCredentials", "elasticmapreduce:ExecutionRoleArn"
    )


def test_role_that_the_cluster_cannot_honour(run):
    run("--compute", "open", "--runtime-role", f"{ROLE}/EMRAnalyst").failed_with("cannot honour a runtime role")


def test_role_required(run):
    run("--compute", "analytics").failed_with("takes a runtime role with every session")


def test_denied(run):
    run("--compute", "open", "--profile", "denied").failed_with("elasticmapreduce:ListClusters")


def test_wrong_secret(cloud, run, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", cloud.keys["developer"].access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-the-secret")
    run("--compute", "open").failed_with("does not accept your credentials")


def test_no_region(run, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    run("--compute", "open").failed_with("No AWS region")


def test_no_credentials(run, monkeypatch):
    monkeypatch.delenv("AWS_PROFILE")
    run("--compute", "open", "--region", "us-east-1").failed_with("No AWS credentials were found")


def test_unknown_profile(run):
    run("--compute", "open", "--profile", "nobody").failed_with("nobody", "developer")


def test_a_role_that_may_not_be_taken_asks_aws_once(cloud, run):
    run("--compute", "analytics", "--runtime-role", f"{ROLE}/EMRForbidden")
    assert cloud.calls("GetClusterSessionCredentials") == 1
