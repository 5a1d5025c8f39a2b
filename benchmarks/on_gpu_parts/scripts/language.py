"""GPT-2 or a Llama of transformers: trained whole, checkpointed or by LoRA, or generating."""

import os
import sys

import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig

STEPS = int(os.environ.get("STEPS", "4"))

kind, how = sys.argv[1:]
torch.manual_seed(0)
config = GPT2Config() if kind == "gpt2" else LlamaConfig(
    hidden_size=1024, intermediate_size=2816, num_hidden_layers=12, num_attention_heads=16,
    num_key_value_heads=4, vocab_size=32_000, max_position_embeddings=4096,
)  # fmt: skip
model = AutoModelForCausalLM.from_config(config)
if kind == "llama":
    model = model.to(torch.bfloat16)
if how == "generate":
    model = model.cuda().eval()
    ids = torch.full((4, 512), 7).cuda()
    with torch.no_grad():
        model.generate(ids, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0)
    sys.exit()
if how == "lora":
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(model, LoraConfig(r=16, target_modules=["q_proj", "v_proj"]))
if how == "checkpointed":
    model.gradient_checkpointing_enable()
model = model.cuda().train()
trained = [one for one in model.parameters() if one.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=how == "checkpointed")
for step in range(STEPS):
    ids = (torch.arange(4 * 1024) + step).view(4, 1024).cuda()
    with torch.autocast("cuda", torch.bfloat16, enabled=kind == "gpt2"):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
