"""The end of a script that trains what a model has to train, on four sequences of 128 tokens."""

#: What such a script imports that takes long; PEFT, with bitsandbytes, would initialize CUDA.
TRANSFORMERS = ("transformers.models.llama.modeling_llama",)

#: It has `json`, `torch`, `F` and `model`, and prints both peaks.
TRAIN_AND_PRINT = """
model.cuda().train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-4)
ids = torch.zeros(4, 128, dtype=torch.int64, device="cuda")
labels = torch.zeros(4, 128, dtype=torch.int64, device="cuda")
for _ in range(4):
    output = model(input_ids=ids).logits
    loss = F.cross_entropy(output.flatten(0, 1), labels.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    del output, loss
print(json.dumps([torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()]))
"""
