"""The certificates of the front doors."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

import pytest
from cryptography import x509

from jupyter_emr_connect.sandbox.frontdoor.certificates import CertificateAuthority, private_dns_name


def test_a_certificate_is_for_its_hosts_and_signed_by_its_authority() -> None:
    authority = CertificateAuthority("test")
    authority.server_context(["127.0.0.9", "name.example"])
    root = x509.load_pem_x509_certificate(authority.pem.encode())
    root.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert root.not_valid_after_utc > datetime.now(timezone.utc)
    client = ssl.create_default_context(cadata=authority.pem)
    assert client.verify_mode is ssl.CERT_REQUIRED
    assert "PRIVATE" not in authority.pem


@pytest.mark.parametrize(
    ("region", "name"),
    [("us-east-1", "ip-10-0-0-7.ec2.internal"), ("eu-west-1", "ip-10-0-0-7.eu-west-1.compute.internal")],
)
def test_the_private_name_has_ec2s_form(region: str, name: str) -> None:
    assert private_dns_name("10.0.0.7", region) == name
