"""The runtime roles a user may take on a compute, and what is missing for those that fail.

``listing`` gathers the roles, ``rules`` reads the administrator's, ``inquiry`` asks IAM within a budget,
``requirements`` says what each kind of compute needs of the caller, ``trust`` reads a role's trust policy.
"""

from .answer_cache import forget_checks
from .listing import RoleList, list_roles, named_roles, objection, offered_roles, role_arn, single_role

__all__ = [
    "RoleList",
    "forget_checks",
    "list_roles",
    "named_roles",
    "objection",
    "offered_roles",
    "role_arn",
    "single_role",
]
