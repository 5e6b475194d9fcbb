"""`metroem history`: which trainings led to a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metroem_core.cli.options import json_option

if TYPE_CHECKING:
    from .training.lineage import Ancestry


@click.command()
@click.argument("path", metavar="CHECKPOINT-OR-FOLDER", type=click.Path(path_type=Path))
@json_option
def history(path: Path, as_json: bool) -> None:
    """Show the trainings that led to weights, the oldest first, and what changed in between.

    A checkpoint is a file of weights; a folder is a module, or a pyramid of modules.

    \b
    Examples:
      metroem history pyramid
      metroem history pyramid/0_mip6in_coarse --json
    """
    from metroem_core.module_folder import describe_module

    from .models.telling import modules_in
    from .training.lineage import ancestry

    found = [ancestry(each) for each in modules_in(path)]
    if path.is_dir() and not any(each.records for each in found):
        describe_module(found[0].subject)  # refuses what is no module
    if as_json:
        click.echo(json.dumps([value(each) for each in found], indent=1))
    else:
        click.echo("\n\n".join("\n".join(lines(each)) for each in found))


def value(found: Ancestry) -> dict[str, Any]:
    """A chain for programs: every checkpoint with what changed since its parent."""
    from .training.lineage import changes

    before = (None, *found.records)
    checkpoints = [
        {**record, "changes": list(changes(parent, record))}
        for parent, record in zip(before, found.records, strict=False)
    ]
    return {"path": str(found.subject), "begins_with": found.begin, "checkpoints": checkpoints}


def lines(found: Ancestry) -> Iterator[str]:
    """A chain for people."""
    from .training.lineage import changes, facts, settings

    yield str(found.subject)
    yield f"  begins with {found.begin}"
    parent = None
    for record in found.records:
        yield f"  {', '.join(facts(record))}"
        news = settings(record) if parent is None else changes(parent, record)
        yield from (f"    {each}" for each in news)
        parent = record
