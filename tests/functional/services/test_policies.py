"""Each policy of docs/policies.md is enough for its feature, and each of its actions is missed by name."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.aws.emr import cluster_session_credentials, describe_cluster, list_clusters
from jupyter_emr_connect.aws.emr_containers import endpoint_token
from jupyter_emr_connect.aws.emr_serverless import start_application
from jupyter_emr_connect.aws.s3 import S3Store
from jupyter_emr_connect.aws.session import SessionKey, forget, open_session
from jupyter_emr_connect.errors import EMRConnectError
from jupyter_emr_connect.models import AccessRole
from jupyter_emr_connect.sandbox.aws.identity import iam_backend
from jupyter_emr_connect.sandbox.world.world import ACCOUNT, OTHER_ACCOUNT, REGION
from jupyter_emr_connect.services.credentials.secret_slots import forget_secrets
from jupyter_emr_connect.services.roles import forget_checks

from .accounts import ROLES, allow, application, endpoint, give, make_role, make_user

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"
BLOCK = re.compile(r"^#+ .*\(`([a-z0-9-]+)`\)\n(?:(?!#).*\n)*?```json\n((?:(?!```).*\n)*)```", re.MULTILINE)
ACTION = re.compile(
    r"\b(?:elasticmapreduce|emr-containers|emr-serverless|iam|s3|sts):(?!ExecutionRoleArn)[A-Z][A-Za-z]+\b"
)
BUCKET = "emr-sandbox-notebooks"
ANALYST = f"{ROLES}/EMRAnalyst"
EXTERNAL_ID = "the-id-you-agreed-on"
ACCESS = "EMRConnectAccess"

Document = dict[str, Any]
POLICIES: dict[str, Document] = {name: json.loads(text) for name, text in BLOCK.findall(PAGE.read_text("utf-8"))}


@dataclass
class Scene:
    """What a feature is run with: the emulated accounts, and the typed command of the user ``ann``."""

    cloud: Any
    emr: Callable[..., Any]
    tmp_path: Path

    def type(self, *words: str) -> str:
        """Type a command as ann; return all that it said."""
        shown = self.emr(*words, "--profile", "ann")
        return shown.out + shown.err

    @property
    def tagged(self) -> AccessRole:
        """The access role of the page, with an external id and a session tag."""
        arn = f"arn:aws:iam::{OTHER_ACCOUNT}:role/{ACCESS}"
        return AccessRole(arn, external_id=EXTERNAL_ID, session_tags=(("team", "data"),))


def actions(policy: Document) -> list[str]:
    return [action for one in policy["Statement"] for action in listed(one["Action"])]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def without(policy: Document, action: str) -> Document:
    """Return the policy with one action taken away, wherever it stands."""
    left = copy.deepcopy(policy)
    for one in left["Statement"]:
        one["Action"] = [name for name in listed(one["Action"]) if name != action]
    return {**left, "Statement": [one for one in left["Statement"] if one["Action"]]}


@contextmanager
def told(said: list[str]) -> Iterator[None]:
    try:
        yield
    except EMRConnectError as error:
        said.append(str(error))


def list_kind(kind: str) -> Callable[[Scene], str]:
    return lambda scene: scene.type("list", "--kind", kind, "--json")


def show_ec2(scene: Scene) -> str:
    model = scene.cloud.world.clusters[scene.cloud.id("analytics")]
    fleet = replace(model, id="j-FLEET00000001", name="fleet", fleets=True)
    scene.cloud.world.clusters[fleet.id] = fleet
    return scene.type("show", model.id, "--json") + scene.type("show", fleet.id, "--json")


def attach_ec2(scene: Scene) -> str:
    return scene.type("attach", scene.cloud.id("analytics"), str(scene.tmp_path), "--runtime-role", ANALYST)


def token_eks(scene: Scene) -> str:
    said: list[str] = []
    cluster, _, name = endpoint(scene.cloud).id.partition("/")
    with told(said):
        assert endpoint_token(open_session("ann", REGION), cluster, name, ANALYST, 900).token
    return " ".join(said)


def use_serverless(scene: Scene) -> str:
    """Here is no Livy endpoint (it is with the engines): IAM's simulation is asked, which takes the permission to."""
    own = iam_backend(ACCOUNT).users["ann"]
    own.policies["ask"] = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [*POLICIES["roles"]["Statement"], allow("emr-serverless:GetApplication")],
        }
    )
    return scene.type("roles", application(scene.cloud).id, "--explain", ANALYST).partition("Add to")[0]


def start_serverless(scene: Scene) -> str:
    said: list[str] = []
    with told(said):
        start_application(open_session("ann", REGION), application(scene.cloud).id)
    return " ".join(said)


def backups(scene: Scene) -> str:
    """Save, look for, read, look back and delete, as the worker and the commands of backups do."""
    earlier = S3Store(BUCKET, SessionKey("administrator", REGION))
    kept, old = earlier.put("team/kept.ipynb", b"1"), earlier.put("team/old.ipynb", b"1")
    earlier.put("team/kept.ipynb", b"2")
    own = S3Store(BUCKET, SessionKey("ann", REGION))
    said: list[str] = []
    asks: list[Callable[[], Any]] = [
        lambda: own.put("team/new.ipynb", b"1", if_none_match=True),
        lambda: own.get("team/kept.ipynb").read(),
        lambda: own.get("team/kept.ipynb", kept.version_id).read(),
        lambda: own.delete("team/old.ipynb", if_match=old.etag),
        lambda: list(own.objects("team/")),
        lambda: list(own.versions("team/")),
    ]
    for ask in asks:
        with told(said):
            ask()
    for key in ("new", "kept", "old"):
        earlier.delete(f"team/{key}.ipynb")
    return " ".join(said)


