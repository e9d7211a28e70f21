"""Settings of S3 on their way to an endpoint's kernel: written by the front door, read by the kernel's launcher."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_emr_connect.sandbox.engines.pyspark_launcher import storage
from jupyter_emr_connect.sandbox.engines.storage import hand_to_kernel, s3_settings

MINE, OTHER = "0ca75f67-0b5c-4c39-8a0e-6b5b53f8a1f4", "1ca75f67-0b5c-4c39-8a0e-6b5b53f8a1f4"


def test_each_kernel_gets_the_keys_of_its_own_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {
        kernel: s3_settings("http://127.0.10.1:4566", "us-east-1", f"key-{kernel}", "s", "t")
        for kernel in (MINE, OTHER)
    }
    for kernel, values in settings.items():
        hand_to_kernel(tmp_path, kernel, values)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "storage").iterdir()} == {0o600}
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERNEL_ID", MINE.upper().replace("-", ""))  # as a client may write it
    assert storage() == settings[MINE]


def test_a_kernel_without_settings_starts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KERNEL_ID", MINE)
    assert storage() == {}
