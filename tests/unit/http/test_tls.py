"""Whose certificates are trusted: handshakes in memory between a server's context and ours."""

from __future__ import annotations

import datetime
import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_emr_connect.errors import ConfigurationError, GatewayCertificate
from jupyter_emr_connect.http.errors import describe_failure
from jupyter_emr_connect.http.tls import make_ssl_context

HOST = "primary.corp.test"
Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Company:
    """A company's root, its issuing CA, and a gateway's certificate of the latter, each as a PEM file."""

    root: str
    issuing: str
    certificate: str
    server: ssl.SSLContext


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    folder = tmp_path_factory.mktemp("company")
    root = trustme.CA()
    issuing = root.create_child_ca()
    leaf = issuing.issue_cert(HOST)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server)
    paths = [folder / name for name in ("root.pem", "issuing.pem", "leaf.pem")]
    for path, blob in zip(paths, (root.cert_pem, issuing.cert_pem, leaf.cert_chain_pems[0]), strict=True):
        blob.write_to_path(str(path))
    return Company(*map(str, paths), server)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str = HOST) -> None:
    """Let both sides do a handshake in memory; raises what the client raises."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=host)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        try:
            ours.do_handshake()
        except ssl.SSLWantReadError:
            pass
        else:
            return
        with suppress(ssl.SSLWantReadError):
            theirs.do_handshake()
    raise AssertionError


@pytest.mark.parametrize("named", ["root", "issuing", "certificate"])
def test_the_root_the_issuing_ca_or_the_very_certificate_is_enough(company: Company, named: str) -> None:
    shake_hands(make_ssl_context(getattr(company, named)), company.server)


def test_what_is_named_is_no_pass_for_others(company: Company) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(make_ssl_context(), company.server)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(make_ssl_context(company.certificate), company.server, "other.corp.test")
    sister = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(HOST).configure_cert(sister)
    for named in (company.root, company.issuing, company.certificate):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(make_ssl_context(named), sister)


def test_a_ca_that_is_refused_for_its_form_is_said_to_be_so(tmp_path: Path) -> None:
    """Python 3.13 sets VERIFY_X509_STRICT by itself, older ones here."""
    pem, server = sloppy_ca(tmp_path)
    context = make_ssl_context(pem)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(context, server)
    failure = describe_failure(caught.value, label="the gateway", url="https://x:1", peer="a gateway")
    assert failure.kind == "certificate"
    assert "for its form" in failure.message
    assert "3.13" in failure.fix


def test_a_ca_that_is_not_trusted_is_told_where_to_be_named(company: Company) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        shake_hands(make_ssl_context(), company.server)
    failure = describe_failure(caught.value, label="the gateway", url="https://x:1", peer="a gateway")
    assert "not trusted" in failure.message
    assert "EMRConnect.certificate_authorities" in failure.fix


def test_a_pem_that_cannot_be_read_names_its_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        make_ssl_context(str(tmp_path / "missing.pem"))
    with pytest.raises(GatewayCertificate, match="AWS names"):
        make_ssl_context(ca_data="no PEM")


def sloppy_ca(folder: Path) -> tuple[str, ssl.SSLContext]:
    """Make a root without keyUsage, as many companies have one, and a server with a certificate of it."""
    key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _builder("Sloppy CA", "Sloppy CA", key)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    leaf = _builder("leaf", "Sloppy CA", leaf_key)
    leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    root, chain = folder / "sloppy.pem", folder / "chain.pem"
    root.write_bytes(ca.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + leaf.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    return str(root), server


def _builder(subject: str, issuer: str, key: Key) -> x509.CertificateBuilder:
    subject_name, issuer_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
    )
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject_name)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
    )
