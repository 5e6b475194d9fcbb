import pytest
import torch
import torch.nn.functional as F

from metroem_commands.speed import Amount, Ceiling, amount, seconds

CPU = torch.device("cpu")
PICTURE = torch.rand(2, 4, 16, 16)
KERNEL = torch.rand(8, 4, 3, 3)


def test_a_copy_reads_and_writes_every_byte() -> None:
    assert amount(lambda: PICTURE.clone()) == Amount(2 * PICTURE.nbytes, 0)


def test_a_view_moves_nothing() -> None:
    assert amount(lambda: PICTURE[:, 1:].transpose(-1, -2)) == Amount(0, 0)


def test_a_convolution_multiplies_and_adds_for_every_weight_and_pixel() -> None:
    done = amount(lambda: F.conv2d(PICTURE, KERNEL, padding=1))
    assert done.flops == 2 * 2 * 8 * 4 * 9 * 16 * 16
    assert done.bytes == PICTURE.nbytes + KERNEL.nbytes + 2 * 8 * 16 * 16 * 4


def test_the_way_back_counts_too() -> None:
    x = PICTURE.clone().requires_grad_()
    made = x.exp()
    done = amount(lambda: torch.autograd.grad(made, [x], PICTURE, retain_graph=True))
    assert done.bytes >= 3 * PICTURE.nbytes


def test_lists_of_pictures_count_picture_by_picture() -> None:
    assert amount(lambda: torch.cat([PICTURE, PICTURE])).bytes == 4 * PICTURE.nbytes


def test_shares_are_of_what_the_machine_can_do_in_that_time() -> None:
    done = Amount(bytes=100, flops=300)
    assert done.shares(2.0, Ceiling(bytes=100.0, flops=200.0)) == pytest.approx((0.5, 0.75))


def test_the_first_time_does_not_count() -> None:
    calls: list[int] = []
    assert seconds(lambda: calls.append(1), CPU, 3) >= 0
    assert len(calls) == 4
