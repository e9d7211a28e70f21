"""Which transports are supported is said in one place; whoever connects and launches follows it."""

from __future__ import annotations

from jupyter_emr_connect.provisioning.launchers import LAUNCHERS
from jupyter_emr_connect.services.attachments.connect import CONNECTORS
from jupyter_emr_connect.services.compute.eligibility.verdict import SUPPORTED_TRANSPORTS


def test_each_supported_transport_has_a_connector_and_a_launcher_and_no_other_has() -> None:
    assert tuple(CONNECTORS) == SUPPORTED_TRANSPORTS
    assert tuple(LAUNCHERS) == SUPPORTED_TRANSPORTS
