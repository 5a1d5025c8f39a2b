"""PEFT and Lightning around models of the other libraries."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from real_model_cases import Made, case
from real_model_cases.transformers_text import GROUPED, ids


def llama(**changes: Any) -> Any:
    import transformers

    config = transformers.LlamaConfig(use_cache=False, **{**GROUPED, **changes})
    return transformers.LlamaForCausalLM(config)


def tokens(batch: int = 2, length: int = 256) -> dict[str, Tensor]:
    found = ids(batch, length)
    return {"input_ids": found, "attention_mask": torch.ones_like(found), "labels": found}


def tuned(kind: str, *, checkpoint: bool = False, **arguments: Any) -> Any:
    def make() -> Made:
        import peft

        model = llama()
        if checkpoint:
            model.gradient_checkpointing_enable()
            model.enable_input_require_grads()
        config = getattr(peft, kind)(task_type="CAUSAL_LM", **arguments)
        return peft.get_peft_model(model, config), tokens()

    return make


LORA: dict[str, Any] = {"r": 16, "lora_alpha": 32, "target_modules": ["q_proj", "v_proj"]}
case("peft lora", "peft", tuned("LoraConfig", **LORA), dtype="bfloat16")
case("peft lora dropout amp", "peft", tuned("LoraConfig", lora_dropout=0.1, **LORA),
     amp="bfloat16")  # fmt: skip
case("peft lora checkpointed", "peft", tuned("LoraConfig", checkpoint=True, **LORA),
     dtype="bfloat16")  # fmt: skip
case("peft dora", "peft", tuned("LoraConfig", use_dora=True, **LORA))
case("peft ia3", "peft",
     tuned("IA3Config", target_modules=["k_proj", "v_proj", "down_proj"],
           feedforward_modules=["down_proj"]))  # fmt: skip
case("peft prompt tuning", "peft", tuned("PromptTuningConfig", num_virtual_tokens=16))
case("peft prefix tuning", "peft", tuned("PrefixTuningConfig", num_virtual_tokens=16))


class ValueHead(nn.Module):
    """A policy with a value for each token, as PPO trains it."""

    def __init__(self) -> None:
        super().__init__()
        self.model = llama()
        self.head = nn.Linear(512, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Any:
        output = self.model(input_ids, attention_mask=attention_mask, output_hidden_states=True)
        values = self.head(output.hidden_states[-1].float()).squeeze(-1)
        scores = output.logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)
        return -(scores * (1 - values.detach())).mean() + values.square().mean()


case("value head", "hand-made", lambda: (ValueHead(), tokens()), loss=lambda output: output)


def reward() -> Made:
    import transformers

    config = transformers.LlamaConfig(use_cache=False, num_labels=1, pad_token_id=0, **GROUPED)
    model = transformers.LlamaForSequenceClassification(config)
    found = torch.where(ids(4, 128) == 0, 1, ids(4, 128))
    return model, {"input_ids": found, "attention_mask": torch.ones_like(found)}


def preference(output: Any) -> Tensor:
    rewards = output.logits
    return -nn.functional.logsigmoid(rewards[:2] - rewards[2:]).mean()


case("reward model", "transformers", reward, loss=preference)


class Lit(nn.Module):
    """A LightningModule's training_step as forward."""

    def __init__(self) -> None:
        super().__init__()
        import lightning

        class Classifier(lightning.LightningModule):
            def __init__(self) -> None:
                super().__init__()
                import torchvision

                self.net = torchvision.models.resnet18(weights=None)

            def training_step(self, batch: Any) -> Tensor:
                x, y = batch
                return nn.functional.cross_entropy(self.net(x), y)

        self.module = Classifier()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.module.training_step((x, y))  # type: ignore[no-any-return]


case("lightning resnet18", "lightning",
     lambda: (Lit(), {"x": torch.randn(8, 3, 128, 128), "y": torch.zeros(8, dtype=torch.int64)}),
     loss=lambda output: output, optimizer="SGD")  # fmt: skip
