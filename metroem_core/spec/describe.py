"""What a component says of itself: its parameters, their types, limits, defaults and meaning."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, get_type_hints

import attrs

from ..errors import UserError
from .annotations import mark, type_text

_param = re.compile(r"^:param (\w+):\s*(.*?)(?=^:|\Z)", re.MULTILINE | re.DOTALL)
_field_list = re.compile(r"^:(param|raises|returns?)\b.*", re.MULTILINE | re.DOTALL)
_limits = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}


@attrs.frozen
class Parameter:
    """One field of a component.

    :param type: its annotation, in words.
    :param limits: bounds, in the words of JSON Schema: ``{"minimum": 0}``.
    :param default: what it is when not given; ``attrs.NOTHING`` when it must be given.
    """

    name: str
    annotation: Any
    type: str
    limits: dict[str, Any]
    default: Any
    doc: str

    @property
    def required(self) -> bool:
        """Whether a spec must give it."""
        return self.default is attrs.NOTHING

    @property
    def is_default_path(self) -> bool:
        """Whether it is a path with a default, which has to be resolved as if it were given."""
        return mark(self.annotation) is not None and isinstance(self.default, str)

    @property
    def default_text(self) -> str:
        """The default as a spec has it, in JSON."""
        return json.dumps(self.default, default=_plain)

    @property
    def limits_text(self) -> str:
        """The bounds in words: `` >= 0 < 1``."""
        return "".join(
            f" {sign} {self.limits[word]}" for sign, word in _limits.items() if word in self.limits
        )


def _plain(value: Any) -> Any:
    """A record as a spec has it; anything else that JSON does not know as text."""
    return attrs.asdict(value) if attrs.has(type(value)) else str(value)


@attrs.frozen
class Description:
    """A component in words: one line, the rest of its docstring, its parameters."""

    summary: str
    body: str
    parameters: tuple[Parameter, ...]


def describe(component: Any) -> Description:
    """The description of a component class, from its fields and its docstring.

    :raises UserError: when its annotations cannot be read.
    """
    text = inspect.cleandoc(component.__doc__ or "")
    docs = {name: " ".join(doc.split()) for name, doc in _param.findall(text)}
    prose = _field_list.sub("", text).strip()
    summary, _, body = prose.partition("\n\n")
    return Description(" ".join(summary.split()), body.strip(), _parameters(component, docs))


def _parameters(component: Any, docs: dict[str, str]) -> tuple[Parameter, ...]:
    if not attrs.has(component):
        return ()
    try:
        hints = get_type_hints(component, include_extras=True)
    except Exception as error:  # annotations are code, and may fail in any way
        place = f"{component.__module__}:{component.__qualname__}"
        raise UserError(f"the annotations of {place} cannot be read: {error}") from None
    return tuple(
        Parameter(
            name=field.alias or field.name,
            annotation=hints[field.name],
            type=type_text(hints[field.name]),
            limits=_limits_of(field.validator),
            default=_default(field),
            doc=docs.get(field.name, ""),
        )
        for field in attrs.fields(component)
        if field.init
    )


def _default(field: attrs.Attribute[Any]) -> Any:
    if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]
        return None if field.default.takes_self else field.default.factory()  # type: ignore[union-attr]
    return field.default


def _limits_of(validator: Any) -> dict[str, Any]:
    """The bounds that a validator of attrs sets, so far as JSON Schema has words for them."""
    if hasattr(validator, "_validators"):  # several, joined
        return {k: v for each in validator._validators for k, v in _limits_of(each).items()}
    if hasattr(validator, "validator"):  # optional(...)
        return _limits_of(validator.validator)
    if hasattr(validator, "bound") and hasattr(validator, "compare_op"):
        return {_limits[validator.compare_op]: validator.bound}
    if hasattr(validator, "min_length"):
        return {"minLength": validator.min_length}
    return {}
