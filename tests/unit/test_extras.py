"""What the extras pull in: none that promises a plain ``pip install`` needs Kerberos's headers and a compiler."""

from __future__ import annotations

from importlib.metadata import requires

import pytest
from packaging.requirements import Requirement

HEADERS = {"sparkmagic", "requests-kerberos", "pykerberos", "krb5", "gssapi"}


def names(extra: str) -> set[str]:
    """Return what an extra installs beside the base, extras within it too."""
    found: set[str] = set()
    for line in requires("jupyter_emr_connect") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and wanted.marker.evaluate({"extra": extra}):
            found.add(wanted.name.lower().replace("_", "-"))
            if found & {"jupyter-emr-connect"}:
                found |= {name for inner in wanted.extras for name in names(inner)}
    return found


@pytest.mark.parametrize("extra", ["livy", "all", "magics", "sandbox"])
def test_no_extra_but_sparkmagics_own_needs_kerberos(extra: str) -> None:
    assert not names(extra) & HEADERS
    assert "sparkmagic" in names("sparkmagic")
