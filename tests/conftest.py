"""Fixtures for all tests: no test reaches the developer's AWS account; a sandbox; the order of tests."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_core.paths import jupyter_data_dir

from tests.commands import run_command
from tests.free_ports import KernelPorts
from tests.sandbox.soak import Soak, figures_of

pytest_plugins = ["pytest_jupyter.jupyter_server"]

ENGINES = Path(jupyter_data_dir()) / "emr-connect" / "engines"
TESTS = Path(__file__).parent
ORDER = ("browser", "sandbox", "functional", "unit")


def clean_environment() -> dict[str, str]:
    """Return this process's environment without anything of AWS or Jupyter."""
    foreign = ("AWS_", "JUPYTER_", "EMR_CONNECT_", "JPY_", "COLUMNS", "LINES")  # the last two are pytest-xdist's
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    binaries = str(Path(sys.executable).parent)
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    return kept | nowhere | {"AWS_EC2_METADATA_DISABLED": "true", "PATH": f"{binaries}:{kept.get('PATH', '')}"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--livy-home``, which `make livy` gives, and ``--soak`` and ``--seed``, of `make soak`."""
    text = "run the sandboxes of the tests with this full Apache Livy distribution"
    parser.addoption("--livy-home", type=Path, metavar="DIR", help=text)
    parser.addoption("--soak", action="store_true", help="run the tests of faults in full length")
    parser.addoption("--seed", type=int, help="repeat the random instants of an earlier run")


def pytest_configure() -> None:
    """Collect garbage less often, and let Ctrl-C reach the processes of tests, also where a shell kept it from this."""
    gc.set_threshold(5000, 20, 20)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of the tests of faults."""
    for text in figures_of(terminalreporter.stats):
        terminalreporter.write_line(f"- {text}")


@pytest.fixture
def soak(request: pytest.FixtureRequest) -> Soak:
    """The length of a test of faults, and its dice."""
    return Soak(request.node)


@pytest.fixture(scope="session")
def livy_home(pytestconfig: pytest.Config) -> Path | None:
    """The full Apache Livy distribution to test with, or None for the sandbox's own."""
    home: Path | None = pytestconfig.getoption("--livy-home")
    return home


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long tests first, and keep those of a file with engines in one process: they share what is expensive.

    Not those of faults, which share nothing but the sandbox and mostly wait, nor those that name a group themselves.
    """
    items.sort(key=lambda item: ORDER.index(item.path.relative_to(TESTS).parts[0]))  # short ones fill what is left
    for item in items:
        alone = item.get_closest_marker("faults") or item.get_closest_marker("xdist_group")
        if item.get_closest_marker("sandbox") and not alone:
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Stop where pytest-xdist does not see which tests belong together: it says nothing then, and spreads them."""
    lost = (item for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid)
    if getattr(session.config.option, "loadgroup", False) and (item := next(lost, None)):
        message = f"{item.nodeid} is not kept with its group: pytest-xdist does not go with this pytest"
        raise pytest.UsageError(message)
    gc.collect()
    gc.freeze()  # modules and tests stay to the end; looking through them took a sixth of the run


@pytest.fixture(autouse=True, scope="session")
def kernel_ports() -> None:
    """Keep the kernels of tests that run side by side apart."""
    KernelPorts.instance()


@pytest.fixture(autouse=True)
def no_local_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the developer's own profiles and credentials."""
    for key in [key for key in os.environ if key.startswith(("AWS_", "EMR_CONNECT_"))]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@dataclass
class Sandbox:
    """A running sandbox as a user has it: through ``jupyter emr`` and an environment."""

    name: str
    env: dict[str, str]
    status: dict[str, Any] = field(default_factory=dict)

    def cli(self, *words: str, timeout: float = 240, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run ``jupyter-emr`` with these words; ``extra`` adds to the environment."""
        return run_command(words, self.env | extra, timeout)

    def json(self, *words: str, **extra: str) -> Any:
        """Run ``jupyter-emr`` with ``--json`` and return its answer; fails when the command does."""
        done = self.cli(*words, "--json", **extra)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def fault(self, *words: str) -> None:
        """Switch a fault: ``fault("throttle", "--rate", "0.5")``."""
        done = self.cli("sandbox", "fault", *words, "--name", self.name)
        assert done.returncode == 0, done.stdout + done.stderr

    def compute(self, name: str) -> dict[str, Any]:
        """Return a compute's JSON by its name."""
        return next(row for row in self.status["computes"] if row["name"] == name)


# Takes the sandbox down when its standard input ends: with the fixture, or with pytest however that ends.
KEEPER = 'read -r _; exec jupyter-emr sandbox down --name "$0"'


@contextmanager
def running_sandbox(folder: Path, name: str, *words: str) -> Iterator[Sandbox]:
    """Run a sandbox with a data folder of its own that shares the installed engines; ``words`` are options of `up`."""
    data = folder / "data"
    (data / "emr-connect").mkdir(parents=True)
    ENGINES.mkdir(parents=True, exist_ok=True)
    (data / "emr-connect" / "engines").symlink_to(ENGINES)
    home = {"JUPYTER_DATA_DIR": data, "JUPYTER_RUNTIME_DIR": folder / "run", "IPYTHONDIR": folder / "ipython"}
    env = clean_environment() | {key: str(value) for key, value in home.items()}
    quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["sh", "-c", KEEPER, name], env=env, start_new_session=True, **quiet) as keeper:
        sandbox = Sandbox(name, env)
        up = sandbox.cli("sandbox", "up", "--name", name, "--json", *words, timeout=900)
        assert up.returncode == 0, up.stdout + up.stderr
        sandbox.status = json.loads(up.stdout)
        sandbox.env = env | sandbox.json("sandbox", "env", "--name", name)
        yield sandbox
        keeper.communicate(timeout=60)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, livy_home: Path | None) -> Iterator[Sandbox]:
    """The sandbox of this process of pytest's; tests that break things set faults and take them back."""
    words = ("--livy-home", str(livy_home)) if livy_home else ()
    with running_sandbox(tmp_path_factory.mktemp("sandbox"), f"test-{os.getpid()}", *words) as running:
        yield running
