"""What listing components costs, as a multiple of importing the libraries that it needs.

Whole commands, alternating, so that a change of the machine's speed meets both alike.
"""

import statistics
import subprocess
import sys
import time

RUNS = 15
BARE = [sys.executable, "-c", "import attrs, click, pluggy, entrypoints"]
COMMANDS = {
    "metroem components": [sys.executable, "-m", "metroem_core.cli", "components"],
    "metroem --help": [sys.executable, "-m", "metroem_core.cli", "--help"],
}


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


for name, command in COMMANDS.items():
    pairs = [(seconds(command), seconds(BARE)) for _ in range(RUNS)]
    ratio = statistics.median(ours / bare for ours, bare in pairs)
    ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(f"{name}: {ours:.3f} s, {ratio:.2f} x the bare imports ({bare:.3f} s); at most 3 wanted")