def roles(scene: Scene) -> str:
    own = iam_backend(ACCOUNT).users["ann"]
    look = [allow(["elasticmapreduce:DescribeCluster", "elasticmapreduce:DescribeSecurityConfiguration"])]
    take = POLICIES["attach-ec2"]["Statement"]
    own.policies["beside"] = json.dumps({"Version": "2012-10-17", "Statement": [*look, *take]})
    folder = scene.tmp_path / "config"
    folder.mkdir(exist_ok=True)
    rules = {"EMRConnect": {"runtime_roles": [f"{ROLES}/EMRA*"], "discover_roles": False}}
    (folder / "jupyter_emr_connect_config.json").write_text(json.dumps(rules))
    explained = scene.type("roles", scene.cloud.id("analytics"), "--explain", ANALYST)
    return explained + scene.type("roles", scene.cloud.id("analytics"))


def through_access_role(scene: Scene) -> str:
    said: list[str] = []
    shared, partner = scene.cloud.id("shared"), f"arn:aws:iam::{OTHER_ACCOUNT}:role/EMRPartner"
    session = open_session("ann", REGION, scene.tagged)
    for ask in (
        lambda: list(list_clusters(session)),
        lambda: describe_cluster(session, shared),
        lambda: cluster_session_credentials(session, shared, partner),
    ):
        with told(said):
            assert ask()
    return " ".join(said)


def trust_ec2(scene: Scene) -> str:
    said: list[str] = []
    with told(said):
        cluster = scene.cloud.id("analytics")
        assert cluster_session_credentials(open_session("administrator"), cluster, f"{ROLES}/EMRConnectTest")
    # The call that was refused is named first; what is missing stands behind it.
    return " ".join(text.partition(":GetClusterSessionCredentials:")[2] or text for text in said)


FEATURES: dict[str, Callable[[Scene], str]] = {
    "list-ec2": list_kind("ec2"),
    "show-ec2": show_ec2,
    "attach-ec2": attach_ec2,
    "trust-ec2": trust_ec2,
    "list-eks": lambda scene: endpoint(scene.cloud) and list_kind("eks")(scene),
    "show-eks": lambda scene: scene.type("show", endpoint(scene.cloud).id, "--json"),
    "token-eks": token_eks,
    "list-serverless": lambda scene: application(scene.cloud) and list_kind("serverless")(scene),
    "use-serverless": use_serverless,
    "start-serverless": start_serverless,
    "roles": roles,
    "backups": backups,
    "access-role-user": through_access_role,
    "access-role-trust": through_access_role,
    "access-role": through_access_role,
}
# What these grant is seen by others than the request log: simulated, or asked of the trust policy inside another call.
# S3's actions have other names than its calls.
UNLOGGED = {"use-serverless", "trust-ec2", "access-role-trust", "access-role-user", "backups"}


@pytest.fixture
def scene(cloud, emr, tmp_path):
    make_user(cloud, "ann")
    return Scene(cloud, emr, tmp_path)


def grant(feature: str, policy: Document) -> None:
    """Give exactly this policy in its place, and the page's other blocks where the feature has several sides."""
    ours, theirs = iam_backend(ACCOUNT), iam_backend(OTHER_ACCOUNT)
    for iam, name in ((theirs, ACCESS), (ours, "EMRConnectTest")):
        for key in [key for key, role in iam.roles.items() if role.name == name]:
            del iam.roles[key]
    if feature == "trust-ec2":
        make_role("EMRConnectTest", *policy["Statement"])
    elif feature.startswith("access-role"):
        sides = {**POLICIES, feature: policy}
        give("ann", *sides["access-role-user"]["Statement"])
        own = json.dumps(sides["access-role"])
        make_role(ACCESS, *sides["access-role-trust"]["Statement"], account=OTHER_ACCOUNT, permissions=own)
    else:
        give("ann", *policy["Statement"])


def run(scene: Scene, feature: str, policy: Document) -> set[str]:
    """Run the feature under the policy; return the actions of which the user was told that they are missing."""
    forget()
    forget_secrets()
    forget_checks()
    grant(feature, policy)
    return set(ACTION.findall(FEATURES[feature](scene)))


def test_every_block_of_the_page_is_tested():
    assert set(POLICIES) == set(FEATURES)


@pytest.mark.slow
@pytest.mark.parametrize("feature", FEATURES)
def test_the_policy_is_enough_and_nothing_in_it_is_idle(scene, feature):
    assert run(scene, feature, POLICIES[feature]) == set()
    answered: dict[str, set[int]] = {}
    for row in scene.cloud.world.log.since():
        answered.setdefault(row["action"], set()).add(row["status"])
    for action in [] if feature in UNLOGGED else actions(POLICIES[feature]):
        assert answered.get(action.partition(":")[2]) == {200}, action


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feature", "action"),
    [(feature, action) for feature in FEATURES for action in dict.fromkeys(actions(POLICIES[feature]))],
)
def test_an_action_that_is_missing_is_named(scene, feature, action):
    assert run(scene, feature, without(POLICIES[feature], action)) == {action}


def test_the_table_has_the_actions_of_every_feature():
    rows = re.findall(r"^\|.*?\(`([a-z0-9-]+)`\) \|(.*)\|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {name: set(ACTION.findall(text)) for name, text in rows} == {
        name: set(actions(policy)) for name, policy in POLICIES.items()
    }
