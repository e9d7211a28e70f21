"""Shell completion: what is offered, asked as the shell's code asks; and that code in real shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_emr_connect.models import KernelRecord
from jupyter_emr_connect.store.database import Database
from jupyter_emr_connect.store.ledger import Ledger
from tests.commands import run_command

# In one process of pytest: what commands are forked from takes 2 s of a core to start.
pytestmark = pytest.mark.xdist_group("completion")

ASK = """
eval "$CODE"
COMP_LINE="$1"; COMP_POINT=${#1}
read -ra COMP_WORDS <<< "$1"
[[ $1 == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$(complete -p "${COMP_WORDS[0]}" | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def code() -> str:
    """What a shell's start-up file evaluates; it is the same for all."""
    program = Path(sys.executable).with_name("jupyter-emr")
    return subprocess.run([program, "completion", "bash"], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def complete(cloud):
    """What is offered after a line; asked in a forked process as ``jupyter emr completion bash`` asks."""

    def ask(line: str) -> set[str]:
        words = ["jupyter-emr", *line.removeprefix("jupyter emr").split()] + [""] * line.endswith(" ")
        asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        done = run_command([], {**os.environ, **asked, "_JUPYTER_EMR_COMPLETE": "bash_complete"}, timeout=60)
        lines = [found.partition(",") for found in done.stdout.splitlines()]
        return {value for kind, _, value in lines if kind == "plain"}

    return ask


@pytest.fixture
def in_bash(cloud, code, monkeypatch):
    """What a real bash offers after a line; ``before`` is what its start-up file did first."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CODE", code)

    def ask(line: str, before: str = "") -> set[str]:
        done = subprocess.run(["bash", "-c", before + ASK, "bash", line], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    return ask


@pytest.mark.slow
@pytest.mark.parametrize("command", ["jupyter emr", "jupyter-emr"])
def test_verbs_in_bash(in_bash, command):
    assert in_bash(f"{command} sta") == {"status"}


@pytest.mark.slow
def test_verbs(complete):
    assert {"list", "run", "attach", "sandbox"} <= complete("jupyter emr ")


def test_options(complete):
    assert complete("jupyter emr list --pro") == {"--profile"}


def test_names_and_ids_of_computes(cloud, complete):
    assert complete("jupyter emr show ana") == {"analytics"}
    assert complete("jupyter emr run n.ipynb --compute j-SANDBOXOPEN") == {cloud.id("open")}


def test_what_can_be_attached_to_and_nothing_else_is_completed_for_attach(cloud, complete):
    others = {"kerberos", "gone", cloud.id("kerberos")}
    for _ in range(10):  # on a busy machine what is not described in time is offered too, and known the next time
        found = complete("jupyter emr attach ")
        if not others & found:
            break
    assert {"analytics", "open", "old", "interactive", "notebooks", cloud.id("open")} <= found
    assert not others & found
    assert {"kerberos", "old", "interactive"} <= complete("jupyter emr show ")


def test_a_name_that_several_computes_have_is_not_completed(cloud, complete):
    twin = replace(cloud.world.clusters[cloud.id("open")], id="j-TWIN00000001")
    cloud.world.clusters[twin.id] = twin
    assert complete("jupyter emr attach op") == set()
    assert complete("jupyter emr attach j-TW") == {"j-TWIN00000001"}


def test_kernels_to_run_with(complete):
    assert complete("jupyter emr run n.ipynb --kernel emr-py") == {"emr-pyspark", "emr-python"}


def test_verbs_and_ids_of_kernels(complete, tmp_path):
    state = tmp_path / "state.sqlite"
    (tmp_path / "config").mkdir()
    settings = tmp_path / "config" / "jupyter_emr_connect_config.json"
    settings.write_text(f'{{"EMRConnect": {{"state_file": "{state}"}}}}')
    for name, now in (("0f8f-1", "detached"), ("0f8f-2", "gone"), ("77aa", "connected")):
        Ledger(Database(state)).add(KernelRecord(name, "j-1", "emr-python", "u", state=now))
    assert complete("jupyter emr kernels ") >= {"adopt", "shutdown", "prune"}
    assert complete("jupyter emr kernels adopt 0f") == {"0f8f-1"}
    assert complete("jupyter emr kernels shutdown ") >= {"0f8f-1", "77aa"}


def test_profiles_and_regions(complete):
    assert complete("jupyter emr list --profile d") == {"developer", "denied"}
    assert {"us-east-1", "us-east-2"} <= complete("jupyter emr list --region us-")


def test_roles_in_spite_of_bashs_word_breaks(cloud, complete, in_bash, tmp_path):
    (tmp_path / "config").mkdir()
    arn = cloud.roles["EMRAnalyst"]
    (tmp_path / "config" / "jupyter_emr_connect_config.json").write_text(
        f'{{"EMRConnect": {{"runtime_roles": ["{arn}"]}}}}'
    )
    # Bash replaces only what stands after the last colon.
    assert in_bash("jupyter emr attach analytics --runtime-role arn:aws:iam::12") == {arn.removeprefix("arn:aws:iam::")}
    assert complete("jupyter emr attach analytics --runtime-role EMRA") == {"EMRAnalyst"}


def test_nothing_is_said_without_credentials(complete, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert complete("jupyter emr show ana") == set()


def test_what_completed_jupyter_before_goes_on(in_bash):
    before = "old() { COMPREPLY=(lab); }; complete -F old jupyter\n"
    assert in_bash("jupyter l", before) == {"lab"}
    assert in_bash("jupyter emr sta", before) == {"status"}


ZSH = """
compdef() {}
compadd() { print -l ${(P)@[-1]} }
_describe() { print -l ${${(P)@[-2]}%%:*} }
eval "$(jupyter-emr completion zsh)"
words=("${(@s: :)1}"); CURRENT=$#words
_jupyter_emr
"""


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
@pytest.mark.parametrize(
    ("line", "found"),
    [("jupyter emr sta", "status"), ("jupyter-emr sta", "status"), ("jupyter emr show ana", "analytics")],
)
def test_zsh(in_bash, line, found):
    done = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", line], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.split() == [found]
