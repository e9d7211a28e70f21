"""What a Spark session of the sandbox is told of its data: where ``s3://`` leads, and whether it has a Hive catalog.

``s3://`` is Hadoop's own file system for S3 (S3A) on the emulated S3; EMR's (EMRFS) is in no registry. Source of the
settings: "Hadoop-AWS module" (Hadoop 3.3.4).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_emr_connect.sandbox.engines.layout import Installation

PREFIX = "spark.hadoop.fs.s3a."
"""What the names of all settings begin with that hold credentials."""
CATALOG, HIVE_SWITCH = "spark.sql.catalogImplementation", "spark.repl.enableHiveContext"
"""The setting by which a session asks for a Hive catalog, and the one by which its driver hears of it.

Livy's server overwrites the first in each session (``InteractiveSession`` of Livy 0.7); ``HiveCatalog.scala`` reads the
second.
"""
_CLASSPATH = "spark.driver.extraClassPath"
_SCHEMES = ("s3", "s3n")


def with_s3(defaults: Mapping[str, str], installation: Installation) -> dict[str, str]:
    """Return spark-defaults.conf with the jars for S3 behind Spark's own, as the archive of its classes asks for."""
    return {**defaults, _CLASSPATH: f"{defaults[_CLASSPATH]}:{installation.s3_jars}/*"}


def s3_settings(endpoint_url: str, region: str, key: str, secret: str, token: str) -> dict[str, str]:
    """Return a session's own settings: where S3 is, and the credentials of its role."""
    own = {
        "endpoint": endpoint_url,
        "endpoint.region": region,
        "path.style.access": "true",
        "connection.ssl.enabled": str(endpoint_url.startswith("https:")).lower(),
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
        "access.key": key,
        "secret.key": secret,
        "session.token": token,
    }
    settings = {PREFIX + name: value for name, value in own.items()}
    for scheme in _SCHEMES:
        settings[f"spark.hadoop.fs.{scheme}.impl"] = "org.apache.hadoop.fs.s3a.S3AFileSystem"
        settings[f"spark.hadoop.fs.AbstractFileSystem.{scheme}.impl"] = "org.apache.hadoop.fs.s3a.S3A"
    return settings


def hand_to_kernel(home: Path, kernel_id: str, storage: Mapping[str, str]) -> None:
    """Write the settings of :func:`s3_settings` where ``pyspark_launcher.py`` reads them for one kernel.

    ``home`` is the kernels' home folder. Called by an endpoint's front door before it passes on a start.
    """
    path = home / "storage" / f"{kernel_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    spare = path.with_suffix(".new")
    with os.fdopen(os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(dict(storage), file)
    spare.replace(path)


def session_conf(wanted: Mapping[str, Any], storage: Mapping[str, str]) -> dict[str, Any]:
    """Return the ``conf`` of a new session: ``storage`` (of :func:`s3_settings`), and over it what the user wants."""
    conf: dict[str, Any] = {**storage, **wanted}
    if str(wanted.get(CATALOG, "")).lower() == "hive":
        conf.setdefault(HIVE_SWITCH, "true")
    return conf


def without_keys(view: Mapping[str, Any]) -> dict[str, Any]:
    """Return a session's view without its settings for S3, which hold keys (Livy 0.8 tells a session's ``conf``)."""
    conf = view.get("conf")
    if not isinstance(conf, dict):
        return dict(view)
    return {**view, "conf": {name: value for name, value in conf.items() if not name.startswith(PREFIX)}}
