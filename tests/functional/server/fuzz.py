"""Requests that schemathesis makes from ``openapi.yaml``, sent to a server and held against the description."""

from __future__ import annotations

from collections import Counter
from itertools import count
from urllib.parse import urlencode

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from tests.functional.server.specification import specification

LONGEST_URL = 60_000  # at 64 KiB tornado hangs up, before anything of ours is asked
EXAMPLES = {GenerationMode.POSITIVE: 6, GenerationMode.NEGATIVE: 12}  # of each operation; good ones go on to AWS


class Fuzz:
    """One session at the server; ``seen`` counts the answers by status."""

    def __init__(self, url: str, token: str) -> None:
        self.schema = schemathesis.openapi.from_dict(specification())
        self.schema.config.update(base_url=url)
        self.url = url
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"token {token}"
        self.seen: Counter[int] = Counter()

    def attach(self) -> str:
        """Make an attachment as a user does; returns its id."""
        sent = {"compute": "open", "path": "work/report.ipynb"}
        answer = self.http.post(f"{self.url}/attachments", json=sent, timeout=30)
        self.seen[answer.status_code] += 1
        return answer.json()["id"]

    def send(self, case) -> None:
        """Send a case and hold the answer against the description."""
        if len(urlencode(case.query or {}, doseq=True)) > LONGEST_URL:
            return
        response = case.call(session=self.http)
        self.seen[response.status_code] += 1
        case.validate_response(
            response, checks=[not_a_server_error, status_code_conformance, response_schema_conformance]
        )

    def run(self, operation, mode) -> None:
        """Send cases of an operation; those with an id ask for one that exists every other time."""
        numbers = count()
        known = self.attach() if operation.path.startswith("/attachments/") else ""

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES[mode],
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def run(case):
            if known and next(numbers) % 2:
                case.path_parameters["id"] = known
            self.send(case)

        run()

    def run_all(self) -> None:
        """Send good and bad cases of every operation."""
        for result in self.schema.get_all_operations():
            operation = result.ok()
            takes = operation.body or operation.query  # a path parameter is always text, so it cannot be wrong
            for mode in GenerationMode:
                if takes or mode is GenerationMode.POSITIVE:
                    self.run(operation, mode)
