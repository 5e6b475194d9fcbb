import math

import pytest
import torch
import torch.nn.functional as F

from metroem_core.errors import UserError
from metroem_core.field import compose, down, sample, sample_valid, up

SIZES = [(12, 12), (9, 16), (16, 7)]


def constant(dx, dy, size=(12, 15)):
    return torch.tensor([dx, dy], dtype=torch.float64).view(1, 2, 1, 1).expand(1, 2, *size).clone()


def coordinates(size):
    """The image (1, 2, H, W) whose channels are the x and the y of every pixel."""
    y, x = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) for n in size], indexing="ij")
    return torch.stack([x, y])[None]


def random_field(size, length, seed=0, count=1):
    """A smooth field with vectors of about a length, in pixels."""
    generator = torch.Generator().manual_seed(seed)
    knots = torch.randn(count, 2, 4, 4, generator=generator, dtype=torch.float64)
    return length * F.interpolate(knots, size=size, mode="bicubic", align_corners=True)


def inside(values, margin=4):
    return values[..., margin:-margin, margin:-margin]


@pytest.mark.parametrize("size", SIZES)
def test_a_zero_field_leaves_an_image_alone(size):
    image = torch.rand(2, 3, *size, dtype=torch.float64)
    torch.testing.assert_close(sample(image, constant(0, 0, size)), image)


def test_it_pulls_component_0_along_x_and_1_along_y():
    image = torch.zeros(1, 1, 12, 15, dtype=torch.float64)
    image[0, 0, 5, 9] = 1
    warped = sample(image, constant(2, 1))
    assert warped[0, 0, 4, 7].item() == pytest.approx(1)
    assert warped.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("size", SIZES)
def test_sampling_coordinates_gives_the_positions(size):
    field = random_field(size, 1)
    positions = coordinates(size) + field
    limits = torch.tensor([size[1] - 1, size[0] - 1]).view(1, 2, 1, 1)
    reached = positions.clamp(min=torch.zeros(()), max=limits)
    torch.testing.assert_close(sample(coordinates(size), field, "border"), reached)


def test_outside_an_image_there_is_0_or_its_border():
    image = torch.ones(1, 1, 12, 15, dtype=torch.float64)
    assert sample(image, constant(100, 0)).max() == 0
    assert sample(image, constant(1e30, 0)).max() == 0
    torch.testing.assert_close(sample(image, constant(100, 0), "border"), image)


