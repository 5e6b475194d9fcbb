"""From a purpose and a few values to a spec that is known to be valid."""

from __future__ import annotations

import re
import shlex
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from ruamel.yaml import YAML

from metroem_core.errors import UserError
from metroem_core.files import whole
from metroem_core.run import load
from metroem_core.spec import SpecError
from metroem_registry import did_you_mean

from .starters.values import READ, together

_place = re.compile(r"@\{(\w+)\}")


@attrs.frozen
class Starter:
    """A spec to start from.

    :param needs: by name, what a value is and what it is for.
    :param text: of the spec, with ``@{NAME}`` for each value.
    """

    purpose: str
    about: str
    needs: dict[str, dict[str, Any]]
    text: str

    @classmethod
    def of(cls, purpose: str) -> Starter:
        """The starter of a purpose."""
        file = resources.files("metroem_commands.starters") / f"{purpose}.yaml"
        _, head, text = file.read_text(encoding="utf-8").split("---\n", 2)
        known = YAML(typ="safe").load(head)
        return cls(purpose, known["about"], known["needs"], text)

    def usage(self) -> str:
        """What to type."""
        words = [
            f"[{name}={need['default']}]" if "default" in need else f"{name}={need['is'].upper()}"
            for name, need in self.needs.items()
        ]
        return " ".join(["metroem init", self.purpose, *words])


def needs(purpose: str) -> str:
    """What a purpose needs, for people."""
    starter = Starter.of(purpose)
    width = max(map(len, starter.needs))
    lines = [f"{purpose}: {starter.about}. It needs", ""]
    for name, need in starter.needs.items():
        usual = f" ({need['default']} unless given)" if "default" in need else ""
        lines.append(f"  {name:<{width}}  {need['help']}{usual}")
    return "\n".join([*lines, "", f"  {starter.usage()}"])


def started(purpose: str, given: dict[str, str], path: Path) -> list[str]:
    """Write the spec of a purpose, and tell what to do with it.

    :raises UserError: with everything that is wrong with the values, a line each.
    """
    if path.exists():
        raise UserError(f"{path} exists; name another file with --to")
    starter = Starter.of(purpose)
    values = found(starter, given)
    text = _place.sub(lambda place: values[place[1]], starter.text)
    named, made = shlex.quote(str(path)), shlex.quote(str(path.parent / "runs" / path.stem))
    text = text.replace("THIS_FILE", named).replace("runs/NAME", made)
    check(text, path.name)
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
    run = f"  metroem run {named}"
    return [f"{path}: {starter.about}. Look at it, and then", "", f"{run} --dry-run", run]


def found(starter: Starter, given: dict[str, str]) -> dict[str, str]:
    """The text in the spec for every value.

    :raises UserError: with all that is wrong with them.
    """
    wrong = [f"{starter.purpose} needs {each}" for each in unknown(starter, given)]
    values: dict[str, str] = {}
    for name, need in starter.needs.items():
        if name not in given and "default" not in need:
            wrong.append(f"{starter.purpose} needs {name}, {need['help']}")
            continue
        try:
            values |= READ[need["is"]](name, given.get(name, str(need.get("default"))))
        except UserError as error:
            wrong.append(f"{name}: {error}")
    try:
        values |= together(values)
    except UserError as error:
        wrong.append(str(error))
    if wrong:
        raise UserError("\n".join([*wrong, f"Try: {starter.usage()}"]))
    return values


def unknown(starter: Starter, given: dict[str, str]) -> list[str]:
    """What is said of names that a purpose does not know."""
    said = []
    for name in given.keys() - starter.needs.keys():
        near = did_you_mean(name, list(starter.needs))
        said.append(f"no '{name}'" + (f". Did you mean '{near}'?" if near else ""))
    return sorted(said)


def check(text: str, name: str) -> None:
    """Refuse the text of a spec that is not valid."""
    with TemporaryDirectory() as folder:
        spec = Path(folder) / name
        spec.write_text(text, encoding="utf-8")
        try:
            load(spec)
        except SpecError as error:
            raise UserError(f"these values make no valid spec:\n{error}") from None
