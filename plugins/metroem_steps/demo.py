"""`metroem demo`: a first look that needs no data, no GPU and no network."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from shlex import quote

import click


@click.command()
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("metroem-demo"),
    show_default=True,
    help="The folder to write.",
)
@click.option("--seed", default=1, show_default=True, help="Which tissue to make.")
def demo(out: Path, seed: int) -> None:
    """Align two synthetic sections and draw the result: a first look in seconds.

    \b
    Example:
      metroem demo --out first-look
    """
    from metroem_core.run import load

    spec = out / "demo.yaml"
    bundled = resources.files("metroem_steps").joinpath("demo.yaml").read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    spec.write_text(bundled.replace("seed: 1", f"seed: {seed}"), encoding="utf-8")
    load(spec, out=out).run()
    click.echo(table(json.loads((out / "pair" / "numbers.json").read_text())))
    click.echo(f"\nLook at         {out / 'pair' / 'pair.png'}")
    click.echo(f"The spec is     {spec}\n\nTry next:")
    here = f"{quote(str(spec))} --out {quote(str(out))}"
    click.echo(f"  metroem run {here} --set 'steps[0].aligner[1].stiffness=100'")
    click.echo("  metroem show aligner optimise")
    click.echo("  metroem components")


def table(numbers: dict[str, dict[str, float]]) -> str:
    """The numbers before and after, a line each."""
    lines = [f"{'':<24}{'before':>10}{'after':>10}"]
    for name, after in numbers["after"].items():
        lines.append(f"{name:<24}{numbers['before'][name]:>10.3f}{after:>10.3f}")
    return "\n".join(lines)
