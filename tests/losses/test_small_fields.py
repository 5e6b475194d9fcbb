import pytest
import torch

from metroem_registry import installed


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("name", installed().names("smoothness"))
def test_fields_without_neighbours_are_not_rough(name, size, registry):
    field = torch.randn(2, 2, *size, requires_grad=True)
    roughness = registry.get("smoothness", name)()(field)
    assert roughness.shape == (2, 1, *size)
    roughness.sum().backward()
    assert field.grad.isfinite().all()
