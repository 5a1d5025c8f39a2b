"""transformers' language models, encoders and encoder-decoders, small but for their widths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from real_model_cases import Made, case


def ids(batch: int, length: int, vocabulary: int = 1000) -> Tensor:
    return torch.arange(batch * length).reshape(batch, length) % vocabulary


def model_of(config: str, kind: str, batch: int, length: int, *, mask: bool = True,
             labels: str = "tokens", checkpoint: bool = False, inputs: Any = None,
             **arguments: Any) -> Any:  # fmt: skip
    """A model class of transformers with a configuration's own defaults but for `arguments`."""

    def make() -> Made:
        import transformers

        model = getattr(transformers, kind)(getattr(transformers, config)(**arguments))
        if checkpoint:
            model.gradient_checkpointing_enable()
        given: dict[str, Any] = {"input_ids": ids(batch, length)}
        if mask:
            given["attention_mask"] = torch.ones(batch, length, dtype=torch.int64)
        if labels == "tokens":
            given["labels"] = ids(batch, length)
        elif labels == "class":
            given["labels"] = torch.zeros(batch, dtype=torch.int64)
        given |= inputs() if inputs else {}
        return model, given

    return make


SMALL: dict[str, Any] = {
    "vocab_size": 8000, "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8,
    "intermediate_size": 1408,
}  # fmt: skip
GROUPED = {**SMALL, "num_key_value_heads": 2}


def lm(family: str, batch: int = 2, length: int = 256, **arguments: Any) -> Any:
    return model_of(f"{family}Config", f"{family}ForCausalLM", batch, length, use_cache=False,
                    **arguments)  # fmt: skip


case("bert-base train", "transformers",
     model_of("BertConfig", "BertForMaskedLM", 4, 128))  # fmt: skip
case("bert-base amp", "transformers",
     model_of("BertConfig", "BertForSequenceClassification", 8, 256, labels="class"),
     amp="bfloat16")  # fmt: skip
case("roberta-base train", "transformers",
     model_of("RobertaConfig", "RobertaForMaskedLM", 2, 128))  # fmt: skip
case("distilbert train", "transformers",
     model_of("DistilBertConfig", "DistilBertForMaskedLM", 4, 128))  # fmt: skip
case("electra train", "transformers",
     model_of("ElectraConfig", "ElectraForPreTraining", 4, 128))  # fmt: skip
case("deberta-v2 train", "transformers",
     model_of("DebertaV2Config", "DebertaV2ForMaskedLM", 2, 128, vocab_size=8000,
              hidden_size=384, num_hidden_layers=4, num_attention_heads=6, intermediate_size=1536,
              relative_attention=True, pos_att_type=["p2c", "c2p"]))  # fmt: skip
case("albert train", "transformers",
     model_of("AlbertConfig", "AlbertForMaskedLM", 4, 128, hidden_size=768,
              num_attention_heads=12, intermediate_size=3072))  # fmt: skip
case("modernbert train", "transformers",
     model_of("ModernBertConfig", "ModernBertForMaskedLM", 2, 256, vocab_size=8000,
              hidden_size=384, num_hidden_layers=4, num_attention_heads=6, pad_token_id=0,
              bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2))  # fmt: skip
case("gpt2 train", "transformers",
     model_of("GPT2Config", "GPT2LMHeadModel", 4, 256, use_cache=False))  # fmt: skip
case("gpt2 no mask amp", "transformers",
     model_of("GPT2Config", "GPT2LMHeadModel", 4, 512, mask=False, use_cache=False),
     amp="float16")  # fmt: skip
case("gpt_neox train", "transformers", lm("GPTNeoX", **SMALL))
case("opt train", "transformers",
     model_of("OPTConfig", "OPTForCausalLM", 2, 256, use_cache=False, num_hidden_layers=4,
              vocab_size=8000))  # fmt: skip
case("llama train", "transformers", lm("Llama", **GROUPED))
case("llama bf16 checkpointed", "transformers",
     lm("Llama", checkpoint=True, **GROUPED), dtype="bfloat16")  # fmt: skip
case("llama infer", "transformers",
     model_of("LlamaConfig", "LlamaForCausalLM", 2, 512, labels="", use_cache=True, **GROUPED),
     inference=True, dtype="bfloat16")  # fmt: skip
