"""How the installers reach the world: the user's certificate authorities and proxies, for uv and for Java.

uv reads ``HTTPS_PROXY``, ``SSL_CERT_FILE`` and its own ``UV_…`` settings itself; Java knows none of them.
"""

from __future__ import annotations

import os
import ssl
import warnings
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

from jupyter_emr_connect.errors import SandboxInstallError

# In this order, as pip, requests and curl users set them.
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "UV_SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
# Where distributions without OpenSSL's default keep their bundle.
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
STORE_PASSWORD = "changeit"  # noqa: S105 - Java demands one; the store holds public certificates only


def ca_bundle() -> Path | None:
    """Return the PEM file of the CAs to trust: the user's choice, else the system's, else None.

    Raises SandboxInstallError when the user names a file that does not exist.
    """
    for name in BUNDLE_VARIABLES:
        if value := os.environ.get(name):
            if not Path(value).is_file():
                message = f"{name} names {value}, which is not a file."
                raise SandboxInstallError(message, fix=f"Correct or unset {name}.")
            return Path(value)
    bundles = [ssl.get_default_verify_paths().cafile, *SYSTEM_BUNDLES]
    return next((Path(path) for path in bundles if path and Path(path).is_file()), None)


def uv_environment() -> dict[str, str]:
    """Return the environment for uv: the user's, with one CA bundle for all, whatever variable named it."""
    environment = {**os.environ, "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
    for name in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_CONSTRAINT", "UV_OVERRIDE", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(name, None)
    bundle = ca_bundle()
    if bundle is not None:
        environment["SSL_CERT_FILE"] = str(bundle)
    return environment


def java_network_arguments(folder: Path) -> list[str]:
    """Return the options that give Java our CAs and proxy; writes the trust store into ``folder``.

    They may hold a proxy's password: pass them in an argument file, not in argv.
    """
    arguments: list[str] = []
    bundle = ca_bundle()
    if bundle is not None:
        store = folder / "truststore.p12"
        store.write_bytes(trust_store(bundle))
        arguments += [
            f"-Djavax.net.ssl.trustStore={store}",
            "-Djavax.net.ssl.trustStoreType=PKCS12",
            f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}",
        ]
    return arguments + proxy_arguments(getproxies())


def trust_store(bundle: Path) -> bytes:
    """Return Java's form (PKCS12) of a PEM bundle; certificates that cannot be parsed are left out."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore
    from cryptography.utils import CryptographyDeprecationWarning

    certificates: list[PKCS12Certificate] = []
    marker = b"-----END CERTIFICATE-----"
    with warnings.catch_warnings():
        # Public lists hold old certificates with a serial number of zero.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for block in bundle.read_bytes().split(marker)[:-1]:
            try:
                certificate = x509.load_pem_x509_certificate(block[block.index(b"-----BEGIN") :] + marker)
            except ValueError:
                continue
            certificates.append(PKCS12Certificate(certificate, f"ca{len(certificates)}".encode()))
    if not certificates:
        message = f"{bundle} holds no certificate."
        raise SandboxInstallError(message, fix="Let SSL_CERT_FILE name a PEM bundle of CAs.")
    return serialize_java_truststore(certificates, BestAvailableEncryption(STORE_PASSWORD.encode()))


def proxy_arguments(proxies: dict[str, str]) -> list[str]:
    """Return Java's proxy options for ``urllib.request.getproxies()``'s answer."""
    arguments = []
    for scheme in ("https", "http"):
        proxy = _split(proxies.get(scheme) or proxies.get("all") or "")
        if proxy.hostname:
            arguments.append(f"-D{scheme}.proxyHost={proxy.hostname}")
            arguments.append(f"-D{scheme}.proxyPort={proxy.port or 80}")
            if proxy.username:
                # Ivy answers proxies with these two; Java by itself refuses Basic for tunnels since 8u111.
                arguments.append(f"-Dhttp.proxyUser={unquote(proxy.username)}")
                arguments.append(f"-Dhttp.proxyPassword={unquote(proxy.password or '')}")
                arguments.append("-Djdk.http.auth.tunneling.disabledSchemes=")
    hosts = [host.strip() for host in proxies.get("no", "").split(",") if host.strip()]
    if arguments and hosts:
        arguments.append("-Dhttp.nonProxyHosts=" + "|".join(f"*{h}" if h.startswith(".") else h for h in hosts))
    return list(dict.fromkeys(arguments))


def _split(proxy: str) -> SplitResult:
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")
