"""The AWS profiles of this machine, as botocore finds them in the shared configuration files, and EMR's regions."""

from __future__ import annotations


def known_profiles() -> dict[str, str | None]:
    """Return each profile with the name of its SSO session (None for those without); reads the files anew.

    A profile with the older form of SSO settings (``sso_start_url`` in itself) has no session name, so it is named by
    its start URL. Raises ``ConfigurationError`` where the files cannot be read as such.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError

    from .errors import AWSCall, translate

    try:
        found = botocore.session.Session().full_config["profiles"]
    except BotoCoreError as error:
        raise translate(error, AWSCall("sts", "GetCallerIdentity", "the AWS settings", "")) from error
    return {
        name: settings.get("sso_session") or settings.get("sso_start_url")
        for name, settings in found.items()
        # One file may serve as both: in that of the credentials `[profile x]` is then a name of its own.
        if name.removeprefix("profile ") == name or name.removeprefix("profile ") not in found
    }


def regions_with_emr() -> list[str]:
    """Return the regions of AWS's standard partition that have EMR, as botocore lists them; nothing is asked of AWS."""
    import botocore.session

    return list(botocore.session.Session().get_available_regions("emr"))
