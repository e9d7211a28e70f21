"""Which mounts other machines may use too, by the kernel's own list of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_emr_connect.store.filesystems import shared_type

MOUNTS = r"""
22 1 259:1 / / rw,noatime shared:1 - ext4 /dev/nvme0n1p1 rw
24 22 0:22 / /proc rw,nosuid - proc proc rw
31 22 0:40 / /home rw,relatime shared:9 - nfs4 fs-1.efs.us-east-1.amazonaws.com:/ rw,vers=4.1
32 31 259:2 / /home/ann/scratch rw - xfs /dev/nvme1n1 rw
33 22 0:41 / /lustre rw - lustre 10.0.0.1@tcp:/fsx rw
34 22 0:42 / /mnt/my\040bucket rw - fuse.s3fs s3fs rw
35 22 0:43 / /shared rw - ext4 /dev/sdb rw
36 22 0:44 / /shared rw - cifs //server/share rw
37 22 0:45 / /disk rw - fuseblk /dev/sdc rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/state.sqlite", None),
        ("/home/ann/.local/state.sqlite", "nfs4"),
        ("/homes/state.sqlite", None),
        ("/home/ann/scratch/state.sqlite", None),
        ("/lustre/state.sqlite", "lustre"),
        ("/mnt/my bucket/state.sqlite", "fuse.s3fs"),
        ("/shared/state.sqlite", "cifs"),
        ("/disk/state.sqlite", None),
    ],
)
def test_the_nearest_mount_counts_and_of_several_there_the_last(path: str, kind: str | None) -> None:
    assert shared_type(Path(path), MOUNTS) == kind


def test_a_system_that_does_not_tell_is_taken_for_local() -> None:
    assert shared_type(Path("/home/state.sqlite"), "") is None
