"""The sandbox's AWS front alone, in this process: real signatures, real IAM, no engines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_emr_connect.aws.session import forget
from jupyter_emr_connect.cli.main import run_cli
from jupyter_emr_connect.sandbox.aws.app import make_app
from jupyter_emr_connect.sandbox.aws.seed import Profile, role_arns, seed
from jupyter_emr_connect.sandbox.aws.server import serve
from jupyter_emr_connect.sandbox.world.world import World, fill_standard
from jupyter_emr_connect.services.credentials.secret_slots import forget_secrets
from tests import botocore_caches
from tests.functional.gateways import Gateways, gateways

botocore_caches.install()


@dataclass
class Cloud:
    """An emulated account, its address and the folder with the AWS profiles."""

    world: World
    url: str
    folder: Path
    keys: dict[str, Profile]

    @property
    def roles(self) -> dict[str, str]:
        """The runtime roles' ARNs by name."""
        return {arn.rsplit("/", 1)[-1]: arn for arn in role_arns(self.world)}

    def id(self, name: str) -> str:
        """Return a cluster's id by its name."""
        return next(spec.id for spec in self.world.clusters.values() if spec.name == name)

    def calls(self, action: str) -> int:
        """Return how often an action was called."""
        return sum(row["action"] == action for row in self.world.log.since())


@pytest.fixture
def before_front() -> Callable[[Any], Any]:
    """Return what stands before the account's front: nothing, unless a test says otherwise."""
    return lambda front: front


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_front: Callable[[Any], Any]) -> Iterator[Cloud]:
    """An account with the standard clusters; the caller is `developer` unless a test says otherwise."""
    world = World()
    fill_standard(world, "45")
    front = before_front(make_app(world))
    keys = seed(world)
    server = serve(front)
    folder = tmp_path / "aws"
    folder.mkdir()
    config = "".join(
        f"[profile {name}]\nregion = {world.region}\naws_access_key_id = {one.access_key}\n"
        f"aws_secret_access_key = {one.secret}\n"
        for name, one in keys.items()
    )
    (folder / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_PROFILE", "developer")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "config"))
    # A second attempt is enough to see that there are several; the pause before each next one doubles.
    monkeypatch.setattr("jupyter_emr_connect.aws.session.ATTEMPTS", 2)
    forget()
    forget_secrets()
    yield Cloud(world, server.url, folder, keys)
    forget()
    forget_secrets()
    world.faults.clear()
    server.stop()


@pytest.fixture
def gateway(cloud: Cloud, tmp_path: Path) -> Iterator[Gateways]:
    """Gateways of `analytics` and `open`, at a port that Jupyter's configuration names."""
    with gateways(cloud.world, "analytics", "open") as served:
        settings = tmp_path / "config" / "jupyter_emr_connect_config.json"
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(
            json.dumps(
                {
                    "EMRConnect": {
                        "gateway_port": served.port,
                        "credentials_timeout": 2.0,
                        "allow_plain_http": ["analytics"],
                    }
                }
            )
        )
        yield served


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        assert self.out, self.err
        return json.loads(self.out)

    def failed_with(self, *words: str) -> Ended:
        """Check that it failed as a user should see it: one or two lines with these words, no traceback."""
        assert self.code == 1, (self.code, self.out, self.err)
        assert len(self.err.strip().splitlines()) <= 2, self.err
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err, self.err
        return self


@pytest.fixture
def emr(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Type a ``jupyter emr`` command: ``emr("list", "--json")``. The secrets of all profiles must never be printed."""

    def call(*words: str) -> Ended:
        capsys.readouterr()
        code = run_cli(list(words))
        said = capsys.readouterr()
        for key in cloud.keys.values():
            assert key.secret not in said.out + said.err
        return Ended(code, said.out, said.err)

    return call
