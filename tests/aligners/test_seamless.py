from pathlib import Path

import pytest
import torch

from metroem_aligners.running import Running
from metroem_aligners.seamless import Seamless
from metroem_core.batch import Array, pair
from metroem_core.errors import UserError
from metroem_core.module_folder import save_module
from metroem_core.testing import AlignerConformance
from metroem_networks.encoder_pyramid import EncoderPyramid
from metroem_normalizers.unit_range import UnitRange

SMALL = EncoderPyramid(size=2, k=3, features=4, growth=2)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    path = tmp_path / "archive.pt"
    torch.save(SMALL.build().state_dict(), path)
    return path


class TestSeamless(AlignerConformance):
    @pytest.fixture(autouse=True)
    def _component(self, archive: Path) -> None:
        weights = torch.load(archive, weights_only=True)
        quiet = {k: v * (0 if "residuals" in k else 1) for k, v in weights.items()}
        torch.save(quiet, archive)
        self.component = Seamless(path=str(archive), network=SMALL)


def pictures(height: int = 40, width: int = 33) -> torch.Tensor:
    return 0.1 + 0.9 * torch.rand(2, 1, height, width, generator=torch.Generator().manual_seed(0))


def test_a_state_dict_gives_the_field_of_its_network(archive: Path) -> None:
    torch.manual_seed(3)
    network, both = SMALL.build().eval(), pictures(32, 32)
    running = Running(channels_last=False)
    align = Seamless(path=str(archive), network=SMALL, running=running).build()
    field = align(pair(*both.split(1))).field
    torch.testing.assert_close(field, network(both.transpose(0, 1)).detach())


def test_a_module_folder_says_itself_what_its_network_is(archive: Path, tmp_path: Path) -> None:
    one = Seamless(path=str(archive), network=SMALL).build()
    save_module(tmp_path / "module", SMALL, one.align.network, {})
    two = Seamless(path=str(tmp_path / "module")).build()
    batch = pair(*pictures().split(1))
    torch.testing.assert_close(one(batch).field, two(batch).field)


def test_features_of_every_size_are_given_back(archive: Path) -> None:
    found = Seamless(path=str(archive), network=SMALL).build()(pair(*pictures().split(1)))
    assert found.features is not None
    assert {level: src.shape[1] for level, (src, _) in found.features.items()} == {0: 4, 1: 6}


def test_the_network_sees_normalized_pictures(archive: Path) -> None:
    plain = Seamless(path=str(archive), network=SMALL).build()
    stretched = Seamless(path=str(archive), network=SMALL, normalizer=UnitRange()).build()
    normalize = UnitRange()
    src, tgt = pictures().split(1)
    by_hand = pair(*(normalize(each, each != 0) for each in (src, tgt)))
    torch.testing.assert_close(stretched(pair(src, tgt)).field, plain(by_hand).field)


def test_a_batch_keeps_its_field_where_there_is_nothing_to_see(archive: Path) -> None:
    src, tgt = pictures().split(1)
    start = torch.full((1, 2, 40, 33), 1.5)
    batch = pair(src * 0, tgt).put(src_field=Array(start, "field"))
    assert Seamless(path=str(archive), network=SMALL).build()(batch).field.equal(start)


def test_an_archive_of_more_sizes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.pt"
    torch.save(EncoderPyramid(size=3, k=3, features=4, growth=2).build().state_dict(), path)
    with pytest.raises(UserError, match="larger one"):
        Seamless(path=str(path), network=SMALL).build()
