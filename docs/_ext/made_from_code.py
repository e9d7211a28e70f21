"""Directives whose text is made from the code while the site is built: settings, commands, the REST API.

Each writes Markdown, which MyST reads at the place where the directive stands; so the pages cannot fall behind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import click
import yaml
from docutils import nodes
from jupyter_core.paths import jupyter_data_dir
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from jupyter_emr_connect.cli.main import cli
from jupyter_emr_connect.config import EMRConnect

METHODS = ("get", "put", "post", "patch", "delete")


class FromCode(SphinxDirective):
    """A directive that is replaced by the Markdown of :meth:`lines`."""

    def lines(self) -> Iterator[str]:
        """Return the Markdown, line by line."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Let MyST read the Markdown; called by Sphinx."""
        self.env.note_reread()  # the code may have changed, where the page has not
        return self.parse_text_to_nodes("\n".join(self.lines()), allow_section_headings=True)


class Settings(FromCode):
    """Every trait of ``EMRConnect`` with its type, default and help."""

    def lines(self) -> Iterator[str]:
        """Return one ``confval`` for each trait, in the order of the class."""
        settings = EMRConnect()
        traits = EMRConnect.class_own_traits(config=True)
        for name in filter(traits.__contains__, vars(EMRConnect)):
            trait = traits[name]
            default = getattr(settings, name)
            if isinstance(default, str):
                default = default.replace(jupyter_data_dir(), "<Jupyter's data folder>")
            yield from ("", f"````{{confval}} EMRConnect.{name}", "", trait.help, "")
            yield from (f"Type: {trait.info()}. Default: `{default!r}`", "````")


class Commands(FromCode):
    """The help of ``jupyter emr`` and of each of its commands, as a terminal of 80 columns shows it."""

    def lines(self) -> Iterator[str]:
        """Return a section for each command, those of a group below it."""
        return self._section(cli, "jupyter emr", None, 1)

    def _section(self, command: click.Command, name: str, parent: click.Context | None, depth: int) -> Iterator[str]:
        context = click.Context(command, parent=parent, info_name=name, terminal_width=80, **command.context_settings)
        path = context.command_path
        if parent:
            yield from ("", f"{'#' * depth} `{path}`")
        yield from ("", "```text", command.get_help(context), "```")
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found and not found.hidden:
                    yield from self._section(found, child, context, depth + 1)


class RestApi(FromCode):
    """Every route, parameter, body and answer of ``openapi.yaml``, and the schemas that they name."""

    def lines(self) -> Iterator[str]:
        """Return a section for each tag and route, and one for the schemas."""
        text = files("jupyter_emr_connect.server.routes").joinpath("openapi.yaml").read_text(encoding="utf-8")
        self.api: dict[str, Any] = yaml.safe_load(text)
        for tag in self.api["tags"]:
            yield from ("", f"## {tag['name'].capitalize()}", "", tag["description"])
            for path, item in self.api["paths"].items():
                for method in METHODS:
                    if method in item and tag["name"] in item[method]["tags"]:
                        shared = item.get("parameters", [])
                        yield from self._operation(f"{method.upper()} {path}", item[method], shared)
        yield from ("", "## Schemas")
        for name, schema in self.api["components"]["schemas"].items():
            yield from self._schema(name, schema)

    def _operation(self, title: str, operation: dict[str, Any], shared: list[dict[str, Any]]) -> Iterator[str]:
        yield from ("", f"### `{title}`", "", f"{operation['summary']}.", "", operation.get("description", ""))
        parameters = [self._found(parameter) for parameter in [*shared, *operation.get("parameters", [])]]
        if parameters:
            yield from ("", "| parameter | in | type | meaning |", "|---|---|---|---|")
        for parameter in parameters:
            kind, about = self._kind(parameter["schema"]), parameter.get("description", "")
            yield f"| `{parameter['name']}` | {parameter['in']} | {kind} | {in_a_cell(about)} |"
        if body := operation.get("requestBody"):
            yield from ("", f"Body: {self._kind(self._content(self._found(body)))}.")
        yield from ("", "| answer | body | meaning |", "|---|---|---|")
        for status, answer in operation["responses"].items():
            found = self._found(answer)
            yield f"| {status} | {self._kind(self._content(found))} | {in_a_cell(found['description'])} |"

    def _schema(self, name: str, schema: dict[str, Any]) -> Iterator[str]:
        yield from ("", f"(schema-{name.lower()})=", f"### {name}", "", schema.get("description", ""))
        properties = schema.get("properties", {})
        if not properties:
            yield self._kind(schema)
            return
        yield from ("", "| field | type | meaning |", "|---|---|---|")
        for field, value in properties.items():
            kind = self._kind(value) + ("" if field in schema.get("required", []) else ", may be left out")
            yield f"| `{field}` | {kind} | {in_a_cell(value.get('description', ''))} |"

    def _found(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return what a ``$ref`` leads to, or the item itself."""
        while "$ref" in item:
            found: Any = self.api
            for part in item["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            item = found
        return item

    @staticmethod
    def _content(message: dict[str, Any]) -> dict[str, Any]:
        """Return the schema of a body or an answer; an empty one where it has no body."""
        content: dict[str, Any] = next(iter(message.get("content", {}).values()), {})
        return content.get("schema", {"description": "none"})

    def _kind(self, schema: dict[str, Any]) -> str:
        """Return a schema's type in a few words, a named one as a link."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f"[{name}](#schema-{name.lower()})"
        for key, joint in (("oneOf", " or "), ("anyOf", " or "), ("allOf", " with ")):
            if key in schema:
                return joint.join(self._kind(part) for part in schema[key])
        if "enum" in schema:
            return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
        kinds = schema.get("type", "anything")
        if kinds == "array":
            return f"list of {self._kind(schema.get('items', {}))}"
        return " or ".join(kinds) if isinstance(kinds, list) else kinds


def in_a_cell(text: str) -> str:
    """Return a text as the cell of a table takes it."""
    return " ".join(text.split()).replace("|", "\\|")


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the directives to Sphinx, which calls this."""
    app.add_directive("emr-settings", Settings)
    app.add_directive("emr-commands", Commands)
    app.add_directive("emr-rest", RestApi)
    return {"parallel_read_safe": True}
