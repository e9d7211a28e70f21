"""Compiles Livy's interpreter driver and the loopback agent; the installation of the engines calls this once.

No JDK is needed: Spark's jars hold the Scala compiler that Spark itself was built with, and it runs on the JRE.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from jupyter_emr_connect.errors import SandboxInstallError

HERE = Path(__file__).parent
TIMEOUT = 300.0
"""Seconds that a compiler run may take; it takes 5 to 10 on two cores."""

_COMPILER = "scala.tools.nsc.Main"
_AGENT_MANIFEST = "Manifest-Version: 1.0\nPremain-Class: jupyter_emr_connect.agent.LoopbackAgent\n"


def compile_driver(java: Path, spark_home: Path, livy_rsc_jars: list[Path], out: Path) -> Path:
    """Write the driver's jar to ``out`` and return it: our classes and the Python child ``livy_child``.

    ``java`` is the JRE's program (17), ``spark_home`` the folder of pip's pyspark, ``livy_rsc_jars`` what stands in
    Livy's ``rsc-jars``. The jar belongs into Livy's ``repl_2.12-jars``. Raises ``SandboxInstallError``.
    """
    sources = sorted((HERE / "driver").glob("*.scala"))
    extra = {f"livy_child/{file.name}": file.read_text("utf-8") for file in sorted((HERE / "child").glob("*.py"))}
    return _build(java, spark_home, sources, livy_rsc_jars, extra, out)


def compile_agent(java: Path, spark_home: Path, out: Path) -> Path:
    """Write the agent's jar to ``out`` and return it; see ``agent/LoopbackAgent.scala``.

    The Livy server takes it as ``-javaagent:<jar>=<its address>``, a session's driver as ``-javaagent:<jar>=127.0.0.1``
    (in ``spark.driver.defaultJavaOptions``, which sessions leave alone). Raises ``SandboxInstallError``.
    """
    sources = sorted((HERE / "agent").glob("*.scala"))
    return _build(java, spark_home, sources, [], {"META-INF/MANIFEST.MF": _AGENT_MANIFEST}, out)


def _build(
    java: Path, spark_home: Path, sources: list[Path], jars: Iterable[Path], extra: dict[str, str], out: Path
) -> Path:
    """Compile beside ``out`` and rename, so that ``out`` is whole or not there."""
    libraries = sorted((spark_home / "jars").glob("*.jar"))
    if not any(jar.name.startswith("scala-compiler-2.12") for jar in libraries):
        message = f"Spark in {spark_home} has no Scala 2.12 compiler, which Livy's driver is built with."
        raise SandboxInstallError(
            message,
            fix="Delete that folder and run `jupyter emr sandbox up` again, so that Spark is installed anew.",
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".compile-") as folder:
            raw = Path(folder) / "classes.jar"
            _scalac(java, libraries, [*libraries, *jars], sources, raw)
            whole = Path(folder) / "whole.jar"
            _assemble(raw, extra, whole)
            whole.replace(out)
    except OSError as error:
        message = f"Livy's driver could not be built at {out}: {error.strerror or error}."
        raise SandboxInstallError(
            message,
            fix="Make room there and check that you may write, then run `jupyter emr sandbox up` again.",
        ) from error
    return out


def _scalac(java: Path, compiler: list[Path], classpath: list[Path], sources: list[Path], out: Path) -> None:
    options = ["-nobootcp", "-deprecation", "-encoding", "UTF-8", "-classpath", _path(classpath), "-d", str(out)]
    arguments = out.with_suffix(".args")
    arguments.write_text("\n".join(f'"{word}"' for word in [*options, *map(str, sources)]), "utf-8")
    command = [str(java), "-Xss4m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    try:
        done = subprocess.run(
            [*command, "-cp", _path(compiler), _COMPILER, f"@{arguments}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT,
            check=False,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        message = f"There is no Java at {java}."
        raise SandboxInstallError(
            message,
            fix="Run `jupyter emr sandbox up` again; it installs its own.",
        ) from error
    except subprocess.TimeoutExpired as error:
        message = f"Building Livy's driver took longer than {TIMEOUT:.0f} seconds."
        raise SandboxInstallError(
            message,
            fix="Run `jupyter emr sandbox up` again when the machine is less busy.",
        ) from error
    if done.returncode or not out.exists():
        message = f"Livy's driver could not be compiled: {_cause(done.stdout)}"
        raise SandboxInstallError(
            message,
            fix="Java 17 and Spark 3.5 with Scala 2.12 are needed; `jupyter emr sandbox up` installs both.",
        )


def _cause(text: str) -> str:
    """Return the compiler's first error, or else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "exception" in line.lower()]
    return (errors or lines[-1:] or ["the compiler said nothing"])[0][:300]


def _path(jars: Iterable[Path]) -> str:
    return os.pathsep.join(map(str, jars))


def _assemble(raw: Path, extra: dict[str, str], out: Path) -> None:
    with zipfile.ZipFile(raw) as classes, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as jar:
        for name in sorted(set(classes.namelist()) - set(extra)):
            jar.writestr(name, classes.read(name))
        for name, text in extra.items():
            jar.writestr(name, text)
