"""What holds for every network."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .component import Conformance

if TYPE_CHECKING:
    from torch import Tensor


class NetworkConformance(Conformance):
    """Laws of layers that see pictures (N, C, H, W).

    Set ``shape`` to what the network is tried on. Without it, C is its parameter ``in_channels``,
    where it has one, or 2 for a source and a target.
    """

    shape: tuple[int, int, int, int] | None = None

    def pictures(self) -> Tensor:
        """Grey values from 0 to 1, with a hole in each picture."""
        import torch

        shape = self.shape or (2, getattr(self.component, "in_channels", 2), 32, 48)
        pictures = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        pictures[..., :5, :7] = 0
        return pictures

    def network(self, seed: int = 0) -> Any:
        """The layers, with weights drawn by a seed, not in training."""
        import torch

        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return self.component.build().eval()

    def answer(self, network: Any) -> Tensor:
        """What a network makes of the pictures, without a gradient."""
        import torch

        with torch.no_grad():
            made: Tensor = network(self.pictures())
        return made

    def test_it_builds_layers(self) -> None:
        from torch import nn

        assert isinstance(self.component.build(), nn.Module)

    def test_it_answers_every_picture_with_finite_numbers(self) -> None:
        made = self.answer(self.network())
        assert len(made) == len(self.pictures())
        assert made.isfinite().all()

    def test_the_same_seed_gives_the_same_weights_and_another_one_others(self) -> None:
        first, again, other = (self.network(seed).state_dict() for seed in (1, 1, 2))
        assert first.keys() == again.keys() == other.keys()
        assert all(first[name].equal(again[name]) for name in first)
        assert not first or any(not first[name].equal(other[name]) for name in first)

    def test_every_picture_is_seen_as_if_alone(self) -> None:
        import torch

        network, pictures = self.network().double(), self.pictures().double()
        with torch.no_grad():
            together, alone = network(pictures), network(pictures[1:])
        torch.testing.assert_close(together[1:], alone, atol=1e-6, rtol=1e-6)

    def test_it_can_be_trained(self) -> None:
        network = self.network()
        network(self.pictures()).square().sum().backward()
        gradients = [w.grad for w in network.parameters() if w.grad is not None]
        assert all(each.isfinite().all() for each in gradients)
        trained = any(each.requires_grad for each in network.parameters())
        assert any(each.any() for each in gradients) == trained

    def test_it_leaves_its_input_alone(self) -> None:
        pictures = self.pictures()
        self.network()(pictures)
        assert pictures.equal(self.pictures())

    def test_what_is_built_can_be_sent_to_another_process_and_copied(self) -> None:
        network = self.network()
        sent, copied = pickle.loads(pickle.dumps(network)), copy.deepcopy(network)
        assert self.answer(sent).equal(self.answer(network))
        assert self.answer(copied).equal(self.answer(network))

    def test_its_weights_can_be_stored_and_given_to_another_one(self, tmp_path: Path) -> None:
        from metroem_core.checkpoint import fill, load_weights, save_weights, weights_of

        network, other = self.network(1), self.network(2)
        weights = weights_of(network)
        if weights:
            save_weights(tmp_path / "w.safetensors", weights)
            filled = fill(other, load_weights(tmp_path / "w.safetensors"), "w.safetensors")
            assert not filled.missing
            assert not filled.unknown
        assert self.answer(other).equal(self.answer(network))
