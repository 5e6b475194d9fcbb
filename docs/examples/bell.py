"""A listener in one file, for `--plugin bell.py`: rings when a step has failed or is done."""

import metroem_core


@metroem_core.hookimpl
def metroem_after_step(step, error):
    outcome = "failed" if error else "done"
    print(f"\a{type(step).__name__} {outcome}.")
