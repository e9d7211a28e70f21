"""Profiles with an MFA device: one prompt in a terminal, else one sentence, and a login elsewhere is seen."""

from __future__ import annotations

import os
import select
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import botocore.session
import pytest
from botocore.utils import JSONFileCache

from jupyter_emr_connect.aws import mfa
from jupyter_emr_connect.aws.session import open_session
from jupyter_emr_connect.aws.sts import get_identity
from jupyter_emr_connect.cli.progress import counting, hops
from jupyter_emr_connect.cli.reporting import Drawn
from jupyter_emr_connect.errors import AccessDenied, EMRConnectError, NoCredentials
from jupyter_emr_connect.models import AccessRole

ROLE = "arn:aws:iam::210987654321:role/EMRAccess"
ASSUMED = "arn:aws:sts::210987654321:assumed-role/EMRAccess/"
REGIONS = ("us-east-1", "eu-west-1", "ap-south-1", "sa-east-1")


@pytest.fixture(autouse=True)
def profile(cloud, tmp_path, monkeypatch):
    with (cloud.folder / "config").open("a") as file:
        file.write(f"[profile mfa]\nregion = us-east-1\nrole_arn = {ROLE}\nsource_profile = developer\n")
        file.write("mfa_serial = arn:aws:iam::123456789012:mfa/dev\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mfa, "_allowed", threading.Event())
    monkeypatch.setattr(mfa, "_asked", {})


@pytest.fixture
def terminal(monkeypatch):
    """A terminal whose user may be asked; yields its other end."""
    ours, theirs = os.openpty()
    monkeypatch.setattr(mfa, "TERMINAL", Path(os.ttyname(theirs)))
    mfa._allowed.set()
    yield ours
    os.close(ours)
    os.close(theirs)


def log_in_with_the_aws_cli(home: Path) -> None:
    """Leave what ``aws sts get-caller-identity --profile mfa`` leaves in its cache, by the same library."""
    session = botocore.session.Session(profile="mfa")
    provider = session.get_component("credential_provider").get_provider("assume-role")
    provider._prompter = lambda prompt: "123456"
    provider.cache = JSONFileCache(str(home / ".aws" / "cli" / "cache"))
    session.create_client("sts").get_caller_identity()


def refusal(*names) -> type[Exception] | None:
    try:
        get_identity(open_session(*names))
    except EMRConnectError as error:
        return type(error)
    return None


def test_where_nobody_can_be_asked_one_sentence_says_so_and_a_login_elsewhere_is_seen(tmp_path):
    session = open_session("mfa")
    for _ in range(2):
        with pytest.raises(NoCredentials, match="'mfa' needs a code of its MFA device") as caught:
            get_identity(session)
        assert "aws sts get-caller-identity --profile mfa" in caught.value.fix
    log_in_with_the_aws_cli(tmp_path / "home")
    kept = sorted((tmp_path / "home").rglob("*.json"))
    assert get_identity(session).arn.startswith(ASSUMED)  # the same session, without a restart
    assert sorted((tmp_path / "home").rglob("*.json")) == kept  # and nothing of ours is on the disk


def test_a_terminal_is_asked_once_however_many_want_the_code(terminal):
    os.write(terminal, b"123456\n")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda region: get_identity(open_session("mfa", region)).arn, REGIONS * 2))
        # Roles that are assumed with the profile share its login; that this one is denied is the trust policy's matter.
        denied = list(pool.map(lambda region: refusal("mfa", region, AccessRole(f"{ROLE}2")), REGIONS))
    assert all(arn.startswith(ASSUMED) for arn in found)
    assert denied == [AccessDenied] * len(REGIONS)
    assert os.read(terminal, 10_000).count(b"Enter MFA code for arn:aws:iam::123456789012:mfa/dev") == 1


class Bar:
    """Something that draws on the terminal; says what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def start(self) -> None:
        self.told.append("start")

    def stop(self) -> None:
        self.told.append("stop")


def test_what_is_drawn_on_the_terminal_stands_back_while_a_code_is_asked_for(terminal):
    bar, left = Bar(), Bar()
    with ThreadPoolExecutor(1) as pool, mfa.giving_way(bar):
        with mfa.giving_way(left):
            asking = pool.submit(mfa.ask_for_code, "Enter MFA code: ", "mfa")
            prompted = os.read(terminal, 1000)
            meanwhile = list(bar.told), list(left.told)
        os.write(terminal, b"123456\n")
        assert b"Enter MFA code" in prompted
        assert meanwhile == (["stop"], ["stop"])
        assert asking.result(60) == "123456"
    assert (bar.told, left.told) == (["stop", "start"], ["stop"])


@pytest.mark.parametrize("drawn", [lambda: counting("Looking"), hops, lambda: closing(Drawn())])
def test_no_progress_is_drawn_over_the_prompt(terminal, monkeypatch, drawn):
    monkeypatch.setenv("TERM", "xterm")
    with mfa.TERMINAL.open("w") as screen, ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr("sys.stderr", screen)
        with drawn():
            asking = pool.submit(mfa.ask_for_code, "Enter MFA code: ", "mfa")
            shown = b""
            while b"Enter MFA code: " not in shown:
                shown += os.read(terminal, 1000)
            drawn_over = select.select([terminal], [], [], 0.4)[0]
            os.write(terminal, b"123456\n")
            assert shown.endswith(b"Enter MFA code: ")
            assert not drawn_over
            assert asking.result(60) == "123456"


def test_a_code_that_did_not_serve_is_not_asked_for_again_and_again(cloud, terminal):
    cloud.world.faults.set("deny:AssumeRole")
    os.write(terminal, b"000000\n")
    with pytest.raises(AccessDenied, match="AssumeRole"):
        get_identity(open_session("mfa"))
    with pytest.raises(NoCredentials, match="did not serve"):
        get_identity(open_session("mfa"))


def test_no_answer_is_no_code(terminal):
    os.write(terminal, b"\n")
    with pytest.raises(NoCredentials, match="none was given"):
        get_identity(open_session("mfa"))


def test_a_process_without_a_terminal_does_not_ask(tmp_path, monkeypatch):
    monkeypatch.setattr(mfa, "TERMINAL", tmp_path / "none" / "tty")
    mfa._allowed.set()
    with pytest.raises(NoCredentials, match="no terminal"):
        get_identity(open_session("mfa"))
