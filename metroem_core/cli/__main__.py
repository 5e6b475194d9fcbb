"""``python -m metroem_core.cli`` is ``metroem``."""

from . import main

main(prog_name="metroem")
