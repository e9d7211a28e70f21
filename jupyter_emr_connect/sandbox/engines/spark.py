"""What every Spark of the sandbox is told: to stay small, and on its compute's own address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jupyter_emr_connect.sandbox.engines.class_archive import JAVA_ARCHIVE, jvm_flags
from jupyter_emr_connect.sandbox.engines.layout import Installation

# Livy's server connects back to a driver at the address it sees the driver come from, which for any loopback
# destination is this one.
RPC_ADDRESS = "127.0.0.1"
# For the Java that `spark-submit` runs before the driver's, to put its command together.
LAUNCHER_FLAGS = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData"
DRIVER_FLAGS = (
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xss2m -Djava.net.preferIPv4Stack=true"
    # Else Java takes 1/64 of the machine's memory at once; these save 80 MB of resident memory (measured). A smaller
    # -Xms saves no more, and Java collects the whole heap each time that it grows.
    " -Xms96m -XX:NewSize=32m -XX:MaxNewSize=64m -XX:MinHeapFreeRatio=10 -XX:MaxHeapFreeRatio=25"
)


def spark_defaults(address: str, installation: Installation, scratch: Path) -> dict[str, str]:
    """Return spark-defaults.conf: small, on the compute's address only, its temporary files in ``scratch``."""
    agent = f"-javaagent:{installation.livy_agent}={RPC_ADDRESS}"
    options = f"{DRIVER_FLAGS} -Djava.io.tmpdir={scratch} {agent}"
    if archive := jvm_flags(installation.class_archive):
        options += f" {archive}"
    return {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.driver.host": address,
        "spark.driver.bindAddress": address,
        # A session that sets extraJavaOptions of its own keeps these.
        "spark.driver.defaultJavaOptions": options,
        # They come first then, as the archive of their classes asks for: before the folder with this file.
        "spark.driver.extraClassPath": f"{installation.spark_home}/jars/*",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.catalogImplementation": "in-memory",
    }


def spark_environment(installation: Installation, spark_conf: Path, scratch: Path, address: str) -> dict[str, str]:
    """Return the variables by which Spark finds itself, its Java and Python, and its configuration."""
    launcher = LAUNCHER_FLAGS
    if jvm_flags(installation.class_archive):
        launcher += f" -XX:SharedArchiveFile={installation.class_archive / JAVA_ARCHIVE} -Xlog:cds=off"
    return {
        "SPARK_HOME": str(installation.spark_home),
        "SPARK_CONF_DIR": str(spark_conf),
        "SPARK_LOCAL_IP": address,
        "SPARK_LOCAL_DIRS": str(scratch),
        "PYSPARK_PYTHON": str(installation.spark_python),
        "PYSPARK_DRIVER_PYTHON": str(installation.spark_python),
        "JAVA_HOME": str(installation.java_home),
        "SPARK_LAUNCHER_OPTS": launcher,
    }


def write_spark_conf(folder: Path, values: Mapping[str, str]) -> None:
    """Write ``spark-defaults.conf`` into ``folder``, which becomes ``SPARK_CONF_DIR``; called before Spark starts."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "spark-defaults.conf").write_bytes(properties(values))


def properties(values: Mapping[str, str]) -> bytes:
    """Return settings as the lines that Spark and Livy read."""
    return "".join(f"{name} {value}\n" for name, value in values.items()).encode()
