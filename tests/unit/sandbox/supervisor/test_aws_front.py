"""Which of AWS's host names the sandbox answers for."""

from __future__ import annotations

from jupyter_emr_connect.sandbox.supervisor.aws_front import host_names
from jupyter_emr_connect.sandbox.world.world import World


def test_host_names_are_there_in_every_form_that_clients_build() -> None:
    names = host_names(World("names"))
    assert len(set(names)) == len(names)
    assert {
        "elasticmapreduce.us-east-1.amazonaws.com",
        "us-east-1.elasticmapreduce.amazonaws.com",
        "emr-containers.us-east-1.amazonaws.com",
        "emr-serverless.us-east-1.amazonaws.com",
        "sts.us-east-1.amazonaws.com",
        "sts.amazonaws.com",
        "iam.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "s3.amazonaws.com",
        "*.s3.amazonaws.com",
        "emr-sandbox-notebooks.s3.amazonaws.com",
        "emr-sandbox-notebooks.s3.us-east-1.amazonaws.com",
    } <= set(names)
