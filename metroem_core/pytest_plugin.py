"""What pytest offers wherever MetroEM is installed: the fixture ``registry``."""

from __future__ import annotations

import pytest

from metroem_registry import Registry, installed

pytest.register_assert_rewrite("metroem_core.testing")


@pytest.fixture
def registry() -> Registry:
    """Everything that is installed, read afresh; what a test adds is gone with the test."""
    return installed()
