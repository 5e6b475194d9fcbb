"""The points in a state of neuroglancer, or in one layer of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from metroem_core.errors import UserError

POINT = {"point": "point", "line": "pointA", "axis_aligned_bounding_box": "pointA"}
CENTRE = "center"  # of an ellipsoid
NANOMETRES = {"m": 1e9, "mm": 1e6, "um": 1e3, "µm": 1e3, "nm": 1.0, "pm": 1e-3}

Sizes = tuple[float, float, float]


def points_of_state(
    state: Any, path: str, name: str | None, voxel_size: Sizes | None
) -> Iterator[list[float]]:
    """The points of the annotation layer of a state, in MIP0 voxels and fractions of them."""
    layer = chosen(state, path, name)
    scale = units(layer, state, path)
    factors = factors_of(scale, voxel_size, path)
    for index, annotation in enumerate(layer["annotations"]):
        where = f"{path}: annotation {index} of layer '{layer.get('name', '')}'"
        point = point_of(annotation, where)
        yield [number * factor for number, factor in zip(point, factors, strict=True)]


def chosen(state: Any, path: str, name: str | None) -> dict[str, Any]:
    """The annotation layer to read."""
    layers = layers_of(state)
    found = [
        layer
        for layer in layers
        if isinstance(layer.get("annotations"), list) and name in (None, layer.get("name"))
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(layer.get("name")) for layer in layers if "annotations" in layer)
    if not found:
        wanted = f"called '{name}' " if name else ""
        raise UserError(f"{path} has no layer {wanted}with annotations. It has: {names or 'none'}")
    raise UserError(f"{path} has several layers with annotations: name one of {names}")


def layers_of(state: Any) -> list[dict[str, Any]]:
    """The layers of a state, or the layer that is given instead of one."""
    if isinstance(state, dict) and isinstance(state.get("layers"), dict):
        layers = [{"name": name, **layer} for name, layer in state["layers"].items()]
    elif isinstance(state, dict) and isinstance(state.get("layers"), list):
        layers = state["layers"]
    else:
        layers = state if isinstance(state, list) else [state]
    return [layer for layer in layers if isinstance(layer, dict)]


def units(layer: dict[str, Any], state: Any, path: str) -> list[float] | None:
    """Nanometres along x, y, z of one unit of a layer's points, or None when nothing says."""
    if isinstance(layer.get("voxelSize"), list):
        return [float(each) for each in layer["voxelSize"]]
    dimensions = output_dimensions(layer) or (state.get("dimensions") if state else None)
    if not isinstance(dimensions, dict):
        return None
    try:
        pairs = [dimensions[axis] for axis in ("x", "y", "z")]
        return [float(scale) * NANOMETRES[unit] for scale, unit in pairs]
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: the dimensions must be lengths x, y, z: {dimensions}") from None


def output_dimensions(layer: dict[str, Any]) -> Any:
    """The dimensions that a layer itself gives, if it does."""
    source = layer.get("source")
    for each in source if isinstance(source, list) else [source]:
        if isinstance(each, dict) and isinstance(each.get("transform"), dict):
            return each["transform"].get("outputDimensions")
    return None


def factors_of(scale: list[float] | None, voxel_size: Sizes | None, path: str) -> list[float]:
    """What turns the units of a layer into MIP0 voxels, along x, y, z."""
    if scale is None:
        return [1.0, 1.0, 1.0]
    if voxel_size is None:
        sizes = " x ".join(f"{each:g}" for each in scale)
        raise UserError(
            f"{path}: its points are in units of {sizes} nm. "
            "Say with voxel_size (--voxel_size) how large a MIP0 voxel is"
        )
    return [a / b for a, b in zip(scale, voxel_size, strict=True)]


def point_of(annotation: Any, where: str) -> list[float]:
    """The first point of an annotation, or its middle."""
    kind = annotation.get("type", "point") if isinstance(annotation, dict) else None
    point = annotation.get(POINT.get(str(kind), CENTRE)) if kind else None
    try:
        found = [float(each) for each in point or ()][:3]
    except (TypeError, ValueError):
        found = []
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise UserError(f"{where} has no point x, y, z: {annotation}")
    return found
