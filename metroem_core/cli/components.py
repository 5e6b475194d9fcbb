"""`metroem components`, `metroem show`: what is installed, and what each of it does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from metroem_registry import Entry, Registry

from ..plugins import components as available
from .options import complete_kind, complete_name, json_option, plugin_option

_marks = re.compile(r"^\.\. math::|:math:(?=`)", re.MULTILINE)  # of formulas, for pages


@click.command()
@click.argument("kind", required=False, shell_complete=complete_kind)
@json_option
@plugin_option
def components(kind: str | None, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """What is installed: sources, masks, losses, aligners, ...

    Nothing is imported: a plugin that is broken is listed too.

    \b
    Examples:
      metroem components
      metroem components smoothness
      metroem components smoothness --plugin my_loss.py
    """
    registry = available(plugin_files)
    rows = [row(entry, registry) for entry in registry.entries(kind)]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for each in rows:
        name, dist = each["name"], f"{each['dist']} {each['version']}"
        note = f"alias of {each['alias_of']}" if each["alias_of"] else ""
        if each["use_as"] != name:
            note = f"two of this name: use '{each['use_as']}'"
        click.echo(f"{each['kind']:<12} {name:<16} {dist:<20} {note}".rstrip())


def row(entry: Entry, registry: Registry) -> dict[str, Any]:
    """One line of the list: an entry, what a spec calls it, and what it is an alias of."""
    original = registry.original(entry)
    return {
        "kind": entry.kind,
        "name": entry.name,
        "dist": entry.dist,
        "version": entry.version,
        "target": entry.target,
        "use_as": registry.name_in_specs(entry),
        "alias_of": original.name if original != entry else None,
    }


@click.command()
@click.argument("kind", shell_complete=complete_kind)
@click.argument("name", shell_complete=complete_name)
@json_option
@plugin_option
def show(kind: str, name: str, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """One component: what it does and what can be set.

    \b
    Examples:
      metroem show smoothness rigidity
      metroem show source hdf5 --json
    """
    registry = available(plugin_files)
    registry.entries(kind)  # refuses an unknown kind, with the near ones
    entry, component = registry.find(kind, name), registry.get(kind, name)
    page = described(component)
    if as_json:
        click.echo(json.dumps({**row(entry, registry), **page}, indent=1))
        return
    click.echo(f"{kind} {entry.name}, from {entry.dist} {entry.version} ({entry.target})\n")
    click.echo(_marks.sub("", "\n\n".join(filter(None, (page["summary"], page["body"])))))
    if page["parameters"]:
        click.echo("\nParameters:")
    for parameter in page["parameters"]:
        head = f"  {parameter['name']}: {parameter['type']}{parameter['limits']}"
        click.echo(f"{head}, {parameter['default']}\n      {_marks.sub('', parameter['doc'])}")


def described(component: Any) -> dict[str, Any]:
    """The description of a component as plain values."""
    from ..spec.describe import describe

    page = describe(component)
    return {
        "summary": page.summary,
        "body": page.body,
        "parameters": [
            {
                "name": each.name,
                "type": each.type,
                "limits": each.limits_text,
                "default": "required" if each.required else f"default {each.default_text}",
                "doc": each.doc,
            }
            for each in page.parameters
        ],
    }
