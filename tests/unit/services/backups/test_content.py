"""What is left out of a notebook's backup, and that all else stays byte for byte."""

from __future__ import annotations

import json
import re

import pytest

from jupyter_emr_connect.services.backups.content import Filter

PEM = "-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----\n"
SECRETS = Filter(
    secrets=[re.compile(r"-----BEGIN .*?-----END [A-Z ]+-----", re.DOTALL), re.compile(r"AKIA[A-Z0-9]{16}")]
)


def notebook_of(source: list[str], output: str = "printed") -> bytes:
    outputs = [{"output_type": "stream", "name": "stdout", "text": [output]}]
    cell = {"cell_type": "code", "execution_count": 3, "id": "a", "metadata": {}, "outputs": outputs, "source": source}
    content = {"cells": [cell], "metadata": {"tags": ["one", "two"]}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=3).encode()  # not as Jupyter would write it


@pytest.mark.parametrize("leave_out", [Filter(), SECRETS])
def test_what_has_nothing_to_leave_out_is_the_same_bytes(leave_out):
    content = notebook_of(["x = 1\n", "y = '\u2028'\n", ""])
    assert leave_out("a.ipynb", content) is content


def test_stripped_notebooks_have_no_outputs_and_no_counts():
    cell = json.loads(Filter(outputs=True)("a.ipynb", notebook_of(["x"])))["cells"][0]
    assert (cell["outputs"], cell["execution_count"], cell["source"]) == ([], None, ["x"])
    assert Filter(outputs=True)("a.ipynb", Filter(outputs=True)("a.ipynb", notebook_of(["x"]))) == Filter(outputs=True)(
        "a.ipynb", notebook_of(["x"])
    )


def test_a_secret_of_several_lines_goes_though_a_notebook_has_a_list_of_lines():
    content = notebook_of(["key = '''\n", *PEM.splitlines(keepends=True), "'''\n", "print(1)"])
    cell = json.loads(SECRETS("a.ipynb", content))["cells"][0]
    assert cell["source"] == ["key = '''\n", "[removed]\n", "'''\n", "print(1)"]


def test_secrets_go_from_outputs_metadata_and_what_is_no_notebook():
    content = notebook_of(["1"], "AKIAABCDEFGHIJKLMNOP").replace(b'"two"', b'"AKIAABCDEFGHIJKLMNOP"')
    assert b"AKIA" not in SECRETS("a.ipynb", content)
    assert SECRETS("a.ipynb", b"\xff AKIAABCDEFGHIJKLMNOP") == b"\xff [removed]"
    assert SECRETS("a.txt", b"AKIAABCDEFGHIJKLMNOP") == b"AKIAABCDEFGHIJKLMNOP"


@pytest.mark.parametrize(
    "secret",
    [
        "https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Security-Token=SECRET%2F&X-Amz-Signature=SECRET",
        "https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Signature=SECRET%3D&Expires=1",
        "https://p-1.emrappui-prod.us-east-1.amazonaws.com/shs?authToken=SECRET",
        "<a href='https://h/?x=1&amp;X-Amz-Signature=SECRET'>UI</a>",
    ],
)
def test_signatures_of_presigned_urls_are_never_in_a_backup(secret):
    sent = Filter()("a.ipynb", notebook_of(["x"], secret))
    assert b"SECRET" not in sent
    kept = json.loads(sent)["cells"][0]
    assert "=[removed]" in kept["outputs"][0]["text"][0]
    assert Filter()("a.ipynb", sent) is sent  # and no endless change


def test_a_notebook_nested_too_deep_is_sent_as_it_is():
    content = b"[" * 100_000 + b"?X-Amz-Signature=SECRET"
    assert Filter()("a.ipynb", content) == b"[" * 100_000 + b"?X-Amz-Signature=[removed]"
