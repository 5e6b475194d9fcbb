"""What rigidity costs, forward and backward, as a multiple of the same formula by convolutions.

The other way has a convolution for each of the eight springs of a pixel, and autograd. Both
run in turn, so that a change of the machine's speed meets both alike.
"""

import math
import statistics
import time

import torch
import torch.nn.functional as F

from metroem_losses.smoothness.rigidity import Rigidity

RUNS = 7
AROUND = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]


def kernels():
    """A kernel (2, 1, 3, 3) for each spring: the vector at its end less that at the pixel."""
    for dy, dx in AROUND:
        kernel = torch.zeros(2, 1, 3, 3)
        kernel[:, :, 1, 1], kernel[:, :, 1 + dy, 1 + dx] = -1, 1
        yield dy, dx, kernel


SPRINGS = list(kernels())


def by_convolutions(field):
    """Rigidity with the exponent 2 and the diagonal weight 1."""
    roughness = 0
    for dy, dx, kernel in SPRINGS:
        ends = F.conv2d(field, kernel, padding=1, groups=2)
        ends = ends + torch.tensor([dx, dy]).view(1, 2, 1, 1)
        length = (ends.square().sum(dim=1, keepdim=True) + 1e-8).sqrt()
        roughness = roughness + (length - math.hypot(dy, dx)).abs() ** 2
    return F.pad(roughness[..., 2:-2, 2:-2] / 8, (2, 2, 2, 2))


def forward_and_backward(smoothness, field):
    """The time that it takes, and the gradient."""
    field = field.clone().requires_grad_()
    start = time.perf_counter()
    smoothness(field).sum().backward()
    return time.perf_counter() - start, field.grad


for size in (512, 2048):
    field = torch.randn(1, 2, size, size)
    torch.testing.assert_close(by_convolutions(field), Rigidity()(field), atol=1e-3, rtol=1e-3)
    pairs = [
        [forward_and_backward(each, field)[0] for each in (Rigidity(), by_convolutions)]
        for _ in range(RUNS)
    ]
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(each) for each in zip(*pairs, strict=True))
    print(
        f"rigidity {size} x {size}: {ours:.4f} s, {ratio:.2f} x the convolutions "
        f"({theirs:.4f} s); at most 0.33 wanted"
    )
