"""The policy in README.md is what docs/policies.md, which is proved action by action, says of its features."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FEATURES = ("list-serverless", "use-serverless", "start-serverless")


def first_policy(page: str, heading: str) -> Any:
    (_, after) = re.split(rf"^#+ .*{heading}.*$", page, maxsplit=1, flags=re.MULTILINE)
    return json.loads(after.partition("```json\n")[2].partition("```")[0])


def allowed(policy: Any) -> set[tuple[str, str, str]]:
    """Return each action with its resource and condition."""
    found = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            found.add((action, statement["Resource"], json.dumps(statement.get("Condition"))))
    return found


def test_the_first_real_account_is_serverless_and_its_policy_the_least() -> None:
    readme, policies = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/policies.md"))
    needed = set().union(*(allowed(first_policy(policies, rf"\(`{feature}`\)")) for feature in FEATURES))
    assert allowed(first_policy(readme, "A real account")) == needed
    assert readme.index("## A real account") < readme.index("--compute my-application") < readme.index("A cluster or")
