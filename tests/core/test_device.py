import pytest
import torch

from metroem_core.device import chosen
from metroem_core.errors import UserError


def test_the_cpu_is_always_there():
    assert chosen("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:77", "meta"])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(name):
    with pytest.raises(UserError, match=f"there is no device '{name}' here; there is cpu"):
        chosen(name)


def test_what_is_no_device_is_refused():
    with pytest.raises(UserError, match="'gpu' is no device; there is cpu"):
        chosen("gpu")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_first_gpu_may_be_called_without_its_number():
    assert chosen("cuda").type == "cuda"
