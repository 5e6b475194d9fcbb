"""The programs by which Neuroglancer colours voxels."""

from __future__ import annotations

from metroem_core.field.storage import INVALID
from metroem_core.geometry import VolumeInfo

MASK = """#uicontrol vec3 colour color(default="#ff3b30")
void main() {
  if (float(toRaw(getDataValue())) == 0.0) {
    emitTransparent();
  } else {
    emitRGB(colour);
  }
}
"""

GREY = """#uicontrol invlerp grey
void main() {
  emitGrayscale(grey());
}
"""

COLOURS = """#uicontrol invlerp grey
void main() {
  emitRGB(vec3(grey(getDataValue(0)), grey(getDataValue(1)), grey(getDataValue(2))));
}
"""

FIELD = """// The hue is the direction of a vector, the strength its length.
#uicontrol float longest slider(min=0, max={top}, default={longest}, step={step})
#uicontrol bool see_through checkbox(default=false)
vec3 hue(float turn) {{
  return clamp(abs(mod(turn * 6.0 + vec3(0.0, 4.0, 2.0), 6.0) - 3.0) - 1.0, 0.0, 1.0);
}}
void main() {{
  vec2 stored = vec2(float(toRaw(getDataValue({x}))), float(toRaw(getDataValue({y}))));
  float size = length(stored) * float({scale});
  if (!(size < 1e9){invalid}) {{
    emitTransparent();
    return;
  }}
  float strength = clamp(size / max(longest, 1e-6), 0.0, 1.0);
  vec3 colour = hue(atan(stored.y, stored.x) / 6.2831853);
  emitRGBA(see_through ? vec4(colour, strength) : vec4(mix(vec3(1.0), colour, strength), 1.0));
}}
"""


def image_shader(channels: int) -> str:
    """Grey values; the colours of a picture of three channels."""
    return COLOURS if channels == 3 else GREY


def field_shader(info: VolumeInfo, longest: float) -> str:
    """Vectors of a volume.

    :param longest: of a vector of full colour, in the units of the volume.
    """
    first = 1 if info.attributes.get("components", "yx") == "yx" else 0
    no_vector = f" || any(equal(stored, vec2({INVALID}.0)))"
    return FIELD.format(
        x=first,
        y=1 - first,
        scale=float(info.attributes.get("scale", 1)),
        invalid=no_vector if info.dtype.startswith("int") else "",
        longest=f"{longest:.6g}",
        top=f"{4 * longest:.6g}",
        step=f"{longest / 50:.6g}",
    )
