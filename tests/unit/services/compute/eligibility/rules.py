"""Names the rules of docs/attachable.md that a test shows; test_eligibility_rules.py compares the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., None])


def rule(*names: str) -> Callable[[Test], Test]:
    """Mark a test as the one that shows these rules; changes nothing of it."""
    assert names
    return lambda test: test
