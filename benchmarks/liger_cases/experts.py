"""A mixture of experts, run one expert after the other, with the routing that the card would draw.

How many tokens an expert gets depends on random numbers of the card's generator, and with it each
tensor's size. They are drawn here on the host, bit for bit but for the last digits of a logarithm.
"""

from __future__ import annotations

import functools
import gc
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from liger_cases.measure import Case, Loop, liger
from nincost._emulator.values.kernels import expect_sizes

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_THREADS_PER_BLOCK = 256
_PER_CALL = 4


def _philox(counters: list[Any], seed: int) -> list[Any]:
    """Philox-4x32-10 (Salmon et al., 2011): four words from four counters and a key of two."""
    key = [seed & 0xFFFFFFFF, seed >> 32]
    a, b, c, d = counters
    for _ in range(10):
        low = np.uint64(_MULTIPLIERS[0]) * a
        high = np.uint64(_MULTIPLIERS[1]) * c
        mask = np.uint64(0xFFFFFFFF)
        a, b, c, d = (
            (high >> np.uint64(32)) ^ b ^ np.uint64(key[0]),
            high & mask,
            (low >> np.uint64(32)) ^ d ^ np.uint64(key[1]),
            low & mask,
        )
        key = [(word + weyl) & 0xFFFFFFFF for word, weyl in zip(key, _WEYL, strict=True)]
    return [a, b, c, d]


def _threads(count: int) -> int:
    """How many threads of this card draw so many numbers (DistributionTemplates.h)."""
    card = torch.cuda.get_device_properties(0)
    most = card.multi_processor_count * (card.max_threads_per_multi_processor // _THREADS_PER_BLOCK)
    return min(most, -(-count // _THREADS_PER_BLOCK)) * _THREADS_PER_BLOCK


def _calls(count: int) -> int:
    """How many words of the generator's offset a draw of so many numbers uses up."""
    return ((count - 1) // (_threads(count) * _PER_CALL) + 1) * _PER_CALL


def _normal(count: int, seed: int, offset: int) -> Any:
    """What `torch.randn` draws on this card: each thread four numbers at a time, by Box-Muller."""
    threads = _threads(count)
    rounds = _calls(count) // _PER_CALL
    thread = np.arange(threads, dtype=np.uint64)[None, :]
    call = np.arange(rounds, dtype=np.uint64)[:, None] + np.uint64(offset // 4)
    zero = np.zeros((rounds, threads), dtype=np.uint64)
    words = _philox([call + zero, zero, thread + zero, zero], seed)
    x, y, z, w = (word.astype(np.float32) for word in words)
    found = np.empty((rounds, _PER_CALL, threads), dtype=np.float32)
    step, turn = np.float32(2**-32), np.float32(2**-32 * 2 * np.pi)
    for at, radius, angle in ((0, x, y), (2, z, w)):
        length = np.sqrt(np.float32(-2) * np.log(radius * step + step / 2))
        phase = angle * turn + turn / 2
        found[:, at] = np.sin(phase) * length
        found[:, at + 1] = np.cos(phase) * length
    return found.reshape(-1)[:count]


@functools.cache
def _tokens_of_experts(
    tokens: int, experts: int, chosen: int, drawn_before: tuple[int, ...]
) -> Any:
    """For each expert how many tokens it gets, after the script's seed and its other draws."""
    offset = sum(_calls(count) for count in drawn_before)
    logits = _normal(tokens * experts, 42, offset).reshape(tokens, experts)
    routed = np.argpartition(-logits, chosen - 1, axis=1)[:, :chosen]
    return np.bincount(routed.reshape(-1), minlength=experts)


def _forward(
    x: torch.Tensor,
    gate_up: torch.Tensor,
    down: torch.Tensor,
    index: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """As in transformers' Mixtral."""
    final = torch.zeros_like(x)
    with torch.no_grad():
        mask = functional.one_hot(index.long(), num_classes=gate_up.shape[0])
        mask = mask.permute(2, 1, 0)
        hit = torch.greater(mask.sum(dim=(-1, -2)), 0).nonzero()
    for one in hit:
        expert = one[0]
        position, token = torch.where(mask[expert])
        current = x[token]
        gate, up = functional.linear(current, gate_up[expert]).chunk(2, dim=-1)
        current = functional.silu(gate) * up
        current = functional.linear(current, down[expert])
        current = current * weights[token, position, None]
        final.index_add_(0, token, current.to(final.dtype))
    return final


def fused_moe(case: Case, loop: Loop) -> None:
    """Weights are leaves times a factor, so that their gradients pass through another tensor."""
    tokens = case.config["T"] or case.x
    experts = case.config["E"] or case.x
    width, inner, chosen = case["H"], case["intermediate_dim"], case["K"]
    options: dict[str, Any] = {"dtype": case.dtype, "device": "cuda", "requires_grad": True}
    torch.manual_seed(42)
    x = torch.randn(tokens, width, **options)
    gate_up = torch.randn(experts, 2 * inner, width, **options) * 0.02
    down = torch.randn(experts, width, inner, **options) * 0.02
    logits = torch.randn(tokens, experts, device="cuda")
    index = torch.topk(logits, chosen, dim=-1).indices.to(torch.int32)
    weights = torch.softmax(torch.gather(logits, 1, index.long()), dim=-1)
    weights = weights.to(case.dtype).requires_grad_(True)
    del logits
    drawn = tokens * width, experts * 2 * inner * width, experts * width * inner
    counts = _tokens_of_experts(tokens, experts, chosen, drawn)
    sizes = [int(count) for count in counts if count]

    fused = liger("ops.fused_moe", "LigerFusedMoEFunction")
    if case.provider == "liger" and fused is None:
        return

    def forward() -> torch.Tensor:
        if case.provider == "liger":
            return fused.apply(x, gate_up, down, index, weights)
        expect_sizes(len(sizes), *sizes)
        return _forward(x, gate_up, down, index, weights)

    def full() -> None:
        y = forward()
        y.backward(torch.randn_like(y), retain_graph=True)

    if case.mode == "backward":
        dy = torch.empty(0)

        def backward(y: torch.Tensor) -> None:
            nonlocal dy
            dy = dy if dy.numel() else torch.randn_like(y)
            y.backward(dy, retain_graph=True)

        loop(forward, full, backward, [x, gate_up, down, weights])
        return
    loop(forward, full, None, [x, gate_up, down, weights])


def prepare(config: dict[str, Any], experts: list[int]) -> None:
    """A step at the model's own size, whose memory is given back, and one of each sibling."""

    def step(forward: Any, *_: Any) -> None:
        y = forward()
        y.backward(torch.randn_like(y))

    def warm_up(forward: Any, *_: Any) -> None:
        forward().sum().backward()

    fused_moe(Case("huggingface", "full", 0, config | {"T": 8192, "E": 128}), step)
    gc.collect()
    torch.cuda.empty_cache()
    for count in experts:
        fused_moe(Case("liger", "full", 0, config | {"T": 8192, "E": count}), warm_up)
