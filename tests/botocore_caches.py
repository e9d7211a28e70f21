"""What botocore finds out anew for each session, found out once for all sessions of tests.

A session registers 120 handlers of events, a client some 20 more. For each, botocore looks through its table of old
names of events, and inspects whether the handler takes keywords: 8 ms of a core in all, for a test that makes one
session, which nearly every functional test does. Both depend on nothing but the name and the function's definition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore import hooks

_names: dict[str, str] = {}
_keywords: dict[Any, Any] = {}
_init = hooks.EventAliaser.__init__
_accepts = hooks.accepts_kwargs


def _init_with_known_names(aliaser: Any, *words: Any, **options: Any) -> None:
    _init(aliaser, *words, **options)
    aliaser._alias_name_cache = _names  # its own cache, which would begin empty; nobody here gives other aliases


def _accepts_kwargs(handler: Callable[..., Any]) -> Any:
    definition = getattr(handler, "__func__", handler)  # methods of each session and client would be kept for ever
    if not hasattr(definition, "__code__"):
        return _accepts(handler)
    key = definition.__code__
    if key not in _keywords:
        _keywords[key] = _accepts(handler)
    return _keywords[key]


def install() -> None:
    """Give botocore these caches, for the whole process."""
    hooks.EventAliaser.__init__ = _init_with_known_names
    hooks.accepts_kwargs = _accepts_kwargs
