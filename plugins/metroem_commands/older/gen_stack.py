"""`metroem gen-stack`: stacks of sections from random places of a volume."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import Older, option

if TYPE_CHECKING:
    import numpy as np

    from metroem_core.kinds import Volume

TRIES = 20  # for one stack

Place = tuple[int, int, int, int, int]


@click.command(cls=Older)
@click.argument("name")
@option("--count", type=click.IntRange(1), help="How many stacks.")
@option("--source", required=True, help="The volume.")
@option("--mip", type=click.IntRange(0), default=5, help="Where it is read.")
@option("--stack_height", type=click.IntRange(1), default=50, help="Sections of a stack.")
@option("--dim", type=click.IntRange(1), default=1152, help="Pixels along x and y.")
@option(
    "--coords",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take the places of a file that an earlier call wrote.",
)
@option("--test", is_flag=True, help="Take sections that are kept for tests.")
@option("--test_fraction", type=click.FloatRange(0, 1), default=0.2, help="How many those are.")
@option("--xs", type=int, help="The first MIP0 voxel along x. Default: that of the volume.")
@option("--xe", type=int, help="The voxel behind the last.")
@option("--ys", type=int, help="The first MIP0 voxel along y.")
@option("--ye", type=int, help="The voxel behind the last.")
@option("--zs", type=int, default=1, help="The first section.")
@option("--ze", type=int, default=1000, help="The section behind the last.")
@option("--seed", type=click.IntRange(0), default=0, help="Another seed takes other places.")
def gen_stack(name: str, **choices: Any) -> None:
    """Write stacks to NAME_train_mip<m>.h5, or NAME_test_mip<m>.h5, and their places beside it.

    ``main`` is (stacks, sections, x, y), uint8. Sections at the end of the volume are kept for
    tests. A place where anything is missing is replaced by another one.

    \b
    Example:
      metroem gen-stack minnie --count 100 --source gs://bucket/image --mip 5
    """
    from metroem_core.errors import UserError
    from metroem_core.plugins import components

    path = Path(f"{name}_{'test' if choices['test'] else 'train'}_mip{choices['mip']}.h5")
    if path.exists():
        raise UserError(f"{path} exists already. Remove it, or choose another name")
    volume = components().get("source", "cloudvolume")(path=choices["source"]).open()
    check(volume, choices["source"])
    if choices["coords"]:
        places = replayed(choices["coords"])
        stacks = ((place, stack_at(volume, place, choices["mip"])) for place in places)
        write(path, stacks, len(places))
    elif choices["count"]:
        write(path, drawn(volume, **choices), choices["count"])
    else:
        raise UserError("say with --count how many stacks to take, or with --coords which")
    click.echo(f"Results: {path}")


def check(volume: Volume, path: str) -> None:
    """Refuse what is no volume of grey values."""
    from metroem_core.errors import UserError

    if (volume.info.channels, volume.info.dtype) != (1, "uint8"):
        raise UserError(
            f"{path} must have one channel of uint8, "
            f"not {volume.info.channels} of {volume.info.dtype}"
        )


def drawn(volume: Volume, **choices: Any) -> Iterator[tuple[Place, np.ndarray]]:
    """Stacks at random places, each with its place."""
    import numpy as np

    from metroem_core.errors import UserError

    draw = np.random.Generator(np.random.PCG64(choices["seed"]))
    side, height = choices["dim"] << choices["mip"], choices["stack_height"]
    low, high = limits(volume, side, height, **choices)
    for number in range(choices["count"]):
        for _ in range(TRIES):
            x, y, z = draw.integers(low, high, endpoint=True).tolist()
            place = (x, y, z, side, height)
            try:
                yield place, stack_at(volume, place, choices["mip"])
                break
            except UserError as error:
                problem = str(error)
        else:
            raise UserError(f"stack {number}: nothing is whole at {TRIES} places: {problem}")


def limits(volume: Volume, side: int, height: int, **choices: Any) -> tuple[list[int], list[int]]:
    """The lowest and the highest places x, y, z, in MIP0 voxels."""
    from metroem_core.errors import UserError

    mip = choices["mip"]
    box, spans = volume.info.scale(mip).box, []
    for axis, (start, stop) in enumerate((("xs", "xe"), ("ys", "ye"))):
        first, last = choices[start], choices[stop]
        low = box.start[axis] << mip if first is None else first
        high = box.stop[axis] << mip if last is None else last
        spans.append((low, high - side))
    first, last = max(choices["zs"], box.start[2]), min(choices["ze"], box.stop[2])
    edge = last - round(choices["test_fraction"] * (last - first))
    spans.append((edge, last - height) if choices["test"] else (first, edge - height))
    for name, (low, high) in zip("xyz", spans, strict=True):
        if low > high:
            raise UserError(
                f"a stack does not fit along {name}: make it smaller, or widen the range"
            )
    return [low for low, _ in spans], [high for _, high in spans]


def replayed(path: Path) -> list[Place]:
    """The places in a file."""
    from metroem_core.errors import UserError
    from metroem_core.files import check_file

    check_file(path)
    try:
        found = ast.literal_eval(path.read_text(encoding="utf-8"))
        places = [(int(x), int(y), int(z), int(side), int(h)) for x, y, z, side, h in found]
        if len({place[3:] for place in places}) != 1:
            raise ValueError
    except (ValueError, TypeError, SyntaxError):
        raise UserError(f"{path} is no list of (x, y, z, side, height), alike in size") from None
    return places


def stack_at(volume: Volume, place: Place, mip: int) -> np.ndarray:
    """The stack (sections, X, Y) at a place.

    :raises UserError: when anything of it is missing.
    """
    from metroem_core.errors import UserError
    from metroem_core.geometry import Box

    x, y, z, side, height = place
    box = Box((x, y, z), (x + side, y + side, z + height)).at_mip(mip)
    before = len(volume.gaps)
    voxels = volume.read(box, mip)
    if len(volume.gaps) > before:
        raise UserError(f"the stack at {place} reaches beyond the volume")
    return voxels[0].swapaxes(-1, -2)


def write(path: Path, stacks: Iterator[tuple[Place, np.ndarray]], count: int) -> None:
    """Write stacks, and their places beside them."""
    from metroem_core.files import whole
    from metroem_core.sets.layout import created

    places = []
    with whole(path) as part, created(part) as file:
        for index, (place, stack) in enumerate(stacks):
            if index == 0:
                shape, chunk = (count, *stack.shape), (1, 1, *stack.shape[1:])
                main = file.create_dataset("main", shape, "uint8", chunks=chunk, compression="lzf")
            main[index] = stack
            places.append(place)
    with whole(path.with_name(f"{path.stem}coords.txt")) as part:
        part.write_text(f"{places}\n", encoding="utf-8")
