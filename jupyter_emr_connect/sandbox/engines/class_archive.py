"""Makes an archive of the classes that Java has read when Spark runs, so that a driver starts faster.

Java maps it into memory in place of reading, checking and linking ten thousand classes, and takes no notice of one that
does not fit (``-Xshare:auto``, the default). It fits where the classpath begins with the same jars in the same order,
and no folder with files in it (JDK 17's ``java`` manual, "Application Class-Data Sharing").
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.process import minimal_environment

JOB = Path(__file__).with_name("class_archive_job.py")
JAVA_ARCHIVE, SPARK_ARCHIVE = "java.jsa", "spark.jsa"
TIMEOUT = 300.0
"""Seconds that the job may take; it takes 20 to 30 on two cores."""


def jvm_flags(folder: Path) -> str:
    """Return what makes a driver use the archive in ``folder``, or nothing where none could be made."""
    if not (folder / SPARK_ARCHIVE).exists():
        return ""
    # Without the last two Java prints a warning when a session has a classpath of its own.
    return f"-XX:SharedArchiveFile={folder / JAVA_ARCHIVE}:{folder / SPARK_ARCHIVE} -Xlog:cds=off -Xlog:cds+dynamic=off"


def make_archive(java: Path, spark_home: Path, spark_python: Path, flags: str, target: Path) -> None:
    """Put the archives into ``target``; called once by the installation of the engines, when Java and Spark are there.

    ``flags`` are a driver's own: Java's memory layout must be the same. Where Java makes none, as another vendor's may
    not, ``target`` stays empty: drivers start more slowly then. Raises OSError where the file system fails.
    """
    work = target / "work"
    (work / "tmp").mkdir(parents=True)
    base, top = target / JAVA_ARCHIVE, target / SPARK_ARCHIVE
    _run([str(java), *flags.split(), f"-XX:SharedArchiveFile={base}", "-Xshare:dump"], work)
    options = f"{flags} -Djava.io.tmpdir={work / 'tmp'} -XX:SharedArchiveFile={base} -XX:ArchiveClassesAtExit={top}"
    submit = [str(spark_home / "bin" / "spark-submit"), "--master", "local[2]", "--driver-memory", "512m"]
    submit += ["--conf", "spark.ui.enabled=false", "--conf", "spark.sql.catalogImplementation=in-memory"]
    spark = {
        "JAVA_HOME": str(java.resolve().parent.parent),
        "SPARK_HOME": str(spark_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_DIRS": str(work / "tmp"),
        "PYSPARK_PYTHON": str(spark_python),
    }
    _run([*submit, "--driver-java-options", options, str(JOB)], work, spark)
    if not top.exists():
        base.unlink(missing_ok=True)
    shutil.rmtree(work, ignore_errors=True)


def _run(command: list[str], work: Path, variables: dict[str, str] | None = None) -> None:
    with subprocess.Popen(
        command,
        cwd=work,
        env=minimal_environment(work) | (variables or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            process.wait(TIMEOUT)
        except BaseException as error:
            os.killpg(process.pid, 9)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
