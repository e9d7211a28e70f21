"""Lists of objects by folder, as S3 gives them: of a versioned bucket, moto also lists folders of deleted objects.

Spark finds the files of a finished job by such a list, and takes a deleted folder of an earlier job for one of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import unescape

from ..failures import Reply
from ..service import Call

LISTS = frozenset({"ListObjects", "ListObjectsV2"})
_FOLDER = re.compile(r"<CommonPrefixes>\s*<Prefix>([^<]*)</Prefix>\s*</CommonPrefixes>")
_COUNT = re.compile(r"<KeyCount>(\d+)</KeyCount>")


def without_empty_folders(call: Call, bucket: Any, reply: Reply) -> Reply:
    """Return moto's answer to a list by folder without the folders in which no object is left.

    Called while no other call can change objects. ``bucket`` is moto's. A page may have fewer rows by it, as S3's may.
    """
    delimiter = call.params.get("Delimiter")
    if not delimiter:
        return reply
    living = _folders(bucket, call.params.get("Prefix") or "", delimiter)
    encoded = call.params.get("EncodingType") == "url"
    hidden = 0

    def shown(match: re.Match[str]) -> str:
        nonlocal hidden
        name = unescape(match[1])
        if (unquote(name) if encoded else name) in living:
            return match[0]
        hidden += 1
        return ""

    text = _FOLDER.sub(shown, reply.body.decode())
    text = _COUNT.sub(lambda match: f"<KeyCount>{int(match[1]) - hidden}</KeyCount>", text, count=1)
    return replace(reply, body=text.encode()) if hidden else reply


def _folders(bucket: Any, prefix: str, delimiter: str) -> set[str]:
    """Return the names up to the first delimiter behind the prefix, of the objects that are there."""
    from moto.s3.models import FakeKey

    folders = set()
    for name, stored in bucket.keys.items():
        head, found, _ = name[len(prefix) :].partition(delimiter)
        if found and name.startswith(prefix) and isinstance(stored, FakeKey):
            folders.add(prefix + head + delimiter)
    return folders
