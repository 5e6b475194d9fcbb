"""Help in which no sentence is cut short."""

from __future__ import annotations

import click

LONGEST = 200  # letters of the first sentence of a command


class Sentences(click.Group):
    """A group of commands that lists each with its whole first sentence."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        known = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, each.get_short_help_str(LONGEST)) for name, each in known if each]
            )
