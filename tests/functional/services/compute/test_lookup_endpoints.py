"""An endpoint is found by its id, its ARN, its name, and its name after that of its virtual cluster."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import AmbiguousCompute, ComputeNotFound
from jupyter_emr_connect.services.compute.lookup import find
from tests.functional.services.endpoints import add_endpoint


def test_an_endpoint_has_four_names(cloud):
    made = add_endpoint(cloud)
    for text in (made.compute_id, made.arn, "notebooks", "team/notebooks"):
        assert find(EMRConnect(), text).id == made.compute_id


def test_endpoints_of_one_name_are_told_apart_by_their_virtual_clusters(cloud):
    first = add_endpoint(cloud)
    other = replace(first.virtual_cluster, id="other00000000000000000000", name="Data-Science", namespace="other")
    second = add_endpoint(cloud, id="second0000000000000000000", virtual_cluster=other)
    with pytest.raises(AmbiguousCompute, match=r"2 computes are named 'notebooks'"):
        find(EMRConnect(), "notebooks")
    assert find(EMRConnect(), "team/notebooks").id == first.compute_id
    assert find(EMRConnect(), "Data-Science/notebooks").id == second.compute_id
    with pytest.raises(ComputeNotFound, match="'teams/notebooks'"):
        find(EMRConnect(), "teams/notebooks")
