"""Grading: the answer that went round, right answers in many forms, one mistake of each kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch import nn

import nincost
from nincost._audit.results import Grade

#: An answer that went round among readers of D2L 7.3, with its mistakes.
PARAMS = (
    "96*(11*11*1+1) + (1*1*96*96)*2 + 256*(96*5*5+1) + (1*1*256*256)*2 + 384*(256*3*3+1) "
    "+ (1*1*384*384)*2 + 10*(384*3*3+1) + 2*(1*1*10*10) = 1995284"
)
MACS = (
    "54*54*96*11*11 + (54*54*96*96)*2 + 26*26*256*5*5 + (26*26*256*256*256)*2 + 12*12*384*3*3 "
    "+ (12*12*384*384*384)*2 + 10*384*5*5*3*3 + (10*5*5*10*10)*2 ~ 2.469e10"
)
NOTATIONS = {
    "as typed": lambda t: t,
    "times sign": lambda t: t.replace("*", "×"),
    "dots": lambda t: t.replace("*", " · "),
    "LaTeX": lambda t: f"${t.replace('*', chr(92) + 'times ').replace('~', chr(92) + 'approx ')}$",
    "cdot": lambda t: t.replace("*", r" \cdot "),
    "full width": lambda t: t.translate(
        {c: c + 0xFEE0 for c in range(0x21, 0x7F) if chr(c) != "~"}
    ),
    "lines": lambda t: t.replace(" + ", "\n+ "),
}


def only(audit: nincost.Audit) -> Grade:
    (grade,) = audit.grades
    return grade


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_answer_that_went_round_parameters(notation: str) -> None:
    grade = only(nincost.audit(params=NOTATIONS[notation](PARAMS)))
    assert not grade.ok
    assert (grade.written, grade.claimed, grade.expected) == (1_990_674, 1_995_284, 1_992_166)
    (mistake,) = grade.mistakes
    assert (mistake.key, mistake.difference) == ("bias-missing", -1_492)
    assert mistake.layers == tuple(f"block{b}.conv1x1_{n}" for b in (1, 2, 3, 4) for n in (1, 2))
    assert [t.verdict for t in grade.terms] == ["right", "wrong"] * 4
    (error,) = grade.arithmetic_errors
    assert "1,990,674" in error
    assert "1,995,284" in error
    assert "4,610 too many" in error
    assert only(nincost.audit(params=grade.corrected)).ok


@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_answer_that_went_round_computation(notation: str) -> None:
    grade = only(nincost.audit(macs=NOTATIONS[notation](MACS)))
    named = {mistake.key: mistake.layers for mistake in grade.mistakes}
    assert named == {
        "input-channels-missing": ("block2.conv", "block3.conv"),
        "channels-too-often": tuple(f"block{b}.conv1x1_{n}" for b in (2, 3, 4) for n in (1, 2)),
    }
    assert grade.expected == 762_297_352
    assert grade.claimed == 24_690_000_000
    assert "32 times too large" in str(nincost.audit(macs=MACS))
    assert only(nincost.audit(macs=f"{grade.corrected} = 762297352")).ok


RIGHT = [
    "1992166",
    "= 1,992,166",
    "1.992e6",
    "1.99M",
    "~ 2.0e6",
    # weights and biases apart, in another order, and all biases at the end
    "96*11*11 + 96 + 96*96 + 96 + 96*96 + 96 + 256*96*25 + 256 + 256^2 + 256 + 256^2 + 256 "
    "+ 384*256*9 + 384 + 384*384*2 + 384*2 + 10*384*9 + 10 + 2*(100+10)",
    "96*11*11 + 96*96*2 + 256*96*25 + 256^2*2 + 384*256*9 + 384*384*2 + 10*384*9 + 200 + 2238",
    # a sum for each block
    "30336 + 746240 + 1180800 + 34790",
    "34790 + 1180800 + 746240 + 30336 = 1992166",
    # the bias as a channel more
    "96*122 + 2*96*97 + 256*2401 + 2*256*257 + 384*2305 + 2*384*385 + 10*3457 + 2*10*11",
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_answer_is_right(text: str) -> None:
    audit = nincost.audit(params=text)
    assert audit.ok, str(audit)
    assert not only(audit).mistakes


WRONG_TOTALS = [
    ("1992167", None),
    ("1.993e6", None),
    ("0e7", None),
    ("0.0", None),
    ("3984332", None),
    ("1989928", "bias-missing"),  # 2,238 too few
    (str(1992166 * 128), "batch-counted"),
    (str(1992166 - 147840), "missing"),
]


@pytest.mark.parametrize(("text", "first"), WRONG_TOTALS)
def test_a_wrong_total_alone(text: str, first: str | None) -> None:
    grade = only(nincost.audit(params=text))
    assert not grade.ok
    if first:
        assert grade.total_explanations[0].mistakes[0].key == first


def net(**options: object) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(8, 24, 3, padding=1, groups=4, bias=False),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(24 * 4 * 4, 7),
    )


#: At 3x16x16 the outputs are 8x8x8, 24x8x8, 24x4x4, 7.
P = {"0": "8*(5*5*3+1)", "2": "24*3*3*2", "5": "7*(384+1)"}
M = {"0": "8*8*8*5*5*3", "2": "8*8*24*3*3*2", "5": "7*384"}
KINDS = [
    # what, layer, what is written, the mistake
    ("params", "0", "8*5*5*3", "bias-missing"),
    ("params", "2", "24*(3*3*2+1)", "bias-extra"),
    ("params", "0", "8*(5*5*3+2)", "bias-extra"),
    ("params", "0", "8*5*5*3+1", "bias-per-layer"),
    ("params", "0", "8*(5*5+1)", "input-channels-missing"),
    ("params", "0", "5*5*3+8", "output-channels-missing"),
    ("params", "0", "8*(5*5*3*8+1)", "channels-too-often"),
    ("params", "0", "8*(5*3+1)", "kernel-not-squared"),
    ("params", "2", "24*3*3*8", "groups-ignored"),
    ("params", "5", "7*(384+1)*64", "batch-counted"),
    ("params", "0", "8*8*8", "activation"),
    ("params", "0", "8*8*8*5*5*3", "other-amount"),
    ("macs", "0", "8*8*8*5*5", "input-channels-missing"),
    ("macs", "0", "16*16*8*5*5*3", "input-size"),
    ("macs", "0", "6*6*8*5*5*3", "stride-padding"),
    ("macs", "0", "8*8*8*5*3", "kernel-not-squared"),
    ("macs", "0", "2*8*8*8*5*5*3", "factor-two"),
    ("macs", "2", "8*8*24*3*3*8", "groups-ignored"),
    ("macs", "0", "8*8*8*(5*5*3+1)", "bias-extra"),
    ("macs", "5", "7*384*128", "batch-counted"),
    ("macs", "2", "8*8*24*3*3*2*24", "channels-too-often"),
    ("macs", "0", "8*5*5*3", "other-amount"),
]


@pytest.mark.parametrize(("what", "layer", "text", "kind"), KINDS)
@pytest.mark.parametrize("backwards", [False, True])
def test_one_mistake_of_each_kind(
    what: str, layer: str, text: str, kind: str, backwards: bool
) -> None:
    terms = {**(P if what == "params" else M), layer: f"({text})"}
    order = reversed(terms.values()) if backwards else terms.values()
    audit = nincost.audit(model=net(), input="3x16x16", **{what: " + ".join(order)})
    grade = only(audit)
    assert not grade.ok
    (mistake,) = grade.mistakes
    assert (mistake.key, mistake.layers) == (kind, (layer,))


@pytest.mark.parametrize("backwards", [False, True])
def test_misread_factors_are_compared_with_the_layer_that_they_are_nearest_to(
    backwards: bool,
) -> None:
    terms = ["8*8*8*5*5*7", M["2"], "7*381"]
    text = " + ".join(reversed(terms) if backwards else terms)
    wrong = {
        term.layers: term.explanations[0].detail
        for term in only(nincost.audit(macs=text, model=net(), input="3x16x16")).terms
        if term.verdict == "wrong"
    }
    assert wrong == {("0",): "7 where 3 should be", ("5",): "381 where 384 should be"}


def test_layers_missing_twice_and_costing_nothing() -> None:
    model = net()

    def named(text: str, **what: str) -> list[str]:
        grade = only(nincost.audit(model=model, input="3x16x16", params=text))
        return sorted(mistake.key for mistake in grade.mistakes)

    assert named(f"{P['0']} + {P['2']}") == ["missing"]
    assert named(" + ".join([*P.values(), P["5"]])) == ["twice"]
    assert named(f"({P['0']})*2 + {P['2']} + {P['5']}") == ["twice"]
    assert named(f"{P['0']} + {P['2']} + {P['5']} + 24*4*4") == ["costs-nothing"]
    assert named(f"{P['0']} + {P['2']} + {P['5']} + 31") == ["unknown"]
    assert named(f"8*(5*5*3+1) + 23*3*3*2 + {P['5']}") == ["factor-misread"]


def test_the_batch_is_part_of_the_question() -> None:
    macs = 762_297_352
    assert nincost.audit(macs=str(macs * 8), batch_size=8).ok
    assert nincost.audit(params="1992166", batch_size=8).ok
    grade = only(nincost.audit(macs=str(macs), batch_size=8))
    assert grade.total_explanations[0].mistakes[0].key == "batch-missing"


def test_a_file_with_both_parts_in_chinese(tmp_path: Path) -> None:
    path = tmp_path / "answer.txt"
    path.write_text(f"# 作业\n参数：{PARAMS}\n\n计算量：\n{MACS}\n", encoding="utf-8")
    audit = nincost.audit(path)
    assert [grade.what for grade in audit.grades] == ["params", "macs"]
    assert [grade.written for grade in audit.grades] == [1_990_674, 39_083_608_016]
    assert [g.to_dict() for g in nincost.audit(str(path)).grades] == [
        g.to_dict() for g in audit.grades
    ]


def test_a_line_for_each_layer_with_subtotals() -> None:
    text = """params:
    first: 8*(5*5*3+1) = 608
    second: 24*3*3*2 = 433
    linear: 7*(384+1) = 2,695
    total: 3,735
    """
    grade = only(nincost.audit(text, net(), input="3x16x16"))
    assert [term.verdict for term in grade.terms] == ["right"] * 3
    assert grade.claim_ok
    assert not grade.ok
    assert grade.arithmetic_errors == ("second: the terms add up to 432, not 433: 1 too many",)


@pytest.mark.parametrize(
    ("text", "what"), [(PARAMS, "params"), (MACS, "macs"), ("1524594704", "flops")]
)
def test_what_an_answer_is_about_is_guessed(text: str, what: str) -> None:
    grade = only(nincost.audit(text))
    assert (grade.what, grade.guessed) == (what, True)


GRADED = ["two-1x1", "fc-head", "torchvision:resnet18", "torchvision:vit_b_16"]


@pytest.mark.parametrize("model", [*GRADED, "torchvision:mobilenet_v3_small"])
def test_a_profile_is_graded_as_right(model: str, tmp_path: Path) -> None:
    path = tmp_path / "answer.csv"
    nincost.profile(model).to_csv(path)
    audit = nincost.audit(path, model)
    assert audit.ok, str(audit)
    assert [grade.what for grade in audit.grades] == ["params", "macs", "flops"]


def test_a_wrong_cell_of_a_csv() -> None:
    text = nincost.profile("two-1x1").to_csv()
    wrong = text.replace(",9312,9312,26873856,", ",9216,9216,26873856,", 1)
    params, macs, _ = nincost.audit(wrong).grades
    assert macs.ok
    assert [(m.key, m.layers) for m in params.mistakes] == [("bias-missing", ("block1.conv1x1_1",))]
    own = "layer,params\nfirst,608\nsecond,432\nhead,2695\ntotal,3735\n"
    assert nincost.audit(own, net(), input="3x16x16").ok
    assert not nincost.audit(own.replace("608", "600"), net(), input="3x16x16").ok


BAD = [
    ("", "empty"),
    (" \n\n", "empty"),
    ("# only a comment\n", "empty"),
    ("layer,type\na,b\n", "params, macs, flops"),
    ("params,macs\n1,2\n", "no column named layer"),
    ("term,value\n1,2\n", "no column named layer"),
    ("layer,params\n", "no rows"),
    ("layer,params\na,x1\n", "row 2 (a), column params"),
    ("1+" * 2500 + "1", "2,000 terms"),
    ("nothing.txt", "no file"),
]


@pytest.mark.parametrize(("text", "words"), BAD)
def test_an_answer_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(nincost.InputError) as caught:
        nincost.audit(text)
    assert words in str(caught.value)


def test_nothing_to_grade_and_a_wrong_amount() -> None:
    with pytest.raises(nincost.InputError, match="nothing to grade"):
        nincost.audit()
    with pytest.raises(nincost.InputError, match="choose params, macs, flops"):
        nincost.audit("1", what="bytes")  # type: ignore[arg-type]


def test_json_and_markdown() -> None:
    audit = nincost.audit(params=PARAMS)
    document = json.loads(audit.to_json())
    assert document["command"] == "audit"
    assert document["ok"] is False
    (answer,) = document["answers"]
    assert answer["totals"] == {"written": 1990674, "claimed": 1995284, "expected": 1992166}
    assert answer["terms"][1]["explanations"][0]["mistakes"] == ["bias-missing"]
    assert "| bias missing" in audit.to_markdown()
    assert "1,992,166" in audit.to_markdown()
