"""``identity``: who this server is to AWS, and changing the profile it acts with."""

from __future__ import annotations

from functools import partial

from jupyter_server.auth.decorator import authorized
from tornado.web import authenticated

from ...errors import AWSUnavailable, EMRConnectError, RequestError
from ...executors import AWS, FILES, import_in_thread, run_in
from .base import AWS_DEADLINE_S, EMRHandler
from .error_responses import status_of


class IdentityHandler(EMRHandler):
    """GET tells; PUT and POST change the profile without a restart."""

    deadline_s = AWS_DEADLINE_S
    late_error = AWSUnavailable

    @authenticated
    @authorized
    async def get(self) -> None:
        """Answer with the caller, the profiles there are and the SSO session; also where it fails with the profiles."""
        await import_in_thread("services.credentials.identity")
        from ...services.credentials.identity import describe_self, profiles_or_none

        try:
            caller = await self.while_wanted(run_in(AWS, describe_self, self.services.config))
        except EMRConnectError as error:
            profiles = await self.in_time(run_in(FILES, profiles_or_none))
            self.log_exception(type(error), error, None)
            self.answer({**error.to_json(), "profiles": profiles}, status_of(error, 500))
        else:
            self.answer(caller.to_json())

    @authenticated
    @authorized
    async def put(self) -> None:
        """Act as ``profile`` from now on; null gives the choice back to the AWS chain."""
        await self._change()

    @authenticated
    @authorized
    async def post(self) -> None:
        """Do as PUT does."""
        await self._change()

    async def _change(self) -> None:
        await import_in_thread("services.credentials.identity")
        from ...services.credentials.identity import change_profile

        sent = self.fields(optional=("profile",))
        if "profile" not in sent:
            message = "The body lacks the field 'profile'."
            raise RequestError(message, fix="Send the name of an AWS profile, or null for the AWS chain's choice.")
        profile, former = sent["profile"], self.services.config.profile
        tell = partial(self.services.audit.identity, former_profile=former, user=self.user_name)
        try:
            changed = await self.in_time(run_in(AWS, change_profile, self.services.config, profile))
        except EMRConnectError as error:
            tell("refused", profile, refusal=error)
            raise
        tell("change", profile)
        self.services.catalogues.close()
        self.answer(changed.to_json())
