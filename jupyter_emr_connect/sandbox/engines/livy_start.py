"""Makes what lets Livy's server start faster, once, at the installation of the engines.

Two archives of classes as of ``class_archive.py``: of Livy's server, and of the Java by which ``spark-submit`` puts the
command of a driver together. And a home of Spark for Livy, which runs ``spark-submit --version`` at each of its starts:
Spark starts Java twice for the answer, here it is the text that Spark gave at installation.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.livy import (
    BASE_ARCHIVE,
    LAUNCHER_ARCHIVE,
    LISTENING,
    SERVER_ARCHIVE,
    SERVER_FLAGS,
    SPARK_HOME,
    livy_conf,
    server_arguments,
    server_environment,
    write_configuration,
)
from jupyter_emr_connect.sandbox.engines.process import minimal_environment
from jupyter_emr_connect.sandbox.engines.spark import LAUNCHER_FLAGS, properties

ADDRESS = "127.0.0.1"
SUPERUSER = "installation"
TIMEOUT_S = 120.0
"""For each of the steps; they take 1 to 5 s on two cores."""
# What a client asks first; the session is refused before anything is started for it.
REQUESTS = (
    ("GET", "/version", ""),
    ("GET", "/sessions", ""),
    ("GET", "/sessions/0", ""),
    ("GET", "/batches", ""),
    ("POST", "/sessions", '{"kind": "none"}'),
)
SUBMIT = """#!/bin/sh
# Livy asks for the version at each start of its server.
if [ "$*" = --version ]; then exec cat "${0%/*}/../version.txt" >&2; fi
exec "$SPARK_HOME/bin/spark-submit" "$@"
"""


def make_livy_start(installation: Installation, target: Path) -> None:
    """Put the archives and the home into ``target``; called by the installation when Java, Spark and Livy are there.

    Where Java makes no archive, as another vendor's may not, there is none in ``target``: it starts more slowly then.
    Raises OSError where the file system fails.
    """
    work = target / "work"
    (work / "tmp").mkdir(parents=True)
    java, base = str(installation.java), target / BASE_ARCHIVE
    _run([java, *SERVER_FLAGS, f"-XX:SharedArchiveFile={base}", "-Xshare:dump"], work)
    if base.exists():
        recorded = [java, f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={target / SERVER_ARCHIVE}"]
        _record_server(recorded, installation, work)
        recorded = [java, f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={target / LAUNCHER_ARCHIVE}"]
        _record_launcher(recorded, installation, work)
    _make_spark_home(installation, work, target / SPARK_HOME)
    shutil.rmtree(work, ignore_errors=True)


def _record_server(java: Sequence[str], installation: Installation, work: Path) -> None:
    """Run Livy's server for some requests. Without the loopback agent, with which Java makes no archive.

    It opens no port beyond its own before the first session, so that all is on loopback nevertheless.
    """
    conf, spark_conf = write_configuration(installation, work, ADDRESS)
    (conf / "livy.conf").unlink()
    (conf / "livy.conf").write_bytes(properties(livy_conf(ADDRESS, SUPERUSER)))
    # The archive fits where the classpath begins as here; the folder of the configuration comes after it.
    classpath = f"{installation.livy_home}/jars/*"
    logging = f"-Dlog4j.configuration=file:{conf / 'log4j.properties'}"
    command = [*java, logging, *server_arguments(work, classpath)]
    environment = server_environment(installation, work, conf, spark_conf, ADDRESS)
    log = work / "livy.log"
    with log.open("wb") as output, _started(command, work, environment, output.fileno()) as server:
        try:
            if port := _await_port(server, log):
                _ask(port)
            server.terminate()
            server.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            _end(server)


def _await_port(server: subprocess.Popen[bytes], log: Path) -> int:
    """Return the port that the server names in its log; 0 when it ends before, or takes too long."""
    deadline = time.monotonic() + TIMEOUT_S
    while server.poll() is None and time.monotonic() < deadline:
        if named := LISTENING.search(log.read_text("utf-8", errors="replace")):
            return int(named[1])
        time.sleep(0.1)
    return 0


def _ask(port: int) -> None:
    with suppress(OSError, http.client.HTTPException):
        for method, path, body in REQUESTS:
            connection = http.client.HTTPConnection(ADDRESS, port, timeout=TIMEOUT_S)
            headers = {"X-Requested-By": SUPERUSER, "Content-Type": "application/json"}
            connection.request(method, f"{path}?user.name={SUPERUSER}&doAs=somebody", body or None, headers)
            connection.getresponse().read()
            connection.close()


def _record_launcher(java: Sequence[str], installation: Installation, work: Path) -> None:
    """Let Spark's launcher put together the command of a driver, as ``spark-class`` asks for it."""
    submit = ("org.apache.spark.deploy.SparkSubmit", "--conf", "spark.app.name=any", "--class", "Any", "spark-internal")
    classpath = f"{installation.spark_home}/jars/*"
    main = ("-cp", classpath, "org.apache.spark.launcher.Main", *submit)
    home = {"SPARK_HOME": str(installation.spark_home), "JAVA_HOME": str(installation.java_home)}
    spark = {**home, "SPARK_CONF_DIR": str(work / "spark-conf")}
    _run([*java, *LAUNCHER_FLAGS.split(), "-Xmx128m", *main], work, minimal_environment(work) | spark)


def _make_spark_home(installation: Installation, work: Path, home: Path) -> None:
    """Make what Livy looks for in Spark's home; nothing is left where Spark does not tell its version."""
    environment = server_environment(installation, work, work / "livy-conf", work / "spark-conf", ADDRESS)
    version = home / "version.txt"
    (home / "bin").mkdir(parents=True)
    with version.open("wb") as output:
        code = _run([f"{installation.spark_home}/bin/spark-submit", "--version"], work, environment, output.fileno())
    if code != 0 or b"version" not in version.read_bytes():
        shutil.rmtree(home)
        return
    for folder in ("jars", "python"):
        (home / folder).symlink_to(installation.spark_home / folder)
    (home / "bin" / "spark-submit").write_text(SUBMIT, encoding="utf-8")
    (home / "bin" / "spark-submit").chmod(0o755)


def _run(
    command: Sequence[str],
    work: Path,
    environment: Mapping[str, str] | None = None,
    output: int = subprocess.DEVNULL,
) -> int | None:
    """Return the exit code of a command, or None when it takes too long; nothing of it is left."""
    with _started(command, work, environment or minimal_environment(work), output) as process:
        try:
            return process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _started(
    command: Sequence[str], work: Path, environment: Mapping[str, str], output: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
