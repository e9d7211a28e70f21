"""Installs the engines once under the user's data folder; afterwards every start works offline.

``ensure_installed`` is called by ``sandbox up`` before anything starts. When all is there it costs some milliseconds:
no child process, no network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jupyter_emr_connect.sandbox.engines import recipes
from jupyter_emr_connect.sandbox.engines.failures import system_failure
from jupyter_emr_connect.sandbox.engines.layout import (
    GATEWAYS,
    LIVY,
    SPARK,
    SPARKMAGIC,
    Installation,
    check_livy_home,
    engines_root,
    venv_python,
)
from jupyter_emr_connect.sandbox.engines.recipes import Piece

Progress = Callable[[str, int, int], None]


def ensure_installed(
    progress: Progress,
    *,
    livy_home: Path | None = None,
    gateways: Sequence[str] = GATEWAYS[:1],
    root: Path | None = None,
) -> Installation:
    """Return the installation, first making what is missing.

    ``progress(stage, done, total)`` is called, from any thread, whenever a piece is begun or finished. ``livy_home`` is
    a full Apache Livy distribution to use instead of ours; ``gateways`` are the gateway versions wanted. Safe to call
    from several processes at once. Raises SandboxInstallError.
    """
    root = (root or engines_root()).resolve()
    livy_version = check_livy_home(livy_home) if livy_home else LIVY.partition("-")[0]
    pieces = plan(root, gateways, own_livy=livy_home is None)

    def installation() -> Installation:
        return _installation(root, pieces, gateways, livy_home or pieces["livy"].path, livy_version)

    missing = [piece for piece in pieces.values() if not piece.present()]
    if missing:
        # Only here, so that a warm start stays cheap.
        from jupyter_emr_connect.sandbox.engines.build import build_missing

        try:
            build_missing(root, pieces, progress, installation)
        except OSError as error:
            raise system_failure(error, root) from error
    return installation()


def plan(root: Path, gateways: Sequence[str], *, own_livy: bool) -> Mapping[str, Piece]:
    """Return every piece the installation needs, by name. Sizes are measured: download, build and result."""
    pieces = {
        "java": recipes.environment(root, "java", "Java 17", 120, "java-home/bin/java"),
        "spark": recipes.environment(root, "spark", f"Spark {SPARK}", 1650),
        "kernels": recipes.environment(root, "kernels", f"sparkmagic {SPARKMAGIC}", 300),
    }
    for version in gateways:
        if version in GATEWAYS:
            pieces[version] = recipes.environment(root, f"gateway-{version}", f"Enterprise Gateway {version}", 200)
    pieces["agent"] = recipes.agent(root)
    pieces["classes"] = recipes.class_archive(root)
    pieces["s3"] = recipes.s3_jars(root)
    if own_livy:
        pieces["jars"] = recipes.livy_jars(root)
        pieces["livy"] = recipes.livy_home(root)
        pieces["livy-start"] = recipes.livy_start(root)
    return pieces


def _installation(
    root: Path, pieces: Mapping[str, Piece], gateways: Sequence[str], livy_home: Path, livy_version: str
) -> Installation:
    spark_python = venv_python(pieces["spark"].path)
    installed = [version for version in gateways if version in pieces]
    versions = {"spark": SPARK, "livy": livy_version, "sparkmagic": SPARKMAGIC, "java": "17"}
    return Installation(
        root=root,
        java=Path(os.path.realpath(pieces["java"].path / "java-home")) / "bin" / "java",
        spark_home=_site_packages(pieces["spark"].path) / "pyspark",
        spark_python=spark_python,
        kernel_python=venv_python(pieces["kernels"].path),
        livy_home=livy_home.resolve(),
        livy_agent=pieces["agent"].path / recipes.AGENT_JAR,
        class_archive=pieces["classes"].path,
        s3_jars=pieces["s3"].path / "jars",
        livy_start=pieces["livy-start"].path if "livy-start" in pieces else None,
        gateways={version: venv_python(pieces[version].path) for version in installed},
        versions=versions | {"jupyter_enterprise_gateway": ", ".join(installed)},
    )


def _site_packages(environment: Path) -> Path:
    return next(environment.glob("lib/python3*/site-packages"))
