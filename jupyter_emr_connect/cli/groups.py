"""The command group of ``jupyter emr``'s groups: commands in the order of use, and hints for mistyped ones."""

from __future__ import annotations

import difflib

import click

from ..presentation.text import printable


class HintingGroup(click.Group):
    """A group that lists its commands as they are used, not by the alphabet, and tells a mistyped one the nearest."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their definition."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is meant; raises ``UsageError`` with the nearest names for one that there is not."""
        name, names = args[0], self.list_commands(ctx)
        if name not in names and not name.startswith("-"):
            near = difflib.get_close_matches(name, names, 1)
            hint = f" Did you mean {near[0]!r}?" if near else f" There are: {', '.join(names)}."
            message = f"No such command {printable(name)[:40]!r}.{hint}"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)