@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("component", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_invalid_vector_gives_0_and_only_there(value, component, padding):
    field = constant(0, 0)
    field[0, component, 3, 4] = value
    image = torch.rand(1, 1, 12, 15, dtype=torch.float64)
    expected = image.clone()
    expected[0, 0, 3, 4] = 0
    torch.testing.assert_close(sample(image, field, padding), expected)


def test_one_field_serves_many_images_and_one_image_many_fields():
    images, fields = torch.rand(3, 2, 12, 15).double(), random_field((12, 15), 1, count=3)
    torch.testing.assert_close(sample(images, fields[:1])[2:], sample(images[2:], fields[:1]))
    torch.testing.assert_close(sample(images[:1], fields)[2:], sample(images[:1], fields[2:]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_image_keeps_its_type_whatever_that_of_the_field(dtype):
    image = torch.rand(1, 1, 12, 15).to(dtype)
    for field in (constant(1, 0).float(), constant(1, 0)):
        warped = sample(image, field)
        assert warped.dtype == dtype
        torch.testing.assert_close(warped[..., :-1], image[..., 1:], atol=0.01, rtol=0)


def test_positions_are_exact_in_large_images():
    image = torch.rand(1, 1, 8, 4096)
    warped = sample(image, constant(100, 0, (8, 4096)).float())
    torch.testing.assert_close(warped[..., :-100], image[..., 100:], atol=1e-3, rtol=0)


def test_gradients_of_image_and_field():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    field = (random_field((5, 6), 0.7) + 0.01).requires_grad_()
    assert torch.autograd.gradcheck(sample, (image, field))
    valid = torch.rand(1, 1, 5, 6) > 0.2
    assert torch.autograd.gradcheck(lambda *x: sample_valid(x[0], valid, x[1])[0], (image, field))


def test_gradients_are_finite_beside_what_is_invalid():
    image = torch.rand(1, 1, 12, 15, dtype=torch.float64, requires_grad=True)
    field = constant(0.3, 0.3)
    field[0, 0, 3, 4] = math.nan
    field.requires_grad_()
    sample_valid(image, image > 0.5, field)[0].sum().backward()
    assert image.grad.isfinite().all()
    assert field.grad.isfinite().all()


def test_a_field_of_another_size_is_refused():
    with pytest.raises(UserError, match=r"\(12, 16\) rows and columns .* \(12, 15\)"):
        sample(torch.rand(1, 1, 12, 16), constant(0, 0).float())


def test_no_grey_bleeds_into_what_has_no_data():
    image = torch.full((1, 1, 12, 15), 0.7, dtype=torch.float64)
    image[..., 5:] = 0
    for dx, reach in ((0.25, 5), (0.5, 5), (0.75, 4)):
        warped, valid = sample_valid(image, image != 0, constant(dx, 0))
        torch.testing.assert_close(warped[..., :reach], torch.full_like(warped[..., :reach], 0.7))
        assert (warped[..., reach:] == 0).all()
        assert valid.equal(warped != 0)


def test_values_that_are_not_valid_have_no_influence():
    image = torch.rand(1, 2, 12, 15, dtype=torch.float64)
    valid, field = torch.rand(1, 1, 12, 15) > 0.3, random_field((12, 15), 2)
    changed = torch.where(valid, image, math.nan)
    expected, found = sample_valid(image, valid, field), sample_valid(changed, valid, field)
    torch.testing.assert_close(found, expected)


def test_a_zero_field_is_neutral_to_composition():
    field = random_field((20, 24), 2)
    torch.testing.assert_close(compose(constant(0, 0, (20, 24)), field), field)
    torch.testing.assert_close(compose(field, constant(0, 0, (20, 24))), field)


def test_constant_fields_add_up():
    torch.testing.assert_close(compose(constant(2, 1), constant(-0.5, 3)), constant(1.5, 4))


def test_a_composed_field_warps_as_both_do_in_turn():
    size = (40, 48)
    f, g = random_field(size, 1, seed=1), random_field(size, 1, seed=2)
    in_turn = sample(sample(coordinates(size), g), f)
    torch.testing.assert_close(
        inside(sample(coordinates(size), compose(f, g)), 8), inside(in_turn, 8), atol=1e-6, rtol=0
    )


def test_composition_is_associative_up_to_interpolation():
    f, g, h = (random_field((40, 48), 1, seed=seed) for seed in range(3))
    left, right = compose(compose(f, g), h), compose(f, compose(g, h))
    torch.testing.assert_close(inside(left, 8), inside(right, 8), atol=0.02, rtol=0)


def test_an_invalid_vector_stays_one_in_composition_and_spoils_no_other():
    first, second = constant(1, 0), constant(0, 2)
    first[0, 0, 3, 4], second[0, 1, 8, 8] = math.nan, math.inf
    composed = compose(first, second)
    invalid = ~composed.isfinite().all(dim=1)
    assert invalid.nonzero().tolist() == [[0, 3, 4], [0, 8, 7]]
    torch.testing.assert_close(composed[0, :, 8, 8], torch.tensor([1.0, 2.0]).double())


@pytest.mark.parametrize("mips", [1, 2, 3])
def test_vectors_grow_and_shrink_with_the_grid(mips):
    factor = 2**mips
    finer = constant(1, -2, (8 * factor, 16 * factor))
    torch.testing.assert_close(up(constant(1, -2, (8, 16)), mips), factor * finer)
    torch.testing.assert_close(down(finer, mips), constant(1, -2, (8, 16)) / factor)


def test_twice_one_mip_is_two_mips_down():
    field = random_field((16, 24), 3)
    torch.testing.assert_close(down(down(field)), down(field, 2))


def test_a_linear_field_comes_back_from_up_and_down():
    field = coordinates((8, 10)) * 0.1
    torch.testing.assert_close(inside(down(up(field)), 1), inside(field, 1))


def test_the_same_place_moves_the_same_way_at_every_mip():
    image, field = coordinates((32, 40)), random_field((32, 40), 1)
    coarse = sample(F.avg_pool2d(image, 2), down(field))
    torch.testing.assert_close(
        inside(coarse), inside(F.avg_pool2d(sample(image, field), 2)), atol=0.02, rtol=0
    )


def test_a_vector_is_invalid_at_another_mip_when_most_of_it_is():
    field = constant(1, 1, (4, 6))
    field[0, 0, 0, 0] = field[0, 1, 2:, 2:4] = math.nan
    assert (~down(field).isfinite().all(dim=1)).nonzero().tolist() == [[0, 1, 1]]
    torch.testing.assert_close(down(field)[0, :, 0, 0], torch.full((2,), 0.5).double())
    assert (~up(field).isfinite().all(dim=1)).sum() == 4 * 5


def test_rows_that_do_not_fill_a_coarser_pixel_are_left_out():
    assert down(constant(2, 2, (7, 10)), 2).shape == (1, 2, 1, 2)