case("mistral sliding window", "transformers",
     lm("Mistral", sliding_window=64, **GROUPED), amp="bfloat16")  # fmt: skip
case("qwen2 train", "transformers", lm("Qwen2", **GROUPED), amp="bfloat16")
case("qwen3 train", "transformers", lm("Qwen3", **GROUPED))
case("gemma2 train", "transformers", lm("Gemma2", **GROUPED))
case("gemma3 train", "transformers",
     model_of("Gemma3TextConfig", "Gemma3ForCausalLM", 2, 256, use_cache=False,
              **GROUPED))  # fmt: skip
case("phi3 train", "transformers",
     lm("Phi3", pad_token_id=0, **GROUPED), amp="bfloat16")  # fmt: skip
case("olmo2 train", "transformers", lm("Olmo2", **GROUPED))
case("granite train", "transformers", lm("Granite", **GROUPED))
case("cohere train", "transformers", lm("Cohere", **GROUPED))
case("falcon train", "transformers",
     model_of("FalconConfig", "FalconForCausalLM", 2, 256, use_cache=False, vocab_size=8000,
              hidden_size=512, num_hidden_layers=4, num_attention_heads=8))  # fmt: skip
case("bloom train", "transformers",
     model_of("BloomConfig", "BloomForCausalLM", 2, 256, use_cache=False, vocab_size=8000,
              hidden_size=512, n_layer=4, n_head=8))  # fmt: skip
MOE = {**GROUPED, "intermediate_size": 256}
case("mixtral train", "transformers", lm("Mixtral", num_local_experts=8, **MOE))
case("qwen3_moe train", "transformers",
     lm("Qwen3Moe", num_experts=16, num_experts_per_tok=4, moe_intermediate_size=128,
        **MOE), amp="bfloat16")  # fmt: skip
case("gpt_oss train", "transformers",
     lm("GptOss", num_local_experts=8, head_dim=64, **MOE), dtype="bfloat16")  # fmt: skip
case("deepseek_v3 train", "transformers",
     lm("DeepseekV3", n_routed_experts=8, n_group=2, topk_group=1,
        num_experts_per_tok=2, moe_intermediate_size=128, q_lora_rank=128, kv_lora_rank=64,
        first_k_dense_replace=1,
        **{**SMALL, "num_key_value_heads": 8}))  # fmt: skip
case("olmoe train", "transformers",
     lm("Olmoe", num_experts=8, num_experts_per_tok=2, **MOE))  # fmt: skip
case("mamba train", "transformers",
     model_of("MambaConfig", "MambaForCausalLM", 2, 128, mask=False, use_cache=False,
              vocab_size=8000, hidden_size=256, num_hidden_layers=3))  # fmt: skip
case("mamba2 train", "transformers",
     model_of("Mamba2Config", "Mamba2ForCausalLM", 2, 128, mask=False, use_cache=False,
              vocab_size=8000, hidden_size=256, num_heads=8, head_dim=64, n_groups=1,
              num_hidden_layers=2, time_step_limit=(0.0, 10.0)))  # fmt: skip
case(
    "t5 train",
    "transformers",
    model_of(
        "T5Config",
        "T5ForConditionalGeneration",
        2,
        128,
        vocab_size=8000,
        d_model=256,
        d_kv=32,
        d_ff=1024,
        num_layers=3,
        num_heads=8,
        decoder_start_token_id=0,
    ),
)
case("bart train", "transformers",
     model_of("BartConfig", "BartForConditionalGeneration", 2, 128, vocab_size=8000,
              d_model=256, encoder_layers=3, decoder_layers=3, encoder_ffn_dim=1024,
              decoder_ffn_dim=1024))  # fmt: skip
case("longformer train", "transformers",
     model_of("LongformerConfig", "LongformerForMaskedLM", 1, 256, vocab_size=8000,
              hidden_size=256, num_hidden_layers=2, num_attention_heads=4, intermediate_size=512,
              attention_window=64))  # fmt: skip
case("xlnet train", "transformers",
     model_of("XLNetConfig", "XLNetLMHeadModel", 2, 128, vocab_size=8000, d_model=256, n_layer=3,
              n_head=4, d_inner=512))  # fmt: skip
