"""The right calculation that stands beside a wrong term: its value is the one that it claims."""

from __future__ import annotations

import pytest
from support.written_answers import WrittenAnswer, written_answers

import nincost
from nincost._audit.reading.expression import parse


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("第一块 30.3k\n第二块 746.2M\n第三块 1.18M\n第四块 34.8k\n一共 1.99M",
         "256*(5*5*96+1) + (256*(1*1*256+1))*2"),
        ("- block1: 87,619,968 FLOPs\n- block2: 1,007,878,144 FLOPs",
         "2*54*54*96*11*11*1 + (2*54*54*96*1*1*96)*2"),
    ],
)  # fmt: skip
def test_a_blocks_right_terms_are_those_of_its_layers(text: str, right: str) -> None:
    graded = nincost.audit(text, "two-1x1").grades[0]
    assert right in [term.correction for term in graded.terms]


@pytest.mark.parametrize("answer", written_answers()[::5], ids=lambda one: one.name)
def test_each_right_calculation_comes_to_what_it_says(answer: WrittenAnswer) -> None:
    try:
        audit = nincost.audit(
            answer.text, answer.model, batch_size=answer.batch_size, layer=answer.layer
        )
    except nincost.NincostError:
        pytest.skip("not read")
    for grade in audit.grades:
        for term in grade.terms:
            if term.correction:
                node, _ = parse(term.correction)
                assert node is not None
                assert node.value == term.expected, term
