"""A pandas DataFrame as `%%send_to_spark` sends it: with the real pandas, which the engines have and we do not need."""

from __future__ import annotations

import base64
import json
import subprocess
import zlib
from typing import Any

import pytest

from jupyter_emr_connect.livy import sending
from jupyter_emr_connect.sandbox.engines.layout import Installation

pytestmark = pytest.mark.sandbox

PACK = """
import datetime, decimal, importlib.util, sys
import pandas as pd
spec = importlib.util.spec_from_file_location("sending", sys.argv[1])
sending = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sending)
frame = pd.DataFrame({
    "small": pd.Series([1, 2], dtype="int16"),
    "big": pd.Series([2**53 + 1, 0], dtype="int64"),
    "maybe": pd.Series([1, None], dtype="Int64"),
    "real": pd.Series([0.5, float("nan")], dtype="float64"),
    "text": ["007", None],
    "flag": [True, False],
    "exact": [decimal.Decimal("0.10"), None],
    "at": pd.to_datetime(["2024-02-29 12:30", None]),
    "zoned": pd.to_datetime(["2024-02-29 12:30+02:00", "2024-02-29 10:30+02:00"]),
    "day": [datetime.date(2024, 2, 29), None],
    "kind": pd.Categorical(["a", "b"]),
})
print(sending.packed_rows(frame))
print(sending.packed_rows(frame, 1))
"""


def test_a_pandas_frame_keeps_its_types(installed: Installation) -> None:
    command = [str(installed.kernel_python), "-c", PACK, sending.__file__]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    whole, first = (json.loads(zlib.decompress(base64.b64decode(line))) for line in done.stdout.split())
    columns: dict[str, tuple[Any, list[Any]]] = {
        field["name"]: (field["type"], [row[place] for row in whole["data"]])
        for place, field in enumerate(whole["schema"]["fields"])
    }
    nan = columns.pop("real")
    assert (nan[0], nan[1][0], nan[1][1] == nan[1][1]) == ("double", 0.5, False)
    assert columns == {
        "small": ("short", [1, 2]),
        "big": ("long", [2**53 + 1, 0]),
        "maybe": ("long", [1, None]),
        "text": ("string", ["007", None]),
        "flag": ("boolean", [True, False]),
        "exact": ("decimal(3,2)", ["0.10", None]),
        "at": ("timestamp", ["2024-02-29 12:30:00", None]),
        "zoned": ("timestamp", ["2024-02-29 10:30:00+00:00", "2024-02-29 08:30:00+00:00"]),
        "day": ("date", ["2024-02-29", None]),
        "kind": ("string", ["a", "b"]),
    }
    assert len(first["data"]) == 1
