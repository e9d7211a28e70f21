"""The traits of ``EMRConnect``, the only configuration of ours; AWS settings come from the ordinary AWS chain."""

from __future__ import annotations

from pathlib import Path

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from traitlets import Bool, Dict, Enum, Float, Integer, List, Unicode, Union, default
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

CONFIG_FILES = ("jupyter_config", "jupyter_server_config", "jupyter_emr_connect_config")


class EMRConnect(Configurable):
    """Settings shared by the server extension, the kernel provisioner, the magic and ``jupyter emr``."""

    gateway_port = Integer(18888, help="Port of Jupyter Enterprise Gateway on a cluster's primary node.").tag(
        config=True
    )
    profile = Unicode("", help="AWS profile; empty means the AWS chain's own choice (AWS_PROFILE).").tag(config=True)
    profiles = List(
        Unicode(), help="AWS profiles to list computes through, one after the other; empty means `profile` alone."
    ).tag(config=True)
    regions = List(Unicode(), help="AWS regions to list computes in; empty means the AWS chain's region alone.").tag(
        config=True
    )
    runtime_roles = List(
        Union([Unicode(), Dict()]),
        help="Runtime roles offered to users, in this order: an ARN or a pattern of ARNs (arn:aws:iam::123456789012:"
        "role/EMR*, looked up by iam:ListRoles), or {'arn': ARN or pattern, 'compute': pattern of ids, names or ARNs, "
        "'kind': 'ec2', 'eks' or 'serverless'} to offer it on some computes only.",
    ).tag(config=True)
    discover_roles = Bool(
        True,
        help="Offer also the roles of the account whose trust policy admits the compute, where the caller may call "
        "iam:ListRoles.",
    ).tag(config=True)
    most_role_checks = Integer(
        25, min=0, help="Calls to IAM at most for one list of runtime roles; what was answered is kept for 5 minutes."
    ).tag(config=True)
    access_roles = List(
        Union([Unicode(), Dict()]),
        help="Access roles assumed to call EMR in other accounts: an ARN, or {'arn', 'external_id', 'session_name', "
        "'session_tags': {}, 'via': the access role assumed before it (an ARN or such settings), 'profile', "
        "'regions': []}.",
    ).tag(config=True)
    studio_subnets = List(
        Unicode(),
        help="Subnets whose clusters notebooks may attach to, as an EMR Studio names its own; empty means all.",
    ).tag(config=True)
    check_reach = Bool(
        True,
        help="Show a compute as not attachable when its address is surely out of reach from here. Switch it off where "
        "gateways are reached in a way that the resolver and the routing table do not know.",
    ).tag(config=True)
    certificate_authorities = Dict(
        Unicode(),
        Unicode(),
        help="PEM file of the private CA to trust for a compute: {compute id or name, or '*': path}. "
        "It is added to the system's CAs for that compute alone.",
    ).tag(config=True)
    allow_plain_http = Bool(
        False,
        help="Send a cluster's user name and password over plain HTTP to hosts other than loopback. "
        "Anyone on the network path can then read them.",
    ).tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a gateway to answer a connection.").tag(config=True)
    credentials_timeout = Float(
        30.0, help="Seconds to wait until a cluster honours new credentials (they need time to spread)."
    ).tag(config=True)
    launch_timeout = Float(120.0, help="Seconds to wait for the gateway to start a kernel.").tag(config=True)
    ready_timeout = Float(60.0, help="Seconds to wait for a started kernel to answer.").tag(config=True)
    reconnect_hours = Float(
        24.0, help="Hours for which a lost connection to a gateway is tried again before its kernel is given up."
    ).tag(config=True)
    cancel_spark_jobs = Bool(
        True,
        help="Let a small helper in kernels for Spark see to it that interrupting a cell stops its Spark job too.",
    ).tag(config=True)
    journal_megabytes = Integer(
        32,
        min=0,
        help="Megabytes of its own output that a kernel on a gateway keeps in memory, so that what a broken connection "
        "lost can be had again; 0 installs nothing in the kernel.",
    ).tag(config=True)
    renew_before = Float(
        300.0, help="Renew credentials this many seconds before they expire (at most half their life)."
    ).tag(config=True)
    endpoint_token_seconds = Integer(
        3600,
        min=900,
        max=43200,
        help="Seconds that a token for an EMR on EKS endpoint shall be good for (AWS allows 900 to 43200).",
    ).tag(config=True)
    on_server_exit = Enum(
        ("detach", "shutdown"),
        "detach",
        help="What becomes of gateway kernels when their Jupyter server ends: 'detach' leaves them running, and the "
        "next server goes on with them; 'shutdown' deletes them. A kernel that its user shuts down is always deleted.",
    ).tag(config=True)
    recording_megabytes = Integer(
        256,
        min=0,
        help="What may be kept on disk of one kernel's output until its notebook has it, in MB; 0 records nothing.",
    ).tag(config=True)
    state_file = Unicode(
        help="SQLite file with attachments and the ledger of gateway kernels; created with mode 0600."
    ).tag(config=True)

    @default("state_file")
    def _default_state_file(self) -> str:
        return str(Path(jupyter_data_dir()) / "emr-connect" / "state.sqlite")


def load_config() -> Config:
    """Return the merged Jupyter configuration files, for the faces that run outside a Jupyter server.

    Reads ``jupyter_config``, ``jupyter_server_config`` and ``jupyter_emr_connect_config`` (``.json`` and ``.py``) along
    Jupyter's configuration path, the user's last, so that one setting serves the server, the CLI and headless runs.
    """
    merged = Config()
    for folder in reversed(jupyter_config_path()):
        for name in CONFIG_FILES:
            for loader in (
                JSONFileConfigLoader(f"{name}.json", path=folder),
                PyFileConfigLoader(f"{name}.py", path=folder),
            ):
                try:
                    merged.merge(loader.load_config())
                except ConfigFileNotFound:
                    continue
    return merged
