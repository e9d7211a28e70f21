"""JSON that goes out in parts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.services import bodies
from jupyter_emr_connect.services.bodies import json_parts

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_the_parts_are_the_json_of_the_whole(value: Any) -> None:
    assert json.loads(b"".join(json_parts(value))) == value


def test_no_part_is_large_however_long_a_text_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PART_CHARS", 1000)
    value = {"outputs": [{"text": '"\\ü\U0001f600\n' * 5000}, *({"n": n} for n in range(1000))], "none": []}
    parts = list(json_parts(value))
    assert json.loads(b"".join(parts)) == value
    assert max(map(len, parts)) <= 13_000  # an emoji takes twelve characters
