import pytest
import torch
from torch import Tensor, nn

from metroem_core.errors import UserError
from metroem_core.field import random_smooth
from metroem_core.testing import NetworkConformance
from metroem_networks.encoder_pyramid import EncoderPyramid

SMALL = EncoderPyramid(size=3, k=3, features=4, growth=2)


class TestEncoderPyramid(NetworkConformance):
    component = SMALL


def pictures(height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(2, 2, height, width, generator=torch.Generator().manual_seed(0))


def silent(net: nn.Module) -> nn.Module:
    """The net with residuals of zero."""
    for each in net.residuals:
        nn.init.zeros_(each[-1].weight)
        nn.init.zeros_(each[-1].bias)
    return net


def saying(net: nn.Module, level: int, x: float, y: float) -> nn.Module:
    """The net with a constant residual at one level, and none at the others."""
    silent(net).residuals[level][-1].bias.data = torch.tensor([x, y])
    return net


def test_the_field_has_the_size_of_the_pictures() -> None:
    assert SMALL.build()(pictures()).shape == (2, 2, 32, 48)


def test_residuals_of_zero_leave_the_field_that_was_given() -> None:
    given = random_smooth((32, 48), 3.0, 24.0, torch.Generator(), count=2)
    field = silent(SMALL.build())(pictures(), given)
    assert (field - given).abs().mean() < 0.1 < given.abs().mean()
    assert (silent(SMALL.build())(pictures()) == 0).all()


def test_what_is_linear_stays_so_to_the_corners_through_all_levels() -> None:
    x, y = torch.arange(48.0).expand(32, 48), torch.arange(32.0)[:, None].expand(32, 48)
    given = torch.stack([0.05 * x - 1, 0.1 * y + 0.02 * x]).expand(2, 2, 32, 48)
    field = silent(SMALL.build())(pictures(), given)
    torch.testing.assert_close(field, given, atol=1e-4, rtol=0)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_residual_is_that_of_a_picture_of_1280_pixels_at_every_level(level: int) -> None:
    """0.1 * r * 1280 / W in halves of the W - 1 pixels between the corners."""
    field = saying(SMALL.build(), level, 0.1, -0.2)(pictures())
    expected = torch.tensor([0.1 * 128 / 48 * 47 / 2, -0.2 * 128 / 32 * 31 / 2])
    torch.testing.assert_close(field, expected.view(1, 2, 1, 1).expand_as(field))


def test_levels_that_are_skipped_say_nothing() -> None:
    for plan, level in (
        (EncoderPyramid(size=3, k=3, skip=1), 0),
        (EncoderPyramid(size=3, k=3, topskips=1), 2),
        (EncoderPyramid(size=3, k=3, trunc=1), 0),
    ):
        assert (saying(plan.build(), level, 1.0, 1.0)(pictures()) == 0).all()


def test_composing_constant_residuals_is_adding_them() -> None:
    torch.manual_seed(0)
    added = saying(SMALL.build(), 1, 0.1, 0.1)
    composed = EncoderPyramid(size=3, k=3, features=4, growth=2, compose=True).build()
    composed.load_state_dict(added.state_dict())
    torch.testing.assert_close(added(pictures()), composed(pictures()))


def test_both_pictures_are_seen_by_the_same_encoders() -> None:
    picture = pictures()[:, :1]
    for src, tgt in SMALL.build().encode(picture.repeat(1, 2, 1, 1)):
        torch.testing.assert_close(src, tgt)


def test_pictures_that_cannot_be_halved_often_enough_are_refused() -> None:
    with pytest.raises(UserError, match="multiples of 4, 8 at least, not 33 x 48"):
        SMALL.build()(pictures(33))


def test_what_cannot_be_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValueError, match="'k' must be odd: 4"):
        EncoderPyramid(k=4)
    with pytest.raises(ValueError, match="'trunc' must be < 5"):
        EncoderPyramid(trunc=5)


def test_it_learns_to_move_a_picture() -> None:
    torch.manual_seed(0)
    net = EncoderPyramid(size=2, k=3, features=4).build()
    src = torch.rand(1, 1, 16, 16)
    pair = torch.cat([src, src.roll(-1, dims=-1)], dim=1)
    adam, wanted = torch.optim.Adam(net.parameters(), lr=3e-3), torch.tensor([1.0, 0.0])
    errors = []
    for _ in range(40):
        error = (net(pair) - wanted.view(1, 2, 1, 1)).square().mean()
        adam.zero_grad()
        error.backward()
        adam.step()
        errors.append(error.item())
    assert errors[-1] < errors[0] / 5
