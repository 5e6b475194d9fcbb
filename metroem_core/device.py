"""Where tensors are computed."""

from __future__ import annotations

import torch

from .errors import UserError


def chosen(name: str) -> torch.device:
    """The device of a name such as ``cpu``, ``cuda`` or ``cuda:1``.

    :raises UserError: when this machine has no such device, naming those that it has.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"'{name}' is no device; there is {there_is()}") from None
    present = {str(each) for each in devices()}
    if str(device) not in present and name not in {device.type for device in devices()}:
        raise UserError(f"there is no device '{name}' here; there is {there_is()}")
    return device


def devices() -> list[torch.device]:
    """All that there are, the CPU first."""
    gpus = [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    return [torch.device("cpu"), *gpus]


def there_is() -> str:
    """The devices in words."""
    return ", ".join(map(str, devices()))
