"""`metroem benchmark`: how fast this machine is, and how near to its ceilings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import torch

    from .speed import Ceiling, Work

DTYPES = ("float32", "float16", "bfloat16", "autocast")


@click.command()
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(DTYPES),
    multiple=True,
    default=("float32", "bfloat16"),
    show_default=True,
    help="Type of the numbers; may be given again. autocast: float32, convolved in 16 bits.",
)
@click.option("--size", default=1024, show_default=True, help="Pixels along a side.")
@click.option("--batch", default=2, show_default=True, help="Pictures at once.")
@click.option("--channels", default=4, show_default=True, help="Of every picture.")
@click.option("--repeat", default=5, show_default=True, help="Of these the shortest time counts.")
@click.option("--aligner", help="Time an aligner too: its name, or its JSON.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def benchmark(
    device: str,
    dtypes: tuple[str, ...],
    size: int,
    batch: int,
    channels: int,
    repeat: int,
    aligner: str | None,
    as_json: bool,
) -> None:
    """Time basic operations, and an aligner, on this machine.

    Forward and backward, in seconds, with the share of what the machine can do at most: bytes
    copied and operations of a matrix product in a second, measured first.

    \b
    Examples:
      metroem benchmark
      metroem benchmark --device cuda --size 2048 --batch 8 --dtype float16 --dtype autocast
      metroem benchmark --aligner block_match --size 512
      metroem benchmark --aligner '{"type": "pyramid", "path": "model"}'
    """
    from metroem_core.device import chosen

    for name, value in {
        "size": size,
        "batch": batch,
        "channels": channels,
        "repeat": repeat,
    }.items():
        if value < 1:
            raise click.BadParameter(f"must be >= 1: {value}", param_hint=f"--{name}")
    built = build_aligner(aligner) if aligner else None
    place, rows = chosen(device), []
    for dtype in dtypes:
        for row in operations(place, dtype, (batch, channels, size, size), repeat):
            rows.append(row)
            if not as_json:
                show(row, first=len(rows) == 1)
    if built is not None:
        rows.append(whole_aligner(built, place, size, repeat))
        if not as_json:
            show(rows[-1])
    if as_json:
        click.echo(json.dumps(rows, indent=1))


def operations(
    device: torch.device, dtype: str, shape: tuple[int, ...], repeat: int
) -> Iterator[dict[str, Any]]:
    """Forward and backward of the basic operations for pictures (N, C, H, W)."""
    import torch
    import torch.nn.functional as F

    from .speed import ceiling

    mixed = dtype == "autocast"
    kind = torch.float32 if mixed else getattr(torch, dtype)
    narrow = torch.bfloat16 if device.type == "cpu" else torch.float16
    top = ceiling(device, narrow if mixed else kind, repeat)
    x, y = (torch.rand(shape, device=device).to(kind).requires_grad_() for _ in range(2))
    kernel = torch.rand(shape[1], shape[1], 3, 3, device=device).to(kind).requires_grad_()
    works: dict[str, Work] = {
        "sum": lambda: x.sum(),
        "mul": lambda: x * y,
        "pow": lambda: x**2.5,
        "sqrt": lambda: x.sqrt(),
        "conv2d": lambda: F.conv2d(x, kernel, padding=1),
    }
    for name, work in works.items():
        with torch.autocast(device.type, narrow, enabled=mixed):
            yield {"what": name, "dtype": dtype, **both_ways(work, [x, y, kernel], top, repeat)}


def both_ways(
    work: Work, inputs: list[torch.Tensor], top: Ceiling, repeat: int
) -> dict[str, float]:
    """Times and shares of a piece of work, and of its way back."""
    import torch

    from .speed import amount, seconds

    device = inputs[0].device
    with torch.no_grad():
        forward, there = seconds(work, device, repeat), amount(work)
    made = work()
    one, used = torch.ones_like(made), [each for each in inputs if reaches(made, each)]

    def back() -> None:
        torch.autograd.grad(made, used, one, retain_graph=True)

    backward, again = seconds(back, device, repeat), amount(back)
    return {
        "forward_s": forward,
        **shares("forward", there.shares(forward, top)),
        "backward_s": backward,
        **shares("backward", again.shares(backward, top)),
    }


def reaches(made: torch.Tensor, given: torch.Tensor) -> bool:
    """Whether something was made of something given."""
    import torch

    (found,) = torch.autograd.grad(
        made, [given], torch.ones_like(made), retain_graph=True, allow_unused=True
    )
    return found is not None


def whole_aligner(align: Any, device: torch.device, size: int, repeat: int) -> dict[str, Any]:
    """The time of a whole aligner, for a pair of pictures."""
    import torch

    from metroem_core.batch import pair

    from .speed import amount, ceiling, seconds

    noise = torch.rand(2, 1, size, size, generator=torch.Generator().manual_seed(0))
    src, tgt = (0.5 + 0.5 * noise).to(device).split(1)
    with torch.no_grad():
        took = seconds(lambda: align(pair(src, tgt)), device, repeat)
        done = amount(lambda: align(pair(src, tgt)))
    top = ceiling(device, torch.float32, repeat)
    row = {"what": "aligner", "dtype": "float32", "forward_s": took}
    return {**row, **shares("forward", done.shares(took, top)), "mpix_s": size**2 / took / 1e6}


def shares(way: str, values: tuple[float, float]) -> dict[str, float]:
    """The shares of the two ceilings by name."""
    return {f"{way}_bytes": values[0], f"{way}_flops": values[1]}


def build_aligner(text: str) -> Any:
    """The aligner that a name or a JSON describes."""
    from metroem_core.kinds import Aligner
    from metroem_core.plugins import components
    from metroem_core.spec import build
    from metroem_core.spec.read import parse_value

    try:
        value = parse_value(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--aligner") from None
    return build(value, Aligner, components()).build()


def show(row: dict[str, Any], first: bool = False) -> None:
    """A line of the table, below its head."""
    if first:
        head = [
            f"{way} {what}" for way in ("forward", "backward") for what in ("ms", "bytes", "flops")
        ]
        click.echo(f"{'':<20}" + "".join(f"{each:>16}" for each in head))
    cells = ""
    for way in ("forward", "backward"):
        if f"{way}_s" in row:
            cells += f"{1e3 * row[f'{way}_s']:>16.2f}"
            cells += "".join(f"{100 * row[f'{way}_{what}']:>15.0f}%" for what in ("bytes", "flops"))
    speed = f"   {row['mpix_s']:.2f} Mpix/s" if "mpix_s" in row else ""
    click.echo(f"{row['what'] + ' ' + row['dtype']:<20}{cells}{speed}")
