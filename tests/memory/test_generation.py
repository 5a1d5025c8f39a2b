"""Models that generate: as transformers' own `generate` takes memory, and token by token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.emulated import answer, needs_emulator

import nincost
from nincost._memory import generation
from nincost._memory.device_allocations import Alloc
from nincost._trace.recording import Mark

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 512,
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 4096, "pad_token_id": 2,
}  # fmt: skip
GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 512, "n_embd": 128,
    "n_layer": 2, "n_head": 4, "n_positions": 256, "bos_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
#: Its layers see 24 tokens, in turn with layers that see all.
GEMMA = {
    "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text", "vocab_size": 512,
    "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 6, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 32, "sliding_window": 24, "max_position_embeddings": 512,
}  # fmt: skip

#: What takes long to import of it.
LIBRARY = ("transformers.generation", "transformers.models.llama.modeling_llama")

#: What a script with transformers does; kernels do nothing here, so no token ends it by itself.
ON_THE_CARD = """
import json, sys, torch, transformers
class Enough(BaseException): ...
found = []
for config, cache, prompt, tokens in json.loads(sys.argv[1]):
    config = transformers.AutoConfig.for_model(**config)
    model = getattr(transformers, config.architectures[0])(config).to(torch.bfloat16).cuda().eval()
    ids = torch.zeros(2, prompt, dtype=torch.int64).cuda()
    mask = torch.ones(2, prompt, dtype=torch.int64).cuda()
    prepare, begun = model.prepare_inputs_for_generation, []
    def counted(*args, **kwargs):
        begun.append(1)
        if len(begun) > tokens:
            raise Enough
        return prepare(*args, **kwargs)
    model.prepare_inputs_for_generation = counted
    torch.cuda.reset_peak_memory_stats()
    try:
        model.generate(ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False,
                       disable_compile=True, **cache)
    except Enough:
        pass
    found.append([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()])
    model = ids = mask = prepare = counted = None
print(json.dumps(found))
"""


def predicted(config: dict[str, Any], folder: Path, **options: Any) -> nincost.Memory:
    (folder / "config.json").write_text(json.dumps(config))
    return nincost.memory(f"hf:{folder}", batch_size=2, gpu="h100", dtype="bfloat16", **options)


@needs_emulator
@pytest.mark.parametrize(
    ("config", "cache"),
    [
        (LLAMA, "dynamic"), (GPT2, "static"), (LLAMA, "fp8"),
        pytest.param(GEMMA, "dynamic", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_it_takes_what_generate_takes_on_cuda(
    config: dict[str, Any], cache: str, tmp_path: Path
) -> None:
    """Allocated and reserved, over more tokens than are recorded."""
    asked = {
        "dynamic": {}, "static": {"cache_implementation": "static"},
        "fp8": {"cache_implementation": "quantized", "cache_config": {"backend": "fp8"}},
    }  # fmt: skip
    case = [config, asked[cache], 40, 16]
    truth = answer(ON_THE_CARD, json.dumps([case]), imports=LIBRARY)[0]
    totals = predicted(config, tmp_path, generate=16, prompt=40, cache=cache).totals
    assert [totals.peak_allocated_bytes, totals.peak_reserved_bytes] == truth


@pytest.mark.parametrize("config", [LLAMA, GEMMA])
@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_tokens_that_are_written_on_are_those_that_are_recorded(
    config: dict[str, Any], cache: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each allocation of each token; Gemma's window fills while it generates."""

    def sizes() -> list[int | str]:
        result = predicted(config, tmp_path, generate=26, prompt=16, cache=cache)
        assert result.history is not None
        marks = [n for n, e in enumerate(result.history.events) if type(e) is Mark]
        return [  # up to the last token, which ends otherwise
            event.bytes if type(event) is Alloc else type(event).__name__
            for event in result.history.events[: marks[-2]]
        ]

    short = sizes()
    monkeypatch.setattr(generation, "_RECORDED", 100)
    assert short == sizes()


def test_keys_and_values_are_named(tmp_path: Path) -> None:
    """2 layers of 2 heads of 32 values, keys and values of 2 bytes, for 2 sequences of tokens."""
    result = predicted(LLAMA, tmp_path, generate=20, prompt=1000)
    found = result.generation
    assert found is not None
    each = 2 * 2 * 2 * 2 * 32 * 2
    assert (found.tokens, found.cache) == (20, "dynamic")
    # The last token's are not kept. Sizes are rounded to 512 bytes.
    assert 0 <= found.cache_bytes - 1019 * each < 4 * 512
    assert result.totals.categories_at_peak["kv_cache"] >= 1000 * each
    assert sum(result.totals.categories_at_peak.values()) == result.totals.peak_allocated_bytes
    assert sum(row.bytes for row in result.layers) == result.totals.peak_allocated_bytes
    assert "kv_cache" in result.to_csv().splitlines()[0]
    assert result.to_dict()["generation"]["cache_bytes"] == found.cache_bytes
    static = predicted(LLAMA, tmp_path, generate=20, prompt=1000, cache="static").generation
    assert static is not None
    # Each layer's keeps how full it is, twice.
    assert 0 <= static.cache_bytes - found.cache_bytes <= 2 * 2 * 512


def test_fit_finds_the_largest_batch_that_generates(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({**LLAMA, "num_hidden_layers": 1}))
    options: dict[str, Any] = {"generate": 12, "prompt": 256, "gpu": "768MiB"}
    batch = nincost.fit(f"hf:{tmp_path}", **options).totals.batch_size
    for size, fits in ((batch, True), (batch + 1, False)):
        totals = nincost.memory(f"hf:{tmp_path}", batch_size=size, **options).totals
        assert totals.fits is fits
