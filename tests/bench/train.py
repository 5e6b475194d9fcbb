"""Where the time of a training step goes, and how near it comes to what the device can do.

    python tests/bench/train.py [CROP] [STEPS] [DEVICE]

Prints the share of forward, backward and optimizer, of which the rest, reading and changing crops
and all that is counted, shall be less than 15 % on the CPU at a crop of 512. Then steps and pixels
per second, and the share of two ceilings: multiplications, against those of a large product of
matrices; and bytes, each weight, picture and map of features read or written once, against those
of a long copy. On a GPU in float32 and in bfloat16.
"""

import sys
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from metroem_commands.models.starting import start
from metroem_core.run import load
from metroem_core.sets import FileName, create_images, write_about
from metroem_core.sets.layout import created
from metroem_steps.training import loop

PAIRS, WARM = 8, 3
PLACE = (0, 0, 1)
SPENT = defaultdict(float)


def write_set(folder, side):
    """A set of noise of the size of a crop and half of it more."""
    size, generator = 2 * (side + side // 2,), torch.Generator().manual_seed(0)
    folder.mkdir()
    with created(folder / str(FileName(PLACE, 0))) as file:
        pictures = create_images(file, PAIRS, size)
        for index in range(PAIRS):
            pictures[index] = torch.rand(2, *size, generator=generator).clamp(min=0.1).numpy()
    split = {"train": list(range(PAIRS - 1)), "validation": [PAIRS - 1]}
    write_about(folder, {"x0_y0_z1": {"pairs": PAIRS, "split": split, "mips": {}}})


def spec(folder, crop, steps, device, dtype):
    plain = {"type": "plain", "similarity": "mse", "smoothness": "rigidity", "weight": 10.0}
    changes = [{"type": "warp", "max_disp": 8, "min_disp": -8}, "random_transpose"]
    phase = {"objective": plain, "lr": 1e-4, "epochs": 1, "augmentations": changes}
    return {
        "type": "train",
        "data": str(folder / "set"),
        "aligner": {"type": "pyramid", "path": str(folder / "pyramid")},
        "phases": [phase],
        "crop": crop,
        "crops": -(-steps // (PAIRS - 1)),
        "validate_every": None,
        "workers": 0 if device == "cpu" else 8,
        "device": device,
        "dtype": dtype,
        "to": f"model-{dtype}",
    }


def timed(module, name, device):
    """Have a function of a module add the time it takes to what is known."""
    function = getattr(module, name)

    def around(*arguments):
        with clock(name, device):
            return function(*arguments)

    setattr(module, name, around)


@contextmanager
def clock(name, device):
    """Add the time that something takes, once the first steps are over."""
    wait(device)
    began = time.perf_counter()
    yield
    wait(device)
    SPENT[name] += (time.perf_counter() - began) * (SPENT["steps"] >= WARM)


def wait(device):
    if device != "cpu":
        torch.cuda.synchronize()


@contextmanager
def counted(device):
    """Count steps and their time as a whole, from the end of the first ones on."""
    step = loop.step

    def around(*arguments):
        step(*arguments)
        wait(device)
        SPENT["steps"] += 1
        if SPENT["steps"] == WARM:
            SPENT["began"] = time.perf_counter()
        SPENT["ended"] = time.perf_counter()

    loop.step = around
    yield
    loop.step = step


def ceilings(device, dtype):
    """Multiplications and additions, and bytes, per second, at best."""
    side, long = (1024, 1 << 24) if device == "cpu" else (8192, 1 << 28)
    a = torch.rand(side, side, device=device, dtype=dtype)
    c = torch.rand(long, device=device)
    return 2 * side**3 / best(lambda: a @ a, device), 8 * long / best(lambda: c.clone(), device)


def best(function, device, times=5):
    seconds = []
    for _ in range(times):
        wait(device)
        began = time.perf_counter()
        function()
        wait(device)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def cost(network, crop, size):
    """Floating-point operations and bytes of a step on one crop.

    :param size: bytes of a value.
    """
    values = [sum(each.numel() for each in network.parameters())]
    hooks = [
        layer.register_forward_hook(
            lambda _, given, made: values.append(given[0].numel() + made.numel())
        )
        for layer in network.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]
    with FlopCounterMode(display=False) as flops:
        network(torch.rand(1, 2, crop, crop)).sum().backward()
    for hook in hooks:
        hook.remove()
    return flops.get_total_flops(), 3 * size * sum(values)


def measure(folder, crop, steps, device, dtype):
    SPENT.clear()
    value = {"steps": [spec(folder, crop, steps, device, dtype)]}
    with counted(device):
        load(value, out=folder / f"run-{dtype}").run()
    count, seconds = SPENT["steps"] - WARM, SPENT["ended"] - SPENT["began"]
    print(f"{device} {dtype}, crop {crop}: {count:.0f} steps of {seconds / count:.3f} s")
    inside = sum(SPENT[name] for name in ("forward", "backward", "update"))
    for name in ("forward", "backward", "update"):
        print(f"  {name:<10} {100 * SPENT[name] / seconds:5.1f} %")
    print(f"  {'the rest':<10} {100 * (1 - inside / seconds):5.1f} %   (wanted on CPU: < 15 %)")
    return seconds / count


if __name__ == "__main__":
    crop, steps = (int(each) for each in (sys.argv[1:3] + ["512", "12"][len(sys.argv) - 1 :]))
    device = sys.argv[3] if len(sys.argv) > 3 else "cuda" if torch.cuda.is_available() else "cpu"
    for name in ("forward", "backward", "update"):
        timed(loop, name, device)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_set(folder / "set", crop)
        start(folder / "pyramid", "small", (0,), 0)
        from metroem_core.module_folder import load_module

        network = load_module(folder / "pyramid" / "0_mip0in_small").network.train()
        for dtype in ("float32",) if device == "cpu" else ("float32", "bfloat16"):
            flops, read = cost(network, crop, 2 if dtype == "bfloat16" else 4)
            fastest, widest = ceilings(device, getattr(torch, dtype))
            seconds = measure(folder, crop, steps, device, dtype)
            print(
                f"  {1 / seconds:.2f} steps/s, {crop**2 / seconds / 1e6:.3f} Mpix/s, "
                f"{100 * flops / seconds / fastest:.1f} % of {fastest / 1e9:.0f} Gflop/s, "
                f"{100 * read / seconds / widest:.1f} % of {widest / 1e9:.1f} GB/s"
            )
