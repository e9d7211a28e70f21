"""Fetches jars of Livy and of Hadoop's S3 with the Apache Ivy that Spark brings; Ivy knows Maven Central by itself."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

from jupyter_emr_connect.errors import SandboxInstallError
from jupyter_emr_connect.sandbox.engines.failures import tool_failure
from jupyter_emr_connect.sandbox.engines.layout import SCALA
from jupyter_emr_connect.sandbox.engines.network import java_network_arguments
from jupyter_emr_connect.sandbox.engines.recipes import JARS_LIST, S3_JARS_LIST

LIVY_TITLE, S3_TITLE = "Livy", "S3 for Spark"
MIRROR_VARIABLE = "EMR_CONNECT_MAVEN"


@dataclass(frozen=True)
class Jar:
    """A jar by its Maven coordinates; ``rsc`` ones are also sent to the sessions' drivers."""

    group: str
    artifact: str
    version: str
    sha256: str
    rsc: bool

    @property
    def file_name(self) -> str:
        """The name of the jar's file in ``jars/``."""
        return f"{self.artifact}-{self.version}.jar"


def livy_jars() -> list[Jar]:
    """Return the list of Livy's jars that comes with this package."""
    return _listed(JARS_LIST)


def s3_jars() -> list[Jar]:
    """Return the jars by which Spark reads and writes S3: Hadoop's, and those parts of AWS's SDK that it needs.

    Hadoop names the whole SDK as one jar (``aws-java-sdk-bundle``, 280 MB); these are 6.5 MB.
    """
    return _listed(S3_JARS_LIST)


def _listed(path: Path) -> list[Jar]:
    return [Jar(**entry) for entry in json.loads(path.read_text("utf-8"))]


def fetch_jars(java: Path, spark_home: Path, jars: list[Jar], target: Path, title: str = LIVY_TITLE) -> None:
    """Make ``jars/`` and ``rsc-jars/`` in ``target``; each jar's sha256 is checked.

    ``title`` names them in errors. Raises SandboxInstallError.
    """
    work = target / "ivy"
    work.mkdir(parents=True)
    (work / "settings.xml").write_text(_settings(work / "cache"), encoding="utf-8")
    (work / "ivy.xml").write_text(_module(jars), encoding="utf-8")
    classpath = os.pathsep.join(str(jar) for jar in sorted((spark_home / "jars").glob("ivy-*.jar")))
    ivy = ["-settings", str(work / "settings.xml"), "-ivy", str(work / "ivy.xml"), "-confs", "default"]
    ivy += ["-retrieve", f"{target}/jars/[artifact]-[revision].[ext]", "-types", "jar", "bundle", "-warn"]
    arguments = ["-Xmx256m", "-XX:TieredStopAtLevel=1", *java_network_arguments(work), "-cp", classpath]
    output = _run_java(java, [*arguments, "org.apache.ivy.Main", *ivy])
    check_jars(jars, target / "jars", output, title)
    (target / "rsc-jars").mkdir()
    for jar in jars:
        if jar.rsc:
            os.link(target / "jars" / jar.file_name, target / "rsc-jars" / jar.file_name)
    shutil.rmtree(work)


def check_jars(jars: list[Jar], folder: Path, output: str, title: str = LIVY_TITLE) -> None:
    """Raise SandboxInstallError when a jar is missing (``output`` says why) or is not the released file."""
    for jar in jars:
        path = folder / jar.file_name
        if not path.exists():
            raise tool_failure(title, output or f"{jar.file_name} was not fetched")
        if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
            message = f"{title} could not be installed: {jar.file_name} is not the released file (checksum mismatch)."
            raise SandboxInstallError(
                message,
                fix="Run the command again; if it stays, a proxy or a mirror alters files.",
            )


def _run_java(java: Path, arguments: list[str]) -> str:
    """Run Java with its arguments in an anonymous file: a proxy's password must not be seen in the process list."""
    descriptor = os.memfd_create("java-arguments")
    try:
        quoted = ('"' + argument.replace("\\", "\\\\").replace('"', '\\"') + '"' for argument in arguments)
        os.write(descriptor, "\n".join(quoted).encode())
        done = subprocess.run(
            [str(java), f"@/proc/self/fd/{descriptor}"],
            pass_fds=[descriptor],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    finally:
        os.close(descriptor)
    return done.stdout


def _settings(cache: Path) -> str:
    mirror = os.environ.get(MIRROR_VARIABLE)
    root = f" root={quoteattr(mirror)}" if mirror else ""
    return (
        f'<ivysettings><settings defaultResolver="central"/><caches defaultCacheDir={quoteattr(str(cache))}/>'
        f'<resolvers><ibiblio name="central"{root} m2compatible="true" usepoms="false" useMavenMetadata="false" '
        'checksums=""/></resolvers></ivysettings>'
    )


def _module(jars: list[Jar]) -> str:
    rows = "".join(
        f"<dependency org={quoteattr(jar.group)} name={quoteattr(jar.artifact)} rev={quoteattr(jar.version)} "
        'transitive="false" conf="default->default"/>'
        for jar in jars
    )
    return (
        '<ivy-module version="2.0"><info organisation="emr-connect" module="livy"/>'
        f'<configurations><conf name="default"/></configurations><dependencies>{rows}</dependencies></ivy-module>'
    )


def link_jars(jars: Path, home: Path) -> None:
    """Fill ``home`` with hard links to the fetched jars; they take no more space."""
    for folder in ("jars", "rsc-jars"):
        (home / folder).mkdir()
        for jar in (jars / folder).iterdir():
            os.link(jar, home / folder / jar.name)
    (home / f"repl_{SCALA}-jars").mkdir()
