"""`metroem combine-h5`: several files in one."""

from __future__ import annotations

from pathlib import Path

import click

from .options import Older

_file = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Older)
@click.argument("out", type=_file)
@click.argument("inputs", type=_file, nargs=-1, required=True)
def combine_h5(out: Path, inputs: tuple[Path, ...]) -> None:
    """Write the ``main`` of all INPUTS to OUT.h5, each called by its file's name without ``.h5``.

    \b
    Example:
      metroem combine-h5 all.h5 first.h5 second.h5
    """
    from metroem_core.errors import UserError
    from metroem_core.files import whole
    from metroem_core.sets import chunks_of
    from metroem_core.sets.layout import IMAGES, created, opened

    out = out.with_name(out.name.removesuffix(".h5") + ".h5")
    if out.exists():
        raise UserError(f"{out} exists already. Remove it, or choose another name")
    names = [path.name.removesuffix(".h5") for path in inputs]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"two inputs are called {twice[0]}.h5: rename one")
    with whole(out) as part, created(part) as file:
        for name, path in zip(names, inputs, strict=True):
            with opened(path) as source:
                source.copy(chunks_of(source, IMAGES[::-1]), file, name)
    click.echo(f"Results: {out}: {', '.join(names)}")
