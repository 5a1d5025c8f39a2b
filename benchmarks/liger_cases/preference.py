"""Losses of preference tuning behind a linear layer: ORPO, CPO, SimPO.

The measured one makes all logits at once. Its sibling, Liger's own, goes through the batch in
chunks and has each chunk's gradients made by a compiled function; what torch.compile kept of it
stays on the card.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from liger_cases.measure import Case, Loop, import_as_tests_do, liger

IGNORED = -100
Alignment = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def odds_ratio(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Of ORPO."""
    log_odds = (chosen - rejected) - (
        torch.log1p(-torch.exp(chosen)) - torch.log1p(-torch.exp(rejected))
    )
    ratio = functional.logsigmoid(log_odds)
    return 0.1 * ratio


def sigmoid(chosen: torch.Tensor, rejected: torch.Tensor, margin: float = 0.0) -> torch.Tensor:
    """Of CPO, and with a margin of SimPO; labels smoothed by nothing, which is computed too."""
    logits = chosen - rejected
    if margin:
        logits = logits - margin
    return (
        functional.logsigmoid(0.1 * logits) * (1 - 0.0) + functional.logsigmoid(-0.1 * logits) * 0.0
    )


class PreferenceHead(nn.Module):
    """A linear layer whose weight alone is used, and a loss of all logits in float32."""

    def __init__(self, case: Case, alignment: Alignment) -> None:
        super().__init__()
        self.lin = nn.Linear(case["H"], case["V"], bias=False, dtype=case.dtype)
        self.alignment = alignment

    def _log_probabilities(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        mask = labels != IGNORED
        labels = torch.where(labels == IGNORED, 0, labels)
        found = torch.gather(logits.log_softmax(-1), dim=2, index=labels.unsqueeze(2)).squeeze(2)
        return (found * mask).sum(-1) / mask.sum(-1)

    def _cross_entropy(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        loss = nn.CrossEntropyLoss(ignore_index=IGNORED)
        return loss(logits.view(-1, logits.shape[-1]), labels.view(-1))

    def _outputs(self, x: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
        half = x.shape[0] // 2
        outputs = x @ self.lin.weight.t()
        logits = outputs.float()
        loss = self._cross_entropy(logits[:half], target[:half])
        found = self._log_probabilities(logits, target)
        return found[:half], found[half:], logits[:half], logits[half:], loss

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        outputs = self._outputs(x, target)  # holds the logits until the loss is there
        losses = self.alignment(outputs[0], outputs[1])
        return outputs[4] * 1.0 - losses.mean()


class OrpoHead(PreferenceHead):
    """ORPO's loss is added without a factor."""

    def forward(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        outputs = self._outputs(x, target)
        losses = self.alignment(outputs[0], outputs[1])
        return outputs[4] - losses.mean()


def _preference(
    case: Case, loop: Loop, name: str, alignment: Alignment, head: type[nn.Module] = PreferenceHead
) -> None:
    chunked = liger(f"chunked_loss.{name.lower()}_loss", f"LigerFusedLinear{name}Function")
    if case.provider == "liger" and chunked is None:
        return
    import_as_tests_do()
    measured = head(case, alignment).to("cuda")
    sibling = nn.Linear(case["H"], case["V"], bias=False, dtype=case.dtype).to("cuda")
    shape = (case.x, case["T"])
    x = torch.randn(*shape, case["H"], requires_grad=True, dtype=case.dtype, device="cuda")
    target = torch.randint(case["V"], shape, dtype=torch.long, device="cuda")

    def forward() -> torch.Tensor:
        if case.provider == "liger":
            return chunked.apply(x, sibling.weight, target)
        return measured(x, target)

    def full() -> None:
        y = forward()
        y.backward()

    loop(forward, full)


def orpo(case: Case, loop: Loop) -> None:
    """Odds-ratio preference optimization."""
    _preference(case, loop, "ORPO", odds_ratio, OrpoHead)


def cpo(case: Case, loop: Loop) -> None:
    """Contrastive preference optimization."""
    _preference(case, loop, "CPO", sigmoid)


def simpo(case: Case, loop: Loop) -> None:
    """Simple preference optimization, which its script runs through CPO's with a margin."""
    _preference(case, loop, "SimPO", partial(sigmoid, margin=0.5 / 0.1))
