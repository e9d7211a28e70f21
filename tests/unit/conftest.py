"""No Jupyter server where there is none; Hypothesis for machines that others use as well: examples may take long."""

from __future__ import annotations

import os
from inspect import iscoroutinefunction

import pytest
from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", patient)
settings.register_profile("few", patient, max_examples=20)  # `make test-fast`; 100 are tried in `make test`
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))


@pytest.fixture(autouse=True)
def jp_server_cleanup(request: pytest.FixtureRequest) -> None:
    """Clean up after a test with an event loop: pytest-jupyter makes a Jupyter server to do so, here in each test.

    What such a test has closed at its end is closed in the turns of its loop that this takes.
    """
    if iscoroutinefunction(request.function):
        request.getfixturevalue("jp_server_cleanup")
