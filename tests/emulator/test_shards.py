"""A parameter's chunks, made one at a time, are those that torch.chunk makes at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from nincost._torch.distributed import chunk_when_asked


def all_at_once(tensor: torch.Tensor, count: int, dim: int) -> list[torch.Tensor]:
    """FSDP2's own, as in torch 2.14."""
    chunks = list(torch.chunk(tensor, count, dim=dim))
    return chunks + [chunks[0].new_empty(0)] * (count - len(chunks))


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 20])
@pytest.mark.parametrize("shape", [(7,), (8, 3), (1, 9), (0, 2), (12, 0)])
def test_chunks_are_those_of_torch(shape: tuple[int, ...], count: int) -> None:
    module = SimpleNamespace(_chunk_with_empty=all_at_once)
    chunk_when_asked(module)
    tensor = torch.arange(torch.Size(shape).numel()).reshape(shape)
    for dim in range(len(shape)):
        found = module._chunk_with_empty(tensor, count, dim)
        expected = all_at_once(tensor, count, dim)
        assert len(found) == len(expected) == count
        for number, chunk in enumerate(expected):
            assert found[number].shape == chunk.shape
            assert found[number].equal(chunk)
            if chunk.numel():  # a view of the same place
                assert found[number].data_ptr() == chunk.data_ptr()
                assert found[number].stride() == chunk.stride()


def test_a_torch_without_that_function_is_left_alone() -> None:
    module = SimpleNamespace()
    chunk_when_asked(module)
    assert not vars(module)
