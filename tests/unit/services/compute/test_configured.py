"""Livy servers that an administrator names: what is taken, and what is refused with its name."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_emr_connect.config import EMRConnect
from jupyter_emr_connect.errors import ConfigurationError
from jupyter_emr_connect.services.compute.configured import configured_compute, configured_computes, is_configured

ENDPOINT = "abc123/def456"
URL = "https://livy.example.com:8998"


def config(**entry: Any) -> EMRConnect:
    return EMRConnect(livy_endpoints={"dev": {"url": URL, **entry}})


@pytest.mark.parametrize(
    ("entry", "auth", "role"),
    [
        ({}, "none", "unsupported"),
        ({"auth": "basic"}, "basic", "unsupported"),
        ({"auth": "endpoint", "endpoint": ENDPOINT}, "iam", "required"),
        ({"auth": "endpoint", "endpoint": ENDPOINT, "execution_role": "arn:x"}, "iam", "optional"),
    ],
)
def test_a_server_is_a_compute_of_kind_eks(entry: dict[str, Any], auth: str, role: str) -> None:
    (compute,) = configured_computes(config(**entry))
    assert (compute.id, compute.kind, compute.name, compute.transports) == ("livy/dev", "eks", "dev", ("livy",))
    assert (compute.attachable, compute.auth, compute.runtime_role) == (True, auth, role)
    assert is_configured(compute)
    assert configured_compute(config(**entry), "dev") == configured_compute(config(**entry), "livy/dev") == compute
    assert configured_compute(config(**entry), "other") is None


@pytest.mark.parametrize("url", ["", "livy:8998", "ftp://livy", "https://", "https://u:p@livy", "https://livy:99999"])
def test_an_address_that_is_none_is_refused_without_its_text(url: str) -> None:
    with pytest.raises(ConfigurationError, match="address of the Livy server 'dev' is no plain http or https URL"):
        configured_computes(config(url=url))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"auth": "ntlm"}, "has the auth 'ntlm', which is not known"),
        ({"password": "secret"}, "settings that are not known: password"),
        ({"auth": "endpoint"}, "the auth 'endpoint' and the endpoint ''"),
        ({"endpoint": ENDPOINT}, "the auth 'none' and the endpoint"),
    ],
)
def test_a_mistake_is_named_with_its_server(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        configured_computes(config(**entry))
    assert "'dev'" in raised.value.message
    assert "EMRConnect.livy_endpoints" in raised.value.fix
