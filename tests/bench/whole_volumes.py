"""Whole volumes: how fast each step is, and that a larger volume needs no more memory.

Fields of a volume are found, composed and rendered, each step by a process of its own, for a volume
and for one of so many times the sections. What is printed is what the process held at most,
and the line with which the step ends. Compression and aligner are the cheapest, since memory
is what matters; and few chunks are kept for later, so that the smaller volume fills that too.
The bound is 20 % more.

    python tests/bench/whole_volumes.py [SIDE] [SECTIONS] [TIMES]
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from generate import TINY, volume

CODE = """
import sys
from pathlib import Path
from metroem_core import stores
from metroem_core.run import load
stores.CACHE = 2**22
load(Path(sys.argv[1]), out=sys.argv[2]).run()
peak = Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0]
print('peak', int(peak) / 1e3)
"""
CHUNK, BLOCK, MOST = [256, 256, 1], [512, 512], 1.2


def zarr(path):
    return {"type": "zarr", "path": str(path), "chunk": CHUNK, "compression": "none"}


def steps(image):
    """The three steps of a volume, in their order; each reads what the one before wrote."""
    given = {"type": "zarr", "path": str(image)}
    pairs, total, shown = (image.parent / name for name in ("pairs", "total", "shown"))
    small = {"block": BLOCK, "together": 2}
    sections = {"image": given, "fields": {"-1": zarr(pairs)}, "halo": 64, **small}
    return {
        "generate": {"mip": 0, "aligner": TINY, "volume": sections},
        "align": {
            "fields": {"-1": {"type": "zarr", "path": str(pairs)}},
            "mip": 0, "sigma": 16, "image": given, "to": zarr(total), **small,
        },
        "render": {
            "fields": {"type": "zarr", "path": str(total)},
            "volumes": [{"source": given, "to": zarr(shown), "mips": 3}], **small,
        },
    }  # fmt: skip


def run(name, step, folder):
    """Megabytes that a process of its own holds at most, and how fast it says that it was."""
    spec = folder / f"{name}.json"
    spec.write_text(json.dumps({"steps": [{"type": name, **step}]}))
    command = [sys.executable, "-c", CODE, str(spec), str(folder / name)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if "Mpix/s" in line]
    return float(done.stdout.split()[-1]), told[-1].strip()


def main():
    side, sections, times = (
        int(each) for each in [*sys.argv[1:], *("512", "16", "16")[len(sys.argv) - 1 :]]
    )
    held = {}
    for count in (sections, sections * times):
        with tempfile.TemporaryDirectory() as name:
            image = Path(name) / "image"
            volume(image, side, count)
            for step, parameters in steps(image).items():
                held[step, count], told = run(step, parameters, Path(name))
                print(f"{step}, {count} sections: {held[step, count]:.0f} MB; {told}", flush=True)
    for step in ("generate", "align", "render"):
        ratio = held[step, sections * times] / held[step, sections]
        print(f"{step}: {ratio:.2f} of the memory for {times} times the sections, at most {MOST}")


if __name__ == "__main__":
    main()
