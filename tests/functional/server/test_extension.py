"""The server extension loads, costs little, and takes ``EMRConnect`` settings from the server's command line."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}},
        "EMRConnect": {"gateway_port": 12345},
    }


async def test_it_loads_and_has_the_servers_settings(jp_serverapp):
    assert "jupyter_emr_connect" in jp_serverapp.extension_manager.extensions
    assert jp_serverapp.web_app.settings["emr_connect"].gateway_port == 12345


async def test_settings_may_stand_on_the_servers_command_line(jp_configurable_serverapp):
    extensions = {"ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}}}
    app = jp_configurable_serverapp(config=extensions, argv=["--EMRConnect.gateway_port=777"])
    assert app.web_app.settings["emr_connect"].gateway_port == 777


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--EMRConnect.regions=['us-east-1','eu-west-1']"], ["us-east-1", "eu-west-1"]),
        (["--EMRConnect.regions=('us-east-1', 'eu-west-1')"], ["us-east-1", "eu-west-1"]),
        (["--EMRConnect.regions=us-east-1", "--EMRConnect.regions=eu-west-1"], ["us-east-1", "eu-west-1"]),
        (["--EMRConnect.regions=us-east-1"], ["us-east-1"]),
        (["--EMRConnect.profiles=['team, old']"], ["team, old"]),
        (["--EMRConnect.studio_subnets=['subnet-1', 'subnet-2']"], ["subnet-1", "subnet-2"]),
        (["--EMRConnect.runtime_roles=[{'arn': 'a', 'kind': 'ec2'}, 'b']"], [{"arn": "a", "kind": "ec2"}, "b"]),
        (["--EMRConnect.access_roles={'arn': 'a'}", "--EMRConnect.access_roles=b"], [{"arn": "a"}, "b"]),
        (["--EMRConnect.allow_plain_http=['one', 'two']"], ["one", "two"]),
        (["--EMRConnect.allow_plain_http=one"], ["one"]),
        (["--EMRConnect.allow_plain_http=True"], True),
        (["--EMRConnect.certificate_authorities={'one': 'a.pem', '*': 'b.pem'}"], {"one": "a.pem", "*": "b.pem"}),
    ],
)
async def test_lists_may_be_given_in_each_form_that_jupyters_own_take(jp_configurable_serverapp, argv, expected):
    extensions = {"ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}}}
    app = jp_configurable_serverapp(config=extensions, argv=argv)
    name = argv[0].split("=")[0].removeprefix("--EMRConnect.")
    assert getattr(app.web_app.settings["emr_connect"], name) == expected


async def test_settings_may_stand_in_our_own_file(jp_configurable_serverapp, jp_config_dir):
    settings = {"EMRConnect": {"gateway_port": 778, "journal_megabytes": 8}}
    (jp_config_dir / "jupyter_emr_connect_config.json").write_text(json.dumps(settings))
    extensions = {"ServerApp": {"jpserver_extensions": {"jupyter_emr_connect": True}}}
    app = jp_configurable_serverapp(config=extensions, argv=["--EMRConnect.journal_megabytes=1"])
    found = app.web_app.settings["emr_connect"]
    assert (found.gateway_port, found.journal_megabytes) == (778, 1)


@pytest.mark.slow
def test_its_import_brings_neither_boto3_nor_the_gateways_client_nor_what_kernels_alone_need():
    ours = ("aws.session", "gateway.channels.zmq_channels", "services.recording.recording")
    unwanted = ["boto3", "botocore", "aiohttp", "papermill", "rich", *(f"jupyter_emr_connect.{name}" for name in ours)]
    code = (
        "import sys, jupyter_emr_connect as package; package._jupyter_server_extension_points(); "
        f"print([name for name in {unwanted} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert shown.stdout.strip() == "[]"


def test_windows_is_refused_at_the_import_in_one_sentence():
    code = "import sys; sys.platform = 'win32'; import jupyter_emr_connect"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert shown.returncode == 1
    assert "not on Windows. Install it in WSL" in shown.stderr.strip().splitlines()[-1]
