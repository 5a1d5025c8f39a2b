"""Distillation of a teacher's logits, and GRPO's loss with a reference model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from liger_cases.measure import Case, Loop, import_as_tests_do, liger

Distance = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def jensen_shannon(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Between softmax of both."""
    student_log = functional.log_softmax(student, dim=-1)
    teacher_log = functional.log_softmax(teacher, dim=-1)
    mean = 0.5 * student_log.exp() + (1 - 0.5) * teacher_log.exp()
    log_mean = mean.log()
    divergence = partial(functional.kl_div, reduction="batchmean", log_target=True)
    of_student = divergence(log_mean, student_log)
    of_teacher = divergence(log_mean, teacher_log)
    return 0.5 * of_teacher + (1 - 0.5) * of_student


def cosine(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """One less the cosine of the angle between both."""
    student = functional.normalize(student, p=2, dim=-1)
    teacher = functional.normalize(teacher, p=2, dim=-1)
    found = 1.0 * (1 - functional.cosine_similarity(student, teacher, dim=-1))
    return found.mean()


class DistillationHead(nn.Module):
    """Two linear layers whose weights alone are used; the student has half the teacher's width."""

    def __init__(self, case: Case, distance: Distance) -> None:
        super().__init__()
        width, words = case["H"], case["V"]
        self.student = nn.Linear(width // 2, words, bias=False, dtype=case.dtype)
        self.teacher = nn.Linear(width, words, bias=False, dtype=case.dtype)
        self.distance = distance
        self.hard, self.soft = case["weight_hard_loss"], case["weight_soft_loss"]
        self.ignored = case["ignore_index"]

    def _logits(
        self, student: torch.Tensor, teacher: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        student_outputs = student @ self.student.weight.t()
        with torch.no_grad():
            teacher_outputs = teacher @ self.teacher.weight.t()
        student_logits = student_outputs.view(student.shape[0], -1).float()
        teacher_logits = teacher_outputs.view(teacher.shape[0], -1).float()
        torch.all(target == self.ignored)
        loss = nn.CrossEntropyLoss(ignore_index=self.ignored)
        return student_logits, teacher_logits, loss(student_logits, target)

    def forward(
        self, student: torch.Tensor, teacher: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        outputs = self._logits(student, teacher, target)
        student_logits, teacher_logits, hard = outputs
        student_logits /= 1.0
        teacher_logits /= 1.0
        soft = self.distance(student_logits, teacher_logits)
        return self.hard * hard + self.soft * soft


def _distillation(case: Case, loop: Loop, distance: Distance, module: str, name: str) -> None:
    chunked = liger(f"chunked_loss.{module}", name)
    if case.provider == "liger" and chunked is None:
        return
    import_as_tests_do()
    measured = DistillationHead(case, distance).to("cuda")
    sibling = DistillationHead(case, distance).to("cuda")
    drawn = torch.rand(case.x, case["H"] // 2, device="cuda", dtype=case.dtype)
    students = [drawn.detach().clone().requires_grad_(True) for _ in range(2)]
    teacher = torch.rand(case.x, case["H"], device="cuda", dtype=case.dtype)
    target = torch.randint(0, case["V"], (case.x,), device="cuda", dtype=torch.long)
    biases = [None, None] if distance is cosine else []

    def forward() -> torch.Tensor:
        if case.provider == "liger":
            weights = sibling.student.weight, sibling.teacher.weight
            return chunked.apply(
                students[0], weights[0], teacher, weights[1], target, *biases, 0.5, 0.5
            )
        return measured(students[1], teacher, target)

    def full() -> None:
        y = forward()
        y.backward()

    loop(forward, full)
    del drawn


def distill_jsd(case: Case, loop: Loop) -> None:
    """By the Jensen-Shannon divergence."""
    _distillation(case, loop, jensen_shannon, "jsd_loss", "LigerFusedLinearJSDFunction")


def distill_cosine(case: Case, loop: Loop) -> None:
    """By the cosine."""
    name = "LigerFusedLinearCosineSimilarityFunction"
    _distillation(case, loop, cosine, "cosine_similarity_loss", name)


class GrpoHead(nn.Module):
    """A policy's and a reference model's layer, each used by its weight alone."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.lin, self.reference = (
            nn.Linear(case["H"], case["V"], bias=False, dtype=case.dtype) for _ in range(2)
        )

    def forward(
        self,
        x: torch.Tensor,
        ids: torch.Tensor,
        mask: torch.Tensor,
        advantages: torch.Tensor,
        reference_x: torch.Tensor,
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        logits = x @ self.lin.weight.t()
        log_probs = functional.log_softmax(logits.float(), dim=-1)
        per_token = log_probs.gather(dim=-1, index=ids.unsqueeze(-1)).squeeze(-1)
        with torch.no_grad():
            ref_logits = reference_x @ self.reference.weight.t()
            ref_log_probs = functional.log_softmax(ref_logits.float(), dim=-1)
            ref = ref_log_probs.gather(dim=-1, index=ids.unsqueeze(-1)).squeeze(-1)
        log_ratio = per_token - per_token.detach()
        importance = (log_ratio * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)
        importance = importance.unsqueeze(-1)
        ratio = torch.exp(importance)
        clipped = torch.clamp(ratio, 1 - 0.2, 1 + 0.2)
        loss_1 = ratio * advantages.unsqueeze(1)
        loss_2 = clipped * advantages.unsqueeze(1)
        loss = -torch.min(loss_1, loss_2)
        divergence = torch.exp(ref - per_token) - (ref - per_token) - 1.0
        loss = loss + 0.1 * divergence
        mean = (loss * mask).sum() / torch.clamp(mask.sum(), min=1.0)
        metrics = [(divergence * mask).sum() / torch.clamp(mask.sum(), min=1.0)]
        flat = ratio.squeeze(-1)
        is_clipped = ((flat < 1 - 0.2) & (advantages < 0)) | ((flat > 1 + 0.2) & (advantages > 0))
        is_clipped = is_clipped.unsqueeze(1).expand_as(mask)
        metrics.append((is_clipped * mask).sum() / torch.clamp(mask.sum(), min=1.0))
        return mean, metrics


def grpo_sequence(case: Case, loop: Loop) -> None:
    """Group relative policy optimization, importance by sequence."""
    measured = GrpoHead(case).to("cuda")
    sibling = GrpoHead(case).to("cuda")
    shape = (case.x, case["T"])
    x = torch.randn(*shape, case["H"], requires_grad=True, dtype=case.dtype, device="cuda")
    ids = torch.randint(0, case["V"], shape, dtype=torch.long, device="cuda")
    mask = torch.ones(*shape, device="cuda")
    advantages = torch.randn(case.x, dtype=case.dtype, device="cuda")
    reference_x = torch.randn(*shape, case["H"], dtype=case.dtype, device="cuda")

    def forward() -> torch.Tensor:
        return measured(x, ids, mask, advantages, reference_x)[0]

    def full() -> None:
        y = forward()
        y.backward()

    loop(forward, full, lambda y: y.backward(retain_graph=True), [x])
    del sibling
