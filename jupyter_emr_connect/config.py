"""The traits of ``EMRConnect``, the only configuration of ours; AWS settings come from the ordinary AWS chain."""

from __future__ import annotations

import ast
import logging
import threading
import traceback
from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from traitlets import Bool, Dict, Enum, Float, Integer, List, TraitError, Unicode, Union, default
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from .errors import ConfigurationError

CONFIG_FILES = ("jupyter_config", "jupyter_server_config", "jupyter_emr_connect_config")
SETTINGS_ATTRIBUTE = "emr_connect_settings"  # of a server's kernel manager: the server's own settings
log = logging.getLogger(__name__)


class ListSetting(List[Any]):
    """A list that the command line may give in each form that Jupyter's own lists take.

    These are ``--EMRConnect.regions=eu-west-1``, the same several times, and a literal such as
    ``"['eu-west-1', 'us-east-1']"``. traitlets (5.16) cannot read the last for a list whose items are checked, where it
    does not know the class beforehand, as a Jupyter server does not know those of its extensions: it takes the text for
    the one item.
    """

    def from_string(self, s: str) -> list[Any]:
        """Return the list that a text stands for; raises ``TraitError`` for a literal that cannot be read."""
        if not s.strip().startswith(("[", "(", "{")):
            return [self.item_from_string(s)]
        try:
            value = ast.literal_eval(s.strip())
        except (ValueError, SyntaxError) as error:
            message = f"EMRConnect.{self.name}: {s!r} is no list in Python's form, such as ['one', 'two']."
            raise TraitError(message) from error
        return list(value) if isinstance(value, list | tuple) else [value]

    def from_string_list(self, s_list: list[str]) -> list[Any]:
        """Return the list that the values of a repeated option stand for."""
        return [item for text in s_list for item in self.from_string(text)]

    def validate_elements(self, obj: Any, value: Any) -> list[Any] | None:
        """Check the items, once they belong to an object; traitlets' unions ask before, and fail at its own check."""
        checked: list[Any] | None = value if obj is None else super().validate_elements(obj, value)
        return checked

    def set(self, obj: Any, value: Any) -> None:
        """Take a list, or a text as the command line gives it; called by traitlets."""
        super().set(obj, self.from_string(value) if isinstance(value, str) else value)


