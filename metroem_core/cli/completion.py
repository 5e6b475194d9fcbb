"""`metroem completion`: what a shell needs to complete commands, kinds and names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete metroem commands.

    \b
    Examples:
      metroem completion bash >> ~/.bashrc
      metroem completion fish > ~/.config/fish/completions/metroem.fish
    """
    script = get_completion_class(shell)
    assert script is not None  # the choices above are the shells that click knows
    click.echo(script(ctx.find_root().command, {}, "metroem", "_METROEM_COMPLETE").source())
