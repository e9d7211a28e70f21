"""Which paths a front door reads, and how."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_emr_connect.sandbox.frontdoor.proxy import segments_of


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
        assert not [part for part in segments if part.startswith(".") or not part]
