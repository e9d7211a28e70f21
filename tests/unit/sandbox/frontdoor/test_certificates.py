"""The certificates of the front doors."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

import pytest
from cryptography import x509

from jupyter_emr_connect.sandbox.frontdoor.certificates import CertificateAuthority, private_dns_name


def handshake(server: ssl.SSLContext, trusted: str, host: str) -> x509.Certificate:
    """Let a client that trusts the PEM ``trusted`` greet ``server`` as ``host``; returns the server's certificate."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cadata=trusted)
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(2):
        for side in (ours, theirs):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = ours.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown)


@pytest.mark.parametrize("host", ["127.0.0.9", "name.example", "bucket.s3.example"])
def test_a_certificate_is_for_each_of_its_hosts_and_for_some_weeks(host: str) -> None:
    authority = CertificateAuthority("test")
    server = authority.server_context(["127.0.0.9", "name.example", "*.s3.example"])
    shown = handshake(server, authority.pem, host)
    assert 0 < (shown.not_valid_after_utc - datetime.now(timezone.utc)).days < 60


@pytest.mark.parametrize("host", ["127.0.0.8", "other.example"])
def test_it_is_for_no_other_host(host: str) -> None:
    authority = CertificateAuthority("test")
    server = authority.server_context(["127.0.0.9", "name.example"])
    with pytest.raises(ssl.SSLCertVerificationError, match=r"match"):
        handshake(server, authority.pem, host)


def test_two_authorities_of_one_name_do_not_vouch_for_each_other() -> None:
    authority, other = CertificateAuthority("test"), CertificateAuthority("test")
    server = authority.server_context(["127.0.0.9"])
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, other.pem, "127.0.0.9")


def test_a_second_certificate_of_an_authority_is_trusted_like_the_first() -> None:
    authority = CertificateAuthority("test")
    first = handshake(authority.server_context(["127.0.0.9"]), authority.pem, "127.0.0.9")
    second = handshake(authority.server_context(["127.0.0.9"]), authority.pem, "127.0.0.9")
    assert first.public_key() != second.public_key()


def test_the_authoritys_pem_is_its_certificate_and_no_key() -> None:
    authority = CertificateAuthority("test")
    root = x509.load_pem_x509_certificate(authority.pem.encode())
    root.verify_directly_issued_by(root)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert root.not_valid_after_utc > datetime.now(timezone.utc)
    assert "PRIVATE" not in authority.pem


@pytest.mark.parametrize(
    ("region", "name"),
    [("us-east-1", "ip-10-0-0-7.ec2.internal"), ("eu-west-1", "ip-10-0-0-7.eu-west-1.compute.internal")],
)
def test_the_private_name_has_ec2s_form(region: str, name: str) -> None:
    assert private_dns_name("10.0.0.7", region) == name
