"""What ``--gpu`` of the older trainer means here."""

from __future__ import annotations

import os
from collections.abc import Sequence

from metroem_core.errors import UserError

CPU = "cpu"
USUAL = "0"  # what the older trainer uses unless told, whether there is a GPU or not


def devices_of(text: str) -> tuple[str, ...]:
    """The device of every process that ``--gpu`` asks for, as ``cpu`` or ``cuda:1``.

    The first GPU stands for the CPU where there is none.

    :param text: numbers of GPUs, as ``0,1``; ``cpu``, once for each process; or nothing.
    :raises UserError: when there is no such GPU.
    """
    words = [word.strip() for word in text.split(",") if word.strip()] or [CPU]
    if set(words) == {CPU}:
        return tuple(words)
    if not all(word.isdecimal() for word in words):
        raise UserError(f"--gpu must be numbers of GPUs, as 0,1, or cpu: {text}")
    import torch

    from metroem_core.device import there_is

    numbers, present = [int(word) for word in words], torch.cuda.device_count()
    if text == USUAL and not present:
        return (CPU,)
    absent = [each for each in numbers if each >= present]
    if absent:
        raise UserError(f"--gpu: there is no GPU {absent[0]} here; there is {there_is()}")
    if len(set(numbers)) < len(numbers):
        raise UserError(f"--gpu must name each GPU once: {text}")
    return tuple(f"cuda:{number}" for number in numbers)


def visible(devices: Sequence[str]) -> dict[str, str]:
    """The environment in which several processes see only their devices, in this order."""
    if devices[0] == CPU:
        return {}
    before = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    numbers = [int(device.partition(":")[2]) for device in devices]
    names = [before[each] if before != [""] else str(each) for each in numbers]
    return {"CUDA_VISIBLE_DEVICES": ",".join(names)}
