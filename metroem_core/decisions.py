"""Which steps of a run have to be done, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from metroem_registry import did_you_mean

from .errors import UserError
from .files import state
from .kinds import Step
from .record import Record
from .spec.dump import Account


@attrs.frozen
class Decision:
    """Whether a step will be done, and why.

    :param index: its place in the spec, from 0.
    :param account: what it consists of.
    """

    index: int
    step: Step
    account: Account
    todo: bool
    why: str

    def __str__(self) -> str:
        return f"{self.label}: {'to do' if self.todo else 'skipped'}, {self.why}"

    @property
    def name(self) -> str:
        """What the component of the step is called."""
        return str(self.account.value["type"])

    @property
    def label(self) -> str:
        """How messages call the step."""
        return f"step {self.index} ({self.name})"


def decide(
    steps: Sequence[Step], accounts: Sequence[Account], record: Record, only: Iterable[str]
) -> tuple[Decision, ...]:
    """One decision for every step, in order.

    :param accounts: of the same steps.
    :param only: names or numbers of steps; when given, no others are done.
    """
    chosen = _chosen(only, [account.value["type"] for account in accounts])
    decisions: list[Decision] = []
    for index, (step, account) in enumerate(zip(steps, accounts, strict=True)):
        why = maker_at_work(account, decisions) or record.why(record.key(index, account), account)
        if index not in chosen:
            idle = "not asked for" if why is None else f"not asked for, though {why}"
            decisions.append(Decision(index, step, account, False, idle))
        else:
            decisions.append(Decision(index, step, account, bool(why), why or "up to date"))
    return tuple(decisions)


def check_inputs(decision: Decision, before: Iterable[Decision]) -> None:
    """Refuse a step whose input a step before it has not made.

    :raises UserError: naming the step to run first.
    """
    for maker in before:
        for path in _inputs_from(maker.account, decision.account):
            if state(path) is None:
                raise UserError(f"{path} is missing. {maker.label} makes it: run that step first")


def _chosen(only: Iterable[str], names: list[str]) -> set[int]:
    """The numbers of the steps that are asked for; all when none is."""
    chosen: set[int] = set()
    for word in only:
        found = {index for index, name in enumerate(names) if word in (name, str(index))}
        if not found:
            near = did_you_mean(word, names)
            hint = f"Did you mean '{near}'?" if near else f"There are: {', '.join(names)}"
            raise UserError(f"the spec has no step '{word}'. {hint}")
        chosen |= found
    return chosen or set(range(len(names)))


def maker_at_work(account: Account, before: Iterable[Decision]) -> str | None:
    """Why a step must be done whose input is about to change, or None."""
    makers = [each for each in before if each.todo and _inputs_from(each.account, account)]
    return f"{makers[0].label} makes what it reads" if makers else None


def _inputs_from(maker: Account, reader: Account) -> list[str]:
    """What one step reads of what another writes."""
    return [
        path
        for path in (*reader.inputs, *reader.added)
        for output in (*maker.outputs, *maker.added)
        if path == output or path.startswith(f"{output}/")
    ]
