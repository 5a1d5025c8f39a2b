"""Hundreds of answers as students write them: read, graded and named as a teacher would."""

from __future__ import annotations

import functools
import re

import pytest
from support.written_answers import Shares, WrittenAnswer, judge, written_answers

import nincost
from nincost._audit.audit import grade_text
from nincost._audit.subject import Subject
from nincost._chinese.translate import speaking
from nincost._models.sources import resolve


@functools.cache
def subject(model: str, batch_size: int, layer: str | None) -> Subject:
    return Subject(resolve(model), batch_size=batch_size, layer=layer)


@functools.cache
def audit(answer: WrittenAnswer) -> nincost.Audit:
    return grade_text(answer.text, subject(answer.model, answer.batch_size, answer.layer))


@pytest.fixture(scope="module")
def shares() -> Shares:
    return Shares([judge(answer, audit) for answer in written_answers()])


def test_the_answers_are_many_and_in_two_languages(shares: Shares) -> None:
    assert len(shares.judged) >= 300
    assert 0.4 <= sum(j.answer.chinese for j in shares.judged) / len(shares.judged) <= 0.6


def test_nearly_all_are_read(shares: Shares) -> None:
    unread = [(j.answer.name, j.said) for j in shares.of("unread")]
    assert len(unread) <= 0.03 * len(shares.judged), unread


def test_the_first_mistake_is_a_teachers(shares: Shares) -> None:
    asked = [j for j in shares.judged if j.named is not None]
    unnamed = [(j.answer.name, j.answer.mistakes, j.said) for j in shares.of("unnamed")]
    assert len(asked) > 150
    assert len(unnamed) <= 0.05 * len(asked), unnamed


@pytest.mark.parametrize("which", ["wrong called right", "right called wrong"])
def test_no_verdict_is_the_other_way_round(shares: Shares, which: str) -> None:
    assert [(j.answer.name, j.said) for j in shares.of(which)] == []


#: What stays as it is in Chinese: names of layers, models, functions and units.
NAMES = re.compile(
    r"block\w*(\.\w+)?|pool\d|fc\d|global_pool|classifier|dropout\d|flatten|torchvision:\w+|"
    r"fc-head|cifar10|imagenet|(two|one|zero)-1x1|floor|bytes|[KMG]i?B|MACs|FLOPs|ReLU|\w+Pool2d|"
    r"output shape|"
    r"Dropout|float32|nvidia-smi|nincost memory|layer\d[\w.]*|features[\w.]*|conv\d|bn\d"
)


def test_chinese_leaves_no_english(shares: Shares) -> None:
    """But what a student wrote, which is said as it is."""
    left = []
    for one in shares.judged:
        with speaking("zh"):
            lines = str(audit(one.answer)).splitlines()
        own = set(re.findall("[A-Za-z]{3,}", one.answer.text))
        for line in lines:
            words = set(re.findall("[A-Za-z]{3,}", NAMES.sub(" ", line)))
            if words - own:
                left.append((one.answer.name, line))
    assert not left, left[:10]
