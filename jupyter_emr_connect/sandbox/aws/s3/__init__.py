"""S3: moto keeps the objects; who may touch them, and what moto leaves out of S3's rules, is ours.

``permissions`` has IAM's questions, ``preconditions`` conditional requests, ``answers`` the limits and the answer of
one call, ``deletion`` the bulk delete, ``encryption`` server-side encryption, ``stored`` the way to moto's buckets.
"""

from __future__ import annotations

from ..service import Service
from . import answers, permissions

SERVICE = Service(
    name="s3",
    model="s3",
    prefix="s3",
    checks=permissions.checks,
    moto="s3",
    answer=answers.answer,
    anonymous=True,
)
