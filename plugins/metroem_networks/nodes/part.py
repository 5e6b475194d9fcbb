"""A piece of a network JSON that knows where it stands, so that mistakes in it can be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from torch import nn

from metroem_core.errors import UserError
from metroem_registry import did_you_mean

REQUIRED = object()
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@attrs.frozen(eq=False)
class Part:
    """A JSON object that describes a node, or some of its settings.

    :param value: what stands there.
    :param at: the place, as in ``model_spec.json: downmodules.9``.
    :param build: makes layers of a part that describes a node.
    """

    value: dict[str, Any]
    at: str
    build: Callable[[Part], nn.Module]

    @classmethod
    def of(cls, value: Any, at: str, build: Callable[[Part], nn.Module]) -> Part:
        """The part at a place, which must be an object."""
        if not isinstance(value, dict):
            raise UserError(f"{at} must be an object {{...}}, not {value!r:.40}")
        return cls(value, at, build)

    def get(self, name: str, wanted: type, default: Any = REQUIRED) -> Any:
        """A setting of a type; null is as good as none where there is a default."""
        value = self.value.get(name)
        if value is None:
            return default if default is not REQUIRED else self.refuse(f"needs '{name}'")
        good = (int, float) if wanted is float else (wanted,)
        if type(value) not in good:
            self.refuse(f"must be {WORDS[wanted]}, not {value!r:.40}", name)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        """A setting that is one of some words."""
        word = self.get(name, str, default)
        if word not in choices:
            near = did_you_mean(word, choices)
            hint = f"did you mean '{near}'?" if near else f"there are {', '.join(choices)}"
            self.refuse(f"cannot be '{word}'; {hint}", name)
        return word

    def numbers(self, name: str) -> list[int]:
        """A list of whole numbers."""
        value = self.items(name)
        if not value or any(type(each) is not int for each in value):
            self.refuse(f"must be a list of whole numbers, not {value!r:.40}", name)
        return value

    def items(self, name: str) -> list[Any]:
        """A list of anything."""
        value = self.value.get(name)
        if not isinstance(value, list):
            self.refuse(f"needs a list '{name}'")
        return value  # type: ignore[return-value]

    def part(self, name: str) -> Part:
        """The object of a name; an empty one when there is none."""
        return Part.of(self.value.get(name, {}), f"{self.at}.{name}", self.build)

    def parts(self, name: str) -> list[Part]:
        """The objects in a list."""
        where = [f"{self.at}.{name}[{index}]" for index in range(len(self.items(name)))]
        pairs = zip(self.items(name), where, strict=True)
        return [Part.of(value, at, self.build) for value, at in pairs]

    def node(self, name: str) -> nn.Module:
        """The layers that the object of a name describes."""
        if name not in self.value:
            self.refuse(f"needs '{name}'")
        return self.build(self.part(name))

    def nodes(self, name: str) -> list[nn.Module]:
        """The layers that the objects in a list describe."""
        return [self.build(each) for each in self.parts(name)]

    def refuse(self, text: str, name: str | None = None) -> Any:
        """Tell what is wrong here, or with the setting of a name."""
        raise UserError(f"{self.at}{f'.{name}' if name else ''} {text}")
