"""The specs of the older programs: read, checked whole, and turned into a step `curate`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import attrs
from attrs.validators import ge, gt, optional

from metroem_core.errors import UserError
from metroem_core.plugins import components
from metroem_core.spec import Problem, SpecError, build, parse

Comparator = Literal["gt", "ge", "lt", "le", "eq", "ne"]

log = logging.getLogger("metroem.curate")
Value = dict[str, Any]


@attrs.frozen
class Reference:
    """An area around a sample.

    :param path: its volume.
    :param src_mip: where it is read.
    :param dst_mip: where it is measured.
    :param x_size: its width, in pixels of ``dst_mip``.
    :param y_size: its height.
    """

    path: str
    src_mip: int = attrs.field(validator=ge(0))
    dst_mip: int = attrs.field(validator=ge(0))
    x_size: int = attrs.field(validator=gt(0))
    y_size: int = attrs.field(validator=gt(0))


@attrs.frozen
class Volume:
    """A volume, and the area of it that a sample is measured by.

    :param path: where it is.
    :param src_mip: where it is read.
    :param reference: the area.
    :param components: of a field, which of its components comes first.
    """

    path: str
    src_mip: int = attrs.field(validator=ge(0))
    reference: Reference
    components: Literal["yx", "xy"] | None = None


@attrs.frozen
class Mask:
    """A mask.

    :param path: its volume.
    :param src_mip: where it is read.
    :param threshold: what it is compared with.
    :param comparator: how.
    """

    path: str
    src_mip: int = attrs.field(validator=ge(0))
    threshold: float
    comparator: Comparator = "gt"


@attrs.frozen
class OldSpec:
    """What a spec of the older programs says.

    :param image: the pictures.
    :param dst_mip: the mip of the set.
    :param x_size: the width of the pictures, in pixels of ``dst_mip``.
    :param y_size: their height.
    :param max_mip: the coarsest mip, at whose pixels all places are.
    :param field: fields of an earlier aligner.
    :param masks: what is no data.
    :param pairs: where the pairs are.
    :param parallel: how many processes; the command line decides.
    """

    image: Volume
    dst_mip: int = attrs.field(validator=ge(0))
    x_size: int = attrs.field(validator=gt(0))
    y_size: int = attrs.field(validator=gt(0))
    max_mip: int | None = attrs.field(default=None, validator=optional(ge(0)))
    field: Volume | None = None
    masks: tuple[Mask, ...] = ()
    pairs: Any = ()
    parallel: int | None = None


def read_value(path: Path) -> Value:
    """The value in a spec file, with ``mask`` written as ``masks``.

    :raises SpecError: when it is no JSON object.
    """
    value, known = parse(path)
    if known or not isinstance(value, dict):
        raise SpecError(known or [Problem("spec", "expected a JSON object")])
    if "mask" in value:
        if "masks" in value:
            raise SpecError([Problem("spec", "give 'masks' or 'mask', not both")])
        mask = value.pop("mask")
        value["masks"] = mask if isinstance(mask, list) else [mask]
    return value


def checked(value: Value) -> OldSpec:
    """The spec in a value.

    :raises SpecError: with everything that is wrong with it.
    """
    spec: OldSpec = build(value, OldSpec, components())
    return spec


def places(spec: OldSpec) -> tuple[Any, ...]:
    """The places of the pairs of a spec.

    :raises UserError: when there are none, or one cannot be read.
    """
    listed = components().get("pairs", "listed")
    if not spec.pairs:
        raise UserError("spec.pairs: there are no pairs. Make some with `metroem create-spec`")
    try:
        found = tuple(listed(pairs=spec.pairs).places())
    except ValueError as error:
        raise UserError(f"spec: {error}") from None
    for index, place in enumerate(found):
        if any(n % (1 << (spec.max_mip or 0)) for n in (*place.src[:2], *place.tgt[:2])):
            log.warning(
                "spec.pairs[%d]: x, y of %s are no multiples of 2^max_mip = %d; sets of other mips "
                "will show a slightly different place", index, place.src, 1 << (spec.max_mip or 0)
            )  # fmt: skip
    return found


def curate(spec: OldSpec, record: Value) -> Value:
    """The step `curate` that does what a spec says, as a value."""
    if spec.field is not None and spec.field.src_mip < spec.dst_mip:
        raise UserError(
            f"spec.field.src_mip: a field must not be finer than the set, of mip {spec.dst_mip}: "
            f"{spec.field.src_mip}"
        )
    area = spec.image.reference
    value: Value = {
        "type": "curate",
        "pairs": {"type": "listed", "pairs": places(spec)},
        "image": volume(spec.image.path),
        "image_mip": spec.image.src_mip,
        "mips": [spec.dst_mip],
        "size": [spec.x_size, spec.y_size],
        "masks": [mask_value(mask) for mask in spec.masks],
        "normalizer": {
            "type": "reference_zscore",
            "area": {"mip": area.dst_mip, "size": [area.x_size, area.y_size]},
        },
        "reference": volume(area.path),
        "reference_mip": area.src_mip,
        "values": "raw",
        "record": record,
    }
    return {**value, "field": prior(spec.field)} if spec.field is not None else value


def volume(path: str) -> Value:
    """A volume of the older programs, whose empty chunks are not stored."""
    return {"type": "cloudvolume", "path": path, "missing": "report"}


def mask_value(mask: Mask) -> Value:
    """A mask."""
    return {
        "type": "threshold",
        "source": volume(mask.path),
        "mip": mask.src_mip,
        "value": mask.threshold,
        "comparator": mask.comparator,
    }


def prior(field: Volume) -> Value:
    """The fields of an earlier aligner."""
    area = field.reference
    value = {
        "source": volume(field.path),
        "mip": field.src_mip,
        "area": {"mip": area.dst_mip, "size": [area.x_size, area.y_size]},
        "reference": volume(area.path),
        "reference_mip": area.src_mip,
    }
    return {**value, "components": field.components} if field.components else value