class EMRConnect(Configurable):
    """Settings shared by the server extension, the kernel provisioner, the magic and ``jupyter emr``."""

    gateway_port = Integer(18888, help="Port of Jupyter Enterprise Gateway on a cluster's primary node.").tag(
        config=True
    )
    profile = Unicode("", help="AWS profile; empty means the AWS chain's own choice (AWS_PROFILE).").tag(config=True)
    profiles = ListSetting(
        Unicode(), help="AWS profiles to list computes through, one after the other; empty means `profile` alone."
    ).tag(config=True)
    regions = ListSetting(
        Unicode(), help="AWS regions to list computes in; empty means the AWS chain's region alone."
    ).tag(config=True)
    runtime_roles = ListSetting(
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
    access_roles = ListSetting(
        Union([Unicode(), Dict()]),
        help="Access roles assumed to call EMR in other accounts: an ARN, or {'arn', 'external_id', 'session_name', "
        "'session_tags': {}, 'via': the access role assumed before it (an ARN or such settings), 'profile', "
        "'regions': []}.",
    ).tag(config=True)
    studio_subnets = ListSetting(
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
    routes = Dict(
        Unicode(),
        Unicode(),
        help="Where the hosts of gateways and Livy servers are to be reached in truth, e.g. the mouth of an SSH or SSM "
        "tunnel: {'host or pattern[:port]': 'host:port'}. The host's own name stays for TLS and signatures, as with "
        "curl's --connect-to; a host that is named by its address cannot be routed. EMR_CONNECT_ROUTES adds to it: "
        "'pattern=host:port,pattern=host:port'.",
    ).tag(config=True)
    allow_plain_http = Union(
        [Bool(), ListSetting(Unicode())],
        default_value=False,
        help="Speak plain HTTP to a cluster's gateway where TLS does not come about, and send the user name and "
        "password over it: True for all, or a list of computes by id or name. Anyone on the network path can then read "
        "and change what passes. Without it plain HTTP is for clusters alone that have no in-transit encryption by "
        "AWS's word, no CA in `certificate_authorities`, and have never answered over TLS; secrets are not sent.",
    ).tag(config=True)
    livy_endpoints = Dict(
        Dict(),
        Unicode(),
        help="Livy servers that AWS does not list, such as EMR on EKS' by Helm chart: {name: {'url': 'https://…', "
        "'auth': 'none', 'basic' (a user name and password, as for LDAP), 'kerberos' or 'endpoint' (the token of a "
        "managed endpoint, with 'endpoint': '<virtual cluster>/<endpoint>' and perhaps 'execution_role', 'profile', "
        "'region')}}. They are computes of kind eks with the id livy/<name>.",
    ).tag(config=True)
    livy_secrets = Dict(
        Unicode(),
        Unicode(),
        help="Secret of AWS Secrets Manager with the user name and password for a compute's Livy that asks for them "
        "(LDAP): {compute id or name, or '*': name or ARN of the secret}. Its text is JSON, "
        '{"username": "…", "password": "…"}. Without one users are asked.',
    ).tag(config=True)
    session_settings = Dict(
        Dict(),
        Unicode(),
        help="What Spark sessions on Livy are created with unless a notebook's %%configure says otherwise: {compute id "
        "or name, or '*' for all: the JSON of Livy's POST /sessions, such as {'driverMemory': '2g', 'conf': {…}}}. "
        "The more exact goes before '*', the user's settings before these, those of 'conf' one by one.",
    ).tag(config=True)
    connect_timeout = Float(10.0, help="Seconds to wait for a gateway to answer a connection.").tag(config=True)
    credentials_timeout = Float(
        30.0, help="Seconds to wait until a cluster honours new credentials (they need time to spread)."
    ).tag(config=True)
    launch_timeout = Float(120.0, help="Seconds to wait for the gateway to start a kernel.").tag(config=True)
    ready_timeout = Float(60.0, help="Seconds to wait for a started kernel to answer.").tag(config=True)
    session_timeout = Float(
        600.0, help="Seconds to wait for a Spark session on Livy to start (and an application before it)."
    ).tag(config=True)
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
    low_latency = Bool(
        True,
        help="Serve kernels' WebSockets without delay (TCP_NODELAY), those of gateway kernels without ZeroMQ between. "
        "False leaves other kernels to Jupyter's own class, and gateway kernels to it but for the recorder's watch.",
    ).tag(config=True)
    absent_tab_megabytes = Integer(
        256,
        min=0,
        help="What may wait in the temporary folder (TMPDIR) of one kernel's output for one browser tab that is away "
        "or reads nothing, in MB. What is more is missing in that tab, which says so, and not in the recording.",
    ).tag(config=True)
    backup_location = Unicode(
        "",
        help="Where notebooks are kept in S3: s3://bucket/prefix; {user} in it is the caller's session or user name. "
        "Empty keeps none. Objects stay when it is changed or emptied.",
    ).tag(config=True)
    backup_locations = Dict(
        Unicode(),
        Unicode(),
        help="Folders with a place of their own in S3, relative to the server's folder: {'work/team': "
        "'s3://other/prefix'}; an empty place keeps no backups of a folder. Keys stay relative to the server's folder.",
    ).tag(config=True)
    backup_files = Enum(
        ("none", "attached", "all"),
        "attached",
        help="Which other files than notebooks have backups: small text files (1 MB) of the folders attached to a "
        "compute, all files, or none.",
    ).tag(config=True)
    backup_exclude = ListSetting(
        Unicode(),
        help="Patterns of names or paths, relative to the server's folder, that have no backup: 'scratch', '*.csv'. "
        "Hidden files and checkpoints never have one.",
    ).tag(config=True)
    backup_pause = Float(
        60.0,
        min=0,
        help="Seconds at least between two uploads of one file; what is saved meanwhile goes with the later one.",
    ).tag(config=True)
    backup_trash_days = Integer(
        30,
        min=0,
        help="Days for which a deleted file's last backup stays in the trash (.emr-connect/trash under the prefix) of "
        "a bucket that keeps no versions; 0 keeps it for good.",
    ).tag(config=True)
    backup_profile = Unicode("", help="AWS profile for backups; empty means `profile`.").tag(config=True)
    backup_access_role = Unicode("", help="ARN of the IAM role assumed to write backups; empty means none.").tag(
        config=True
    )
    backup_encryption = Enum(
        ("", "AES256", "aws:kms", "aws:kms:dsse"),
        "",
        help="Server-side encryption asked for with each backup; empty leaves it to the bucket.",
    ).tag(config=True)
    backup_kms_key = Unicode("", help="Id, ARN or alias of the KMS key for backups.").tag(config=True)
    backup_bucket_key = Bool(False, help="Ask for an S3 Bucket Key with each backup (fewer calls to KMS).").tag(
        config=True
    )
    backup_strip_outputs = Bool(False, help="Leave outputs and execution counts out of notebooks' backups.").tag(
        config=True
    )
    backup_redact = ListSetting(
        Unicode(),
        help="Regular expressions of secrets; what matches in a notebook is '[removed]' in its backup.",
    ).tag(config=True)
    offer_sandbox = Bool(
        True,
        help="Let the panel start the sandbox where its extra is installed, and this server use it in place of AWS.",
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
    They are executed once per process, and again only when one of them has changed. One of Jupyter's own that fails is
    left out with a warning that names it, since it may be meant for a server alone; raises ``ConfigurationError`` for
    ours.
    """
    found = _config_files()
    with _loading:
        if _loaded.get("files") != found:
            _loaded["config"] = _merge_files([path for path, *_ in found])
            _loaded["files"] = found
        config: Config = deepcopy(_loaded["config"])
        return config


_loading = threading.Lock()
_loaded: dict[str, Any] = {}


def _config_files() -> list[tuple[Path, int, int]]:
    """Return the files that there are, the more important later, each with its time and size."""
    found = []
    for folder in reversed(jupyter_config_path()):
        for name in CONFIG_FILES:
            for path in (Path(folder, f"{name}.json"), Path(folder, f"{name}.py")):
                with suppress(OSError):
                    status = path.stat()
                    found.append((path, status.st_mtime_ns, status.st_size))
    return found


def _merge_files(paths: Iterable[Path]) -> Config:
    merged = Config()
    for path in paths:
        loader = JSONFileConfigLoader if path.suffix == ".json" else PyFileConfigLoader
        try:
            merged.merge(loader(path.name, path=str(path.parent)).load_config())
        except ConfigFileNotFound:
            continue
        except (Exception, SystemExit) as error:  # it is the user's code, and may raise anything
            message = f"The configuration file {path} fails{_line_in(error, path)}: {type(error).__name__}: {error}."
            if path.stem == CONFIG_FILES[-1]:
                raise ConfigurationError(message, fix="Correct the file.") from error
            log.warning("%s None of its settings is used.", message)
    return merged


def _line_in(error: BaseException, path: Path) -> str:
    """Return where in a configuration file an error was raised."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" in line {lines[-1]}" if lines else ""
