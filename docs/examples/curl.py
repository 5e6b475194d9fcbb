"""A smoothness loss in one file, for `--plugin curl.py`."""

import attrs
import torch

import metroem_core


@attrs.frozen
class Curl:
    """Penalise local rotation; moving and stretching are free.

    :param power: the exponent of the rotation.
    """

    power: float = attrs.field(default=2.0, validator=attrs.validators.ge(1))

    def __call__(self, field):
        """Roughness (N, 1, H, W) of a field (N, 2, H, W) of x, y displacements in pixels."""
        (along_y,) = torch.gradient(field[:, :1], dim=2)
        (along_x,) = torch.gradient(field[:, 1:], dim=3)
        return (along_x - along_y).abs() ** self.power


@metroem_core.hookimpl
def metroem_register_components(registry):
    registry.add("smoothness", "curl", Curl)
