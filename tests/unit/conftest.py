"""Hypothesis for machines that others use as well: no example fails because it took long."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("patient", patient)
settings.register_profile("few", patient, max_examples=20)  # `make test-fast`; 100 are tried in `make test`
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))
