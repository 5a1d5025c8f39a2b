"""Small models of transformers, with the classes and the ways of the large ones, and no weights."""

from __future__ import annotations

from typing import Any

import transformers
from torch import nn

_SMALL = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
    "vocab_size": 200, "max_position_embeddings": 128,
}  # fmt: skip
#: A model's class, its configuration's, and what that says beside or in the place of the above.
_KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "llama": ("LlamaForCausalLM", "LlamaConfig", {"num_key_value_heads": 2}),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", {"num_key_value_heads": 2}),
    "gemma2": ("Gemma2ForCausalLM", "Gemma2Config", {"num_key_value_heads": 2, "head_dim": 16}),
    "mistral": ("MistralForCausalLM", "MistralConfig",
                {"num_key_value_heads": 2, "sliding_window": 16}),
    "mixtral": ("MixtralForCausalLM", "MixtralConfig",
                {"num_key_value_heads": 2, "num_local_experts": 4}),
    "olmo2": ("Olmo2ForCausalLM", "Olmo2Config", {}),
    "gpt_neox": ("GPTNeoXForCausalLM", "GPTNeoXConfig", {}),
    "opt": ("OPTForCausalLM", "OPTConfig", {"ffn_dim": 96, "word_embed_proj_dim": 64}),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"n_embd": 64, "n_layer": 2, "n_head": 4}),
    "bloom": ("BloomForCausalLM", "BloomConfig", {"n_layer": 2, "n_head": 4}),
    "bert": ("BertForMaskedLM", "BertConfig", {}),
    "roberta": ("RobertaForSequenceClassification", "RobertaConfig", {}),
    "electra": ("ElectraForTokenClassification", "ElectraConfig", {"embedding_size": 32}),
    "distilbert": ("DistilBertForQuestionAnswering", "DistilBertConfig",
                   {"dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 96}),
    "t5": ("T5ForConditionalGeneration", "T5Config",
           {"d_model": 64, "d_kv": 16, "d_ff": 96, "num_layers": 2, "num_heads": 4}),
    "mamba": ("MambaForCausalLM", "MambaConfig", {"state_size": 8}),
    "vit": ("ViTForImageClassification", "ViTConfig", {"image_size": 64}),
}  # fmt: skip


def make(name: str) -> nn.Module:
    """The model of a kind."""
    model, configuration, options = _KINDS[name]
    config = getattr(transformers, configuration)(**{**_SMALL, **options})
    return getattr(transformers, model)(config)  # type: ignore[no-any-return]
