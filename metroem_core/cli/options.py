"""Options that commands share, each defined once."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from metroem_registry import installed

_file = click.Path(path_type=Path)  # that it exists is checked with all the rest

spec_argument = click.argument("spec", type=_file)

plugin_option = click.option(
    "--plugin",
    "plugin_files",
    multiple=True,
    type=_file,
    metavar="FILE",
    help="Also use the hooks and components in this Python file. May be repeated.",
)

set_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change one value of the spec, as in 'steps[1].lr=1e-4'. May be repeated.",
)

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="The run folder. Default: runs/<name of the spec> beside the spec.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def complete_kind(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The kinds that begin with what was typed, for the shell."""
    return [CompletionItem(kind) for kind in installed().kinds() if kind.startswith(incomplete)]


def complete_name(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The components of the kind typed before, for the shell."""
    names = installed().names(ctx.params.get("kind") or "")
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
