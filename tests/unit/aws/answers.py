"""AWS's answers with parts of them lost or changed, for the tests of what reads them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NEW = st.sampled_from([None, "", "SOMETHING_NEW", 7, True, [], {}, ["x"], [None], {"x": 1}])


def damaged(value: Any, *, changed: bool = True, kept: tuple[str, ...] = ()) -> st.SearchStrategy[Any]:
    """Return what ``value`` may have become: members lost at any depth, and with ``changed`` others in their place.

    Members named in ``kept`` stay, at the top.
    """
    if isinstance(value, dict):
        members = {key: damaged(one, changed=changed) for key, one in value.items() if key not in kept}
        whole: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {key: st.just(value[key]) for key in kept}, optional=members
        )
    elif isinstance(value, list):
        whole = st.tuples(*(damaged(one, changed=changed) for one in value)).map(list)
    else:
        whole = st.just(value)
    # The whole one first: hypothesis shrinks towards it, and most members stay what they are.
    return st.one_of(whole, whole, whole, NEW) if changed else whole
