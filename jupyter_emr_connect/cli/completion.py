"""Shell completion: the code for the shell, and what is completed."""

from __future__ import annotations

import click


def profiles(incomplete: str) -> list[str]:
    """Return the AWS profiles that begin with ``incomplete``."""
    import botocore.session

    return [name for name in botocore.session.Session().available_profiles if name.startswith(incomplete)]


def computes(context: click.Context, incomplete: str) -> list[str]:
    """Return ids and names of active clusters that begin with ``incomplete`` (asks AWS)."""
    from ..aws.emr import list_clusters
    from ..errors import EMRConnectError
    from .options import Face

    face = Face(False, context.params.get("profile"), context.params.get("region"))
    try:
        rows = list(list_clusters(face.session()))
    except EMRConnectError:
        return []
    return [text for row in rows for text in (row.name, row.id) if text.startswith(incomplete)]


def roles(context: click.Context, incomplete: str) -> list[str]:
    """Return the runtime roles configured or used before that begin with ``incomplete``."""
    from ..errors import EMRConnectError
    from ..services.roles import list_roles
    from .options import Face

    try:
        offered = list_roles(Face(False, None, None).config)
    except EMRConnectError:
        return []
    return [role.arn for role in offered if role.arn.startswith(incomplete)]
