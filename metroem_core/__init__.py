"""MetroEM: align serial-section electron microscopy with learned aligners."""

from pluggy import HookimplMarker

hookimpl = HookimplMarker("metroem")
"""Marks a function of a plugin as the implementation of the hook that it is named after."""
