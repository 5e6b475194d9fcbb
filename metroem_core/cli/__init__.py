"""The command `metroem`: every command is a component, and this is where they meet."""

from __future__ import annotations

import functools
from typing import Any

import click

from metroem_registry import Registry, RegistryError, installed

from ..errors import UserError
from ..files import explain

FIRST = ("components", "show", "check", "run", "schema", "doctor", "completion")


class Commands(click.Group):
    """The commands of all installed plugins. One is imported when it is called, or listed."""

    @functools.cached_property
    def registry(self) -> Registry:
        """What is installed, read once."""
        return installed()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands in order of use, then those of plugins."""
        names = {self.registry.name_in_specs(entry) for entry in self.registry.entries("command")}
        return sorted(names, key=lambda name: (FIRST.index(name) if name in FIRST else 99, name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; a stand-in that says why when its plugin is broken."""
        if cmd_name not in self.list_commands(ctx):
            return None
        try:
            command: click.Command = self.registry.get("command", cmd_name)
        except RegistryError as error:
            return _broken(cmd_name, error)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. A user's mistake ends it with one clear message and no traceback."""
        try:
            return super().invoke(ctx)
        except (UserError, RegistryError) as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(explain(error)) from error


def _broken(name: str, error: RegistryError) -> click.Command:
    def fail(**_: Any) -> None:
        raise click.ClickException(str(error))

    return click.Command(name, callback=fail, short_help="(broken: see `metroem doctor`)")


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metroem-core", prog_name="metroem")
def main() -> None:
    """Align serial-section electron microscopy with learned aligners.

    \b
    A first look:       metroem demo
    What is installed:  metroem components
    Your own chain:     metroem check SPEC, then metroem run SPEC
    """
