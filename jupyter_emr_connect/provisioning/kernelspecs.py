"""Which of a gateway's kernelspecs stands behind one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# A Spark kernel by its name: `pyspark_kubernetes`, `spark_scala_kubernetes`, `my-spark-py`; Toree is Spark's Scala.
SPARK = re.compile(r"spark|toree", re.IGNORECASE)
# The plain one of a language, where there are several: `python_kubernetes` rather than `python_tf_kubernetes`.
PLAIN = re.compile(
    r"(py)?[-_]?(spark)?[-_]?(python|py|scala|r)?[-_]?[\d.]*[-_]?(kubernetes|k8s|kernel)?", re.IGNORECASE
)


def choose(offered: Mapping[str, str], candidates: Sequence[str], language: str, *, spark: bool) -> str | None:
    """Return the gateway's kernelspec for ours, or None when it has none.

    ``offered`` is name to language. The first candidate that is offered wins. Else, for gateways that name theirs in
    their own way (those of EMR on EKS are not documented, reference 2.2), the only one of this language that is (or is
    not) a Spark kernel by its name; of several the only one whose name says nothing beyond that. Two are no answer.
    """
    for name in candidates:
        if name in offered:
            return name
    alike = [
        name
        for name, its_language in offered.items()
        if its_language.lower() == language.lower() and bool(SPARK.search(name)) is spark
    ]
    for some in (alike, [name for name in alike if PLAIN.fullmatch(name)]):
        if len(some) == 1:
            return some[0]
    return None
