"""Types and devices on which the laws of tensors are tried."""

from __future__ import annotations

import pytest

DTYPES = ("float16", "bfloat16", "float32", "float64")
HALF = ("float16", "bfloat16")
COARSE = 0.02  # of the largest value: a few steps of the coarsest type


def gpu() -> str:
    """The device on which a law is repeated; the test is skipped where there is none."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    return "cuda"
