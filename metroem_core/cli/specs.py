"""`metroem check`, `metroem run`, `metroem schema`: the commands about specs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..decisions import Decision, maker_at_work
from ..errors import UserError, in_one_line
from ..plugins import components as available
from ..readable import size
from ..run import Run, Spec, load
from ..shard import Shard
from ..spec import SpecError
from .options import out_option, plugin_option, set_option, spec_argument


@click.command()
@spec_argument
@set_option
@out_option
@plugin_option
def check(spec: Path, **choices: Any) -> None:
    """Check SPEC without reading data or touching a GPU.

    Everything that is wrong is told at once, each with its place and the remedy.

    \b
    Example:
      metroem check align.yaml --set 'steps[0].mip=1'
    """
    run = load_or_explain(spec, **choices)
    count = len(run.spec.steps)
    click.echo(f"{spec}: {count} step{'s' * (count != 1)}, nothing wrong.")


def shard_of(ctx: click.Context, param: click.Parameter, text: str | None) -> Shard | None:
    """The slice that an option names."""
    try:
        return None if text is None else Shard.of(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


@click.command()
@spec_argument
@click.option(
    "--step",
    "only",
    multiple=True,
    metavar="STEP",
    help="Do only this step, by name or number. May be repeated.",
)
@set_option
@out_option
@plugin_option
@click.option("--dry-run", is_flag=True, help="Print what would be read, written and computed.")
@click.option("--status", is_flag=True, help="Print what is done, what failed, and what is left.")
@click.option(
    "--shard",
    metavar="I/N",
    callback=shard_of,
    help="Do only the I-th of N slices of the tasks of a step.",
)
def run(
    spec: Path,
    only: tuple[str, ...],
    dry_run: bool,
    status: bool,
    shard: Shard | None,
    **choices: Any,
) -> None:
    """Run all steps of SPEC, or only some.

    A second start goes on where the first one ended: steps that are up to date are skipped.

    Slices may run side by side, on any machines that share the run folder. When all are done, the
    command without --shard finishes the step.

    \b
    Examples:
      metroem run align.yaml --out first
      metroem run align.yaml --out first --step align_pair --set 'steps[0].mip=1'
      metroem run align.yaml --dry-run
      metroem run align.yaml --shard 1/8
    """
    loaded = load_or_explain(spec, **choices)
    if status:
        for decision in loaded.decide(only):
            click.echo(status_text(loaded, decision))
        return
    if dry_run:
        tell_plans(loaded, loaded.decide(only))
        return
    if left := loaded.run(only, shard):
        click.echo(f"{left}. When all slices are done, run it without --shard to finish it.")


@click.command()
@plugin_option
def schema(plugin_files: tuple[Path, ...]) -> None:
    """A JSON Schema of specs, for completion in an editor.

    \b
    Example:
      metroem schema > metroem.schema.json
    then begin a YAML spec with
      # yaml-language-server: $schema=metroem.schema.json
    """
    from ..spec.schema import schema as schema_of

    click.echo(json.dumps(schema_of(Spec, available(plugin_files)), indent=1))


def load_or_explain(spec: Path, **choices: Any) -> Run:
    """The run of a spec file, or an exit that lists everything wrong with it."""
    try:
        return load(spec, **choices)
    except SpecError as error:
        raise click.ClickException(f"{spec} is not a valid spec.\n{error}") from None
    except UserError as error:
        if spec.exists():
            raise
        end = "" if str(error).endswith("?") else "."
        raise UserError(f"{error}{end} `metroem init` writes a spec to start from") from None


def tell_plans(run: Run, decisions: Sequence[Decision]) -> None:
    """Print what all steps would do.

    :raises UserError: with the steps that could not do it, at the end.
    """
    wrong = []
    for number, decision in enumerate(decisions):
        try:
            click.echo(plan_text(run, decision))
        except Exception as error:
            late = maker_at_work(decision.account, decisions[:number])
            click.echo(f"{decision}\n  not known yet: {error}" if late else str(decision))
            if not late:
                wrong.append(f"{decision.label}: {in_one_line(error)}")
    if wrong:
        raise UserError("\n".join(wrong))


def plan_text(run: Run, decision: Decision) -> str:
    """What a step would do, in lines."""
    if not decision.todo:
        return str(decision)
    plan = decision.step.plan(run)
    lines = [str(decision)]
    lines += [f"  reads   {size(count):>9}  {what}" for what, count in plan.reads.items()]
    lines += [f"  writes  {size(count):>9}  {what}" for what, count in plan.writes.items()]
    return "\n".join([*lines, f"  computes {plan.computes} (tasks: {plan.tasks})"])


def status_text(run: Run, decision: Decision) -> str:
    """How far a step is, in lines."""
    from ..blocks.status import status_of

    if not decision.todo:
        return str(decision)
    found = [str(each) for each in status_of(run, decision.step)]
    if hasattr(decision.step, "status"):
        found += decision.step.status(run)
    return "\n".join([str(decision), *(f"  {line}" for line in found)])
