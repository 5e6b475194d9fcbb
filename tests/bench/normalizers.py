"""What normalising a picture costs, masked statistics included, as multiples of copying it.

Times are those of the clock, the least of many runs that alternate with copies, so that other
programs matter little, with one thread. A plain masked z-score, which gathers the valid pixels, is
there to compare with.
"""

import time

import torch

from metroem_core.kinds import Area
from metroem_registry import installed

RUNS = 100
SIZE = 2048
WANTED = {"zscore": 20, "reference_zscore": 20}
SMALL = {"clahe", "high_pass", "local_equalisation", "percentile"}  # measured once, on a part
AREA = {"reference_zscore": {"area": Area(0, (SIZE, SIZE))}}


def plain(image, valid, around=None):
    """A masked z-score as one would write it down."""
    valid = valid & (image != 0) & image.isfinite()
    pixels = image[valid]
    return torch.where(valid, (image - pixels.mean()) / pixels.std(), 0)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name, normalise, image, valid):
    if name in SMALL:
        image, valid = (x[..., : SIZE // 4, : SIZE // 2].contiguous() for x in (image, valid))
    copy, around = torch.empty_like(image), (image, valid)
    times = [
        (seconds(lambda: normalise(image, valid, around)), seconds(lambda: copy.copy_(image)))
        for _ in range(1 if name in SMALL else RUNS)
    ]
    ours, bare = (min(each) * 1e3 for each in zip(*times, strict=True))
    wanted = f"; at most {WANTED[name]} wanted" if name in WANTED else ""
    size = " x ".join(map(str, image.shape[-2:]))
    print(f"{name}: {ours / bare:.1f} x copy ({ours:.1f} / {bare:.2f} ms, {size}){wanted}")


torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
image = torch.rand(1, 1, SIZE, SIZE, generator=generator)
valid = torch.rand(1, 1, SIZE, SIZE, generator=generator) > 0.1
registry = installed()
with torch.no_grad():
    compare("plain masked z-score", plain, image, valid)
    for name in registry.names("normalizer"):
        compare(name, registry.get("normalizer", name)(**AREA.get(name, {})), image, valid)
