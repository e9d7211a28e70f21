"""What IAM answered to one test is not remembered in the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_emr_connect.services.roles import forget_checks


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    forget_checks()
    yield
    forget_checks()
