"""The operations on EMR's security configurations, which ``world.security`` stores."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ...world.security import StoredSecurityConfiguration
from ..service import Call, Handler
from .clusters import page, reject


def describe_security_configuration(call: Call) -> dict[str, Any]:
    """Answer DescribeSecurityConfiguration; the configuration is a JSON text inside the JSON answer."""
    name = call.params["Name"]
    found = call.aws.world.security.get((call.account, call.region), name)
    if found is None:
        reject(f"Security configuration with name '{name}' does not exist.")
    return {"Name": found.name, "SecurityConfiguration": found.document, "CreationDateTime": found.created_at}


def list_security_configurations(call: Call) -> dict[str, Any]:
    """Answer ListSecurityConfigurations."""
    shown, marker = page(call.aws.world.security.of((call.account, call.region)), call)
    rows = [{"Name": each.name, "CreationDateTime": each.created_at} for each in shown]
    return {"SecurityConfigurations": rows, **marker}


def create_security_configuration(call: Call) -> dict[str, Any]:
    """Answer CreateSecurityConfiguration; only that the text is a JSON object is checked."""
    name, document = call.params["Name"], call.params["SecurityConfiguration"]
    try:
        valid = isinstance(json.loads(document), dict)
    except ValueError:
        valid = False
    if not valid:
        reject("The security configuration is not a JSON object.")
    made = StoredSecurityConfiguration(name, document, datetime.fromtimestamp(call.now, timezone.utc))
    if not call.aws.world.security.put((call.account, call.region), made):
        reject(f"Security configuration with name '{name}' already exists.")
    return {"Name": name, "CreationDateTime": made.created_at}


def delete_security_configuration(call: Call) -> dict[str, Any]:
    """Answer DeleteSecurityConfiguration."""
    name = call.params["Name"]
    if not call.aws.world.security.remove((call.account, call.region), name):
        reject(f"Security configuration with name '{name}' does not exist.")
    return {}


HANDLERS: Mapping[str, Handler] = {
    "DescribeSecurityConfiguration": describe_security_configuration,
    "ListSecurityConfigurations": list_security_configurations,
    "CreateSecurityConfiguration": create_security_configuration,
    "DeleteSecurityConfiguration": delete_security_configuration,
}
