"""The front door's rules that need no engine: paths, headers, owners, certificates, faults."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.sandbox.frontdoor.certificates import CertificateAuthority, private_dns_name
from jupyter_emr_connect.sandbox.frontdoor.door import fault_answer
from jupyter_emr_connect.sandbox.frontdoor.owners import LivyItem, Owners, canonical_id
from jupyter_emr_connect.sandbox.frontdoor.proxy import segments_of
from jupyter_emr_connect.sandbox.world.faults import FaultBoard

ID = "0f5d4c33-6a53-4a3c-8d3e-0123456789ab"


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        ("/", ()),
        ("/api/kernels", ("api", "kernels")),
        ("/sessions/3/statements?from=1", ("sessions", "3", "statements")),
        ("/kernelspecs/python3/logo-64x64.png", ("kernelspecs", "python3", "logo-64x64.png")),
    ],
)
def test_an_ordinary_path_is_read_as_its_segments(path: str, segments: tuple[str, ...]) -> None:
    assert segments_of(path) == segments


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api",
        "//api",
        "/api/",
        "/api//kernels",
        "/api/../x",
        "/./api",
        "/api/%2e%2e",
        "/a%2fb",
        "/a\\b",
        "/a;b",
        "/é",
    ],
)
def test_a_path_that_could_be_read_in_two_ways_is_no_path(path: str) -> None:
    assert segments_of(path) is None


@given(st.text(max_size=40))
def test_whatever_is_let_through_is_spelt_in_one_way_only(text: str) -> None:
    segments = segments_of(f"/{text}")
    if segments:
        assert "/" + "/".join(segments) == f"/{text}".partition("?")[0]
        assert not [one for one in segments if one.startswith(".") or not one]


@pytest.mark.parametrize("text", [ID, ID.upper(), f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", "")])
def test_every_spelling_of_a_kernel_id_is_one_id(text: str) -> None:
    assert canonical_id(text) == ID


@pytest.mark.parametrize("text", ["", "x", "0f5d4c33-6a53-1a3c-8d3e-0123456789ab", None, 7])
def test_what_is_no_uuid_of_version_4_is_no_kernel_id(text: object) -> None:
    assert canonical_id(text) is None


def test_a_kernel_id_has_one_owner_until_it_is_dropped() -> None:
    owners = Owners()
    assert owners.adopt(ID, "ann")
    assert not owners.adopt(ID, "ann")
    assert not owners.adopt(ID, "bob")
    assert (owners.kernels_of("ann"), owners.kernels_of("bob")) == ({ID}, set())
    owners.drop_kernel(ID)
    assert owners.adopt(ID, "bob")


def test_a_session_is_its_users_alone_and_batches_have_numbers_of_their_own() -> None:
    owners = Owners()
    owners.add(LivyItem("sessions", 0, "ann", None))
    assert owners.item("sessions", 0, "ann")
    assert owners.item("sessions", 0, "bob") is None
    assert owners.item("batches", 0, "ann") is None


def test_what_a_kernel_made_is_orphaned_by_its_end_and_by_its_restart() -> None:
    owners = Owners()
    owners.adopt(ID, "ann")
    first, by_hand = LivyItem("sessions", 0, "ann", ID), LivyItem("sessions", 1, "ann", None)
    owners.add(first)
    owners.add(by_hand)
    before = owners.made_by(ID)
    owners.add(LivyItem("sessions", 2, "ann", ID))
    assert owners.orphans() == []
    owners.disown(before)
    assert [item.number for item in owners.orphans()] == [0]
    owners.drop_kernel(ID)
    assert [item.number for item in owners.orphans()] == [0, 2]


def test_a_session_that_deleted_itself_is_not_orphaned_by_the_restart() -> None:
    owners = Owners()
    owners.adopt(ID, "ann")
    item = LivyItem("sessions", 0, "ann", ID)
    owners.add(item)
    owners.drop(item)
    owners.disown([item])
    assert owners.orphans() == []


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


async def test_faults_strike_the_cluster_they_are_for_and_none_of_aws_alone() -> None:
    faults = FaultBoard()
    faults.set("error-500", compute="j-1")
    faults.set("html", options={"service": "s3"})
    assert await fault_answer(faults, "j-2") is None
    struck = await fault_answer(faults, "j-1")
    assert struck is not None
    assert struck.status == 500
