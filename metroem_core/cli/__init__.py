"""The command `metroem`: every command is a component, and this is where they meet."""

from __future__ import annotations

import functools
import signal
from typing import Any

import click

from metroem_registry import Registry, RegistryError, installed

from ..errors import UserError, explain
from .sentences import Sentences

INTERRUPTED = 130
FIRST = ("components", "show", "check", "run", "schema", "doctor", "completion")


class Commands(Sentences):
    """The commands of all installed plugins. One is imported when it is called, or listed."""

    @functools.cached_property
    def registry(self) -> Registry:
        """What is installed, read once."""
        return installed()

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The core's commands in order of use, then those of plugins."""
        names = {self.registry.name_in_specs(entry) for entry in self.registry.entries("command")}
        return [name for name in FIRST if name in names] + sorted(names.difference(FIRST))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name; a stand-in that says why when its plugin is broken."""
        if cmd_name not in {*self.registry.names("command"), *self.list_commands(ctx)}:
            return None
        try:
            command = self.registry.get("command", cmd_name)
        except RegistryError as error:
            return _broken(cmd_name, str(error))
        if not isinstance(command, click.Command):
            return _broken(
                cmd_name, f"{self.registry.find('command', cmd_name).target} is no command"
            )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called, or a refusal that offers the nearest name."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand:
            raise click.exceptions.NoSuchCommand(
                args[0], possibilities=self.list_commands(ctx), ctx=ctx
            ) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. A user's mistake ends it with one clear message and no traceback.

        The signal by which batch systems end a job is treated like Ctrl-C.
        """
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            return super().invoke(ctx)
        except (UserError, RegistryError) as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nStopped. The same command goes on from here.", err=True)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(explain(error)) from error
        finally:
            signal.signal(signal.SIGTERM, before)


def _broken(name: str, why: str) -> click.Command:
    """A command that takes anything and says why it cannot be had."""

    def fail(**_: Any) -> None:
        raise click.ClickException(why)

    return click.Command(
        name,
        callback=fail,
        params=[click.Argument(["rest"], nargs=-1, type=click.UNPROCESSED)],
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
        short_help="(broken: see `metroem doctor`)",
    )


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="metroem-core", prog_name="metroem")
def main() -> None:
    """Align serial-section electron microscopy with learned aligners.

    \b
    A first look:       metroem demo
    Your own sections:  metroem init, which writes a spec; then metroem run SPEC
    What is installed:  metroem components
    What is amiss:      metroem doctor
    """
