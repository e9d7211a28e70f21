"""What Livy and Spark are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.class_archive import JAVA_ARCHIVE, SPARK_ARCHIVE
from jupyter_emr_connect.sandbox.engines.layout import Installation
from jupyter_emr_connect.sandbox.engines.livy import (
    BASE_ARCHIVE,
    LAUNCHER_ARCHIVE,
    LISTENING,
    SERVER_ARCHIVE,
    SPARK_HOME,
    archive_flags,
    livy_conf,
    server_environment,
    spark_home_setting,
)
from jupyter_emr_connect.sandbox.engines.spark import spark_defaults, spark_environment

ENGINES = Path("/engines")
INSTALLED = Installation(
    root=ENGINES,
    java=ENGINES / "java",
    spark_home=ENGINES / "spark",
    spark_python=ENGINES / "python",
    kernel_python=ENGINES / "python",
    livy_home=ENGINES / "livy",
    livy_agent=ENGINES / "agent.jar",
    class_archive=ENGINES / "classes",
    s3_jars=ENGINES / "s3",
    livy_start=ENGINES / "livy-start",
    gateways={},
    versions={},
)


def test_livy_lets_nobody_in_but_the_front_door() -> None:
    conf = livy_conf("127.0.10.2", "door-1")
    assert conf["livy.superusers"] == conf["livy.server.access-control.allowed-users"] == "door-1"
    assert conf["livy.impersonation.enabled"] == conf["livy.server.access-control.enabled"] == "true"
    assert conf["livy.server.auth.simple.param.simple.anonymous.allowed"] == "false"


def test_everything_binds_to_the_clusters_address() -> None:
    conf = livy_conf("127.0.10.2", "door-1")
    spark = spark_defaults("127.0.10.2", INSTALLED, Path("/work/tmp"))
    keys = ("livy.server.host", "livy.rsc.rpc.server.address", "livy.rsc.launcher.address")
    assert {conf[key] for key in keys} == {"127.0.10.2"}
    assert spark["spark.driver.host"] == spark["spark.driver.bindAddress"] == "127.0.10.2"
    assert "-javaagent:/engines/agent.jar=127.0.0.1" in spark["spark.driver.defaultJavaOptions"]


def test_the_port_is_read_from_livys_own_words() -> None:
    line = "05:15:24 INFO WebServer: Starting server on http://127.0.40.2:40549"
    found = LISTENING.search(line)
    assert found is not None
    assert found[1] == "40549"


def test_without_an_archive_of_classes_drivers_start_as_ever() -> None:
    options = spark_defaults("127.0.10.2", INSTALLED, Path("/work/tmp"))["spark.driver.defaultJavaOptions"]
    launcher = spark_environment(INSTALLED, Path("/work/conf"), Path("/work/tmp"), "127.0.10.2")["SPARK_LAUNCHER_OPTS"]
    assert "SharedArchiveFile" not in options + launcher


def test_with_one_the_launcher_uses_what_is_javas(tmp_path: Path) -> None:
    (tmp_path / SPARK_ARCHIVE).touch()
    archived = replace(INSTALLED, class_archive=tmp_path)
    launcher = spark_environment(archived, Path("/work/conf"), Path("/work/tmp"), "127.0.10.2")["SPARK_LAUNCHER_OPTS"]
    assert f"-XX:SharedArchiveFile={tmp_path / JAVA_ARCHIVE} " in launcher


def test_livy_starts_from_what_the_installation_made_of_it(tmp_path: Path) -> None:
    def launcher(installed: Installation) -> str:
        folder = Path("/work")
        return server_environment(installed, folder, folder / "conf", folder, "127.0.10.2")["SPARK_LAUNCHER_OPTS"]

    for bare in (INSTALLED, replace(INSTALLED, livy_start=None)):
        assert (archive_flags(bare, SERVER_ARCHIVE), spark_home_setting(bare)) == ([], {})
        assert "SharedArchiveFile" not in launcher(bare)
    for name in (SERVER_ARCHIVE, LAUNCHER_ARCHIVE, SPARK_HOME):
        (tmp_path / name).touch()
    made = replace(INSTALLED, livy_start=tmp_path)
    archive = f"-XX:SharedArchiveFile={tmp_path / BASE_ARCHIVE}:{tmp_path}/"
    assert archive_flags(made, SERVER_ARCHIVE)[0] == archive + SERVER_ARCHIVE
    assert archive + LAUNCHER_ARCHIVE in launcher(made)
    assert spark_home_setting(made) == {"livy.server.spark-home": str(tmp_path / SPARK_HOME)}
