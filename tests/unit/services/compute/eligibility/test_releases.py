"""Release labels and their two families."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.services.compute.eligibility import is_since, parse_release
from tests.unit.services.compute.eligibility.rules import rule


@rule("release-form")
@pytest.mark.parametrize(
    ("label", "parsed"),
    [
        ("emr-7.10.2", ("emr", (7, 10, 2))),
        ("emr-spark-8.0.0", ("emr-spark", (8, 0, 0))),
        ("emr-6.15.0-20240101", ("emr", (6, 15, 0))),
        ("emr-7.0.0-latest", ("emr", (7, 0, 0))),
        ("emr-7", None),
        ("emr-7.0.0.0", None),
        ("EMR-7.0.0", None),
        (f"emr-7.{'9' * 5000}.0", None),
        ("", None),
        (None, None),
    ],
)
def test_release_labels(label, parsed):
    assert parse_release(label) == parsed


@rule("release-families")
def test_the_two_families_count_apart():
    assert is_since("emr-7.10.0", emr=(7, 9, 0)) is True
    assert is_since("emr-7.8.9", emr=(7, 9, 0)) is False
    assert is_since("emr-spark-8.0.0", emr=(9, 0, 0)) is True
    assert is_since("emr-spark-8.0.0", emr=(7, 0, 0), emr_spark=(8, 1, 0)) is False
    assert is_since("emr-spark-8.0.0", emr=(7, 0, 0), emr_spark=None) is False
    assert is_since("emr-9.0.0", emr=None, emr_spark=(8, 0, 0)) is False
    assert is_since("nightly", emr=(7, 0, 0)) is None
    assert is_since(None, emr=(7, 0, 0)) is None
