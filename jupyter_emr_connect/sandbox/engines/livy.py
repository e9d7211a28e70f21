"""Starts a real Apache Livy server for one cluster."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.layout import SCALA, SPARK, Installation
from jupyter_emr_connect.sandbox.engines.process import Engine, EngineSpec, minimal_environment
from jupyter_emr_connect.sandbox.engines.spark import (
    LAUNCHER_FLAGS,
    properties,
    spark_defaults,
    spark_environment,
    write_spark_conf,
)
from jupyter_emr_connect.sandbox.engines.storage import with_s3

LISTENING = re.compile(r"Starting server on http://[^\s:]+:(\d+)")
# Java 17 needs exactly these two, on the server only (measured; without them sessions die or orphan their driver).
OPENS = ("java.lang.invoke", "java.util.concurrent.atomic")
SERVER_FLAGS = (
    # Outputs of 10 MB pass through; the heap is given back afterwards.
    *("-Xms32m", "-Xmx192m", "-XX:MinHeapFreeRatio=10", "-XX:MaxHeapFreeRatio=25"),
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxMetaspaceSize=96m",
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
)
# What `livy_start.py` makes: archives of classes, and a home of Spark whose `spark-submit --version` starts no Java.
BASE_ARCHIVE, SERVER_ARCHIVE, LAUNCHER_ARCHIVE = "java.jsa", "livy.jsa", "launcher.jsa"
SPARK_HOME = "spark-home"
# A year and more: Livy opens a new request log each day (GMT).
LOG_DAYS = 400
# Livy up to 0.8 logs through Log4j 1, later through Log4j 2; without a configuration neither says its port.
# Nothing but warnings and the port: at INFO Livy logs the superuser's name.
LOG4J = """log4j.rootCategory=WARN, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{HH:mm:ss} %p %c{1}: %m%n
log4j.logger.org.apache.livy.server.WebServer=INFO
"""
LOG4J2 = """rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n
logger.web.name = org.apache.livy.server.WebServer
logger.web.level = info
"""


def livy_conf(address: str, superuser: str) -> dict[str, str]:
    """Return livy.conf: Livy's own checks between users, who come as ``doAs`` from the front door (reference 13)."""
    simple = "livy.server.auth.simple"
    return {
        "livy.server.host": address,
        "livy.server.port": "0",
        "livy.server.request-log-retain.days": "0",
        "livy.spark.master": "local[2]",
        "livy.spark.deploy-mode": "client",
        "livy.spark.version": SPARK,
        "livy.spark.scala-version": SCALA,
        "livy.repl.enable-hive-context": "false",
        "livy.rsc.rpc.server.address": address,
        "livy.rsc.launcher.address": address,
        "livy.rsc.launcher.port.range": "10000~10200",
        "livy.impersonation.enabled": "true",
        "livy.server.access-control.enabled": "true",
        # user.name is a mere claim: who makes another one is refused whatever he asks, also under a role's user name.
        "livy.server.access-control.allowed-users": superuser,
        "livy.superusers": superuser,
        "livy.server.auth.type": "simple",
        f"{simple}.class": "org.apache.hadoop.security.authentication.server.AuthenticationFilter",
        f"{simple}.param.type": "simple",
        f"{simple}.param.simple.anonymous.allowed": "false",
    }


async def start_livy(
    installation: Installation,
    *,
    address: str,
    workdir: Path,
    superuser: str,
    on_exit: Callable[[Engine], None] | None = None,
) -> Engine:
    """Start Livy on a free port of ``address``; called by a cluster's front door at first use.

    Requests must carry ``user.name=<superuser>`` and ``doAs=<role's user>``. The name is as good as a password; Livy
    reads it from its stdin. Raises SandboxStartError.
    """
    conf, spark_conf = write_configuration(installation, workdir, address)
    spec = EngineSpec(
        name="livy",
        command=(str(installation.java), *_java_arguments(installation, workdir, conf, address)),
        workdir=workdir,
        environment=server_environment(installation, workdir, conf, spark_conf, address),
        address=address,
        listening=LISTENING,
        probe=f"/version?user.name={superuser}",
        stdin=properties(livy_conf(address, superuser) | spark_home_setting(installation)),
    )
    engine = Engine(spec, on_exit=on_exit)
    await engine.start()
    return engine


def write_configuration(installation: Installation, workdir: Path, address: str) -> tuple[Path, Path]:
    """Write what of the configuration is no secret; return LIVY_CONF_DIR and SPARK_CONF_DIR."""
    conf, spark_conf, logs = workdir / "livy-conf", workdir / "spark-conf", workdir / "livy-logs"
    for folder in (conf, logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_spark_conf(spark_conf, with_s3(spark_defaults(address, installation, workdir / "tmp"), installation))
    (conf / "log4j.properties").write_text(LOG4J, encoding="utf-8")
    (conf / "log4j2.properties").write_text(LOG4J2, encoding="utf-8")
    _link(conf / "livy.conf", "/dev/stdin")
    # Livy's request log cannot be switched off and would hold user.name in every line.
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    for day in range(LOG_DAYS):
        _link(logs / f"{yesterday + timedelta(days=day):%Y_%m_%d}.request.log", os.devnull)
    return conf, spark_conf


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def server_arguments(workdir: Path, classpath: str) -> list[str]:
    """Return what every Java gets that runs Livy's server, also the one whose classes are archived."""
    opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENS]
    # Livy passes its sessions' RPC secrets in a temporary file.
    own = [*SERVER_FLAGS, f"-Djava.io.tmpdir={workdir / 'tmp'}"]
    return [*own, *opens, "-cp", classpath, "org.apache.livy.server.LivyServer"]


def _java_arguments(installation: Installation, workdir: Path, conf: Path, address: str) -> list[str]:
    agent = f"-javaagent:{installation.livy_agent}={address}"
    classpath = f"{installation.livy_home}/jars/*:{conf}"
    return [*archive_flags(installation, SERVER_ARCHIVE), agent, *server_arguments(workdir, classpath)]


def archive_flags(installation: Installation, archive: str) -> list[str]:
    """Return what makes Java use an archive of ``livy_start.py``, or nothing where there is none."""
    folder = installation.livy_start
    if folder is None or not (folder / archive).exists():
        return []
    quiet = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off")
    return [f"-XX:SharedArchiveFile={folder / BASE_ARCHIVE}:{folder / archive}", *quiet]


def spark_home_setting(installation: Installation) -> dict[str, str]:
    """Return the line of livy.conf that names the home of ``livy_start.py``; nothing where there is none."""
    folder = installation.livy_start
    if folder is None or not (folder / SPARK_HOME).exists():
        return {}
    return {"livy.server.spark-home": str(folder / SPARK_HOME)}


def server_environment(
    installation: Installation, workdir: Path, conf: Path, spark_conf: Path, address: str
) -> dict[str, str]:
    """Return Livy's environment; the drivers of its sessions inherit it."""
    own = {
        "LIVY_HOME": str(installation.livy_home),
        "LIVY_CONF_DIR": str(conf),
        "LIVY_LOG_DIR": str(workdir / "livy-logs"),
    }
    spark = spark_environment(installation, spark_conf, workdir / "tmp", address)
    if archive := archive_flags(installation, LAUNCHER_ARCHIVE):
        spark["SPARK_LAUNCHER_OPTS"] = " ".join([LAUNCHER_FLAGS, *archive])
    return minimal_environment(workdir) | own | spark
