"""Pictures for people: arrays (H, W, 3) of uint8, rows downwards as in a viewer."""

from .colours import certainty, field_colours, heat, overlay, stretched
from .legends import with_bar, with_wheel
from .sheet import pair_panels, sheet

__all__ = [
    "certainty",
    "field_colours",
    "heat",
    "overlay",
    "pair_panels",
    "sheet",
    "stretched",
    "with_bar",
    "with_wheel",
]
