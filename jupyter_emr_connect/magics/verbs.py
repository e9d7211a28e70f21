"""The verbs of ``%emr``: how each is called, what it does, and which options it takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

KINDS = {"python": "pyspark", "scala": "spark", "r": "sparkr"}
"""The kind of a Livy session by the language that a user names."""


@dataclass(frozen=True)
class Verb:
    """One verb of ``%emr``: its arguments as shown, what it does, and which options it takes."""

    usage: str
    summary: str
    options: Callable[[argparse.ArgumentParser], object]


def _caller(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile")
    parser.add_argument("--region")


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--kind", action="append", default=[])
    parser.add_argument("--state", action="append", default=[])
    parser.add_argument("-q", "--search", default="")
    parser.add_argument("--sort")
    _caller(parser)


def _compute(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("compute")
    _caller(parser)


def _roles(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("compute", nargs="?")
    parser.add_argument("--explain", metavar="ROLE")
    _caller(parser)


def _attach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("compute")
    parser.add_argument("--role", "--runtime-role", dest="role")
    parser.add_argument("--transport", choices=("auto", "livy"), default="auto")
    parser.add_argument("--as", dest="name", metavar="NAME", default="spark")
    parser.add_argument("--lang", choices=tuple(KINDS), default="python")
    _caller(parser)


def _kernel_attach(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("compute")
    parser.add_argument("--role", "--runtime-role", dest="role")
    parser.add_argument("--transport", choices=("auto", "gateway", "livy"), default="auto")
    _caller(parser)


def _kernel_adopt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kernel")
    parser.add_argument("--force", action="store_true")


def _adopt(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kernel")
    parser.add_argument("--as", dest="name", metavar="NAME", default="spark")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", nargs="?")
    _caller(parser)


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?")


def _sessions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true")


def _none(parser: argparse.ArgumentParser) -> None:
    """Take no options."""


VERBS: dict[str, Verb] = {
    "list": Verb("[WORDS] [--kind K] [--state S] [--all]", "the computes; rows = %emr list keeps them", _list),
    "show": Verb("COMPUTE", "one compute with all its details", _compute),
    "roles": Verb("[COMPUTE] [--explain ROLE]", "the runtime roles you may take, or what one lacks", _roles),
    "attach": Verb(
        "COMPUTE [--role ROLE] [--as NAME] [--lang python|scala|r]",
        "a Spark session there, by Livy",
        _attach,
    ),
    "status": Verb("[PATH]", "who you are to AWS, and what is attached", _status),
    "detach": Verb("[NAME]", "end a Spark session of this notebook", _name),
    "sessions": Verb("[--all]", "the Spark sessions of this notebook, or all kernels", _sessions),
    "adopt": Verb("KERNEL [--as NAME]", "go on with a session whose process has ended; %emr sessions --all", _adopt),
    "restart": Verb("[NAME]", "end a session with its variables; the next cell starts another", _name),
    "ui": Verb("[NAME]", "where the session's Spark UI and driver log are", _name),
    "logs": Verb("[NAME]", "the end of the driver's log", _name),
    "help": Verb("", "this list", _none),
}

KERNEL_VERBS: dict[str, Verb] = {
    **VERBS,
    "attach": Verb(
        "COMPUTE [--role ROLE] [--transport gateway|livy]",
        "this notebook, from its kernel's restart on",
        _kernel_attach,
    ),
    "detach": Verb("", "end the attachment of this notebook; its kernel goes on until it is restarted", _none),
    "adopt": Verb("KERNEL [--force]", "let this notebook go on with a kernel that was left behind", _kernel_adopt),
}
"""The verbs in a kernel that runs on a compute itself, ``emr-pyspark`` and its like."""
