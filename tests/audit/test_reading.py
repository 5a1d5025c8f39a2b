"""Texts that were refused or misread, as typed; and texts that nobody types, in time."""

from __future__ import annotations

import time

import pytest

import nincost
from nincost._audit.audit import grade_text
from nincost._audit.reading.answer import read_answer
from nincost._audit.subject import Subject
from nincost._models.sources import resolve
from nincost.errors import ExpressionError


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject(resolve("two-1x1"))


@pytest.fixture(scope="module")
def at_128() -> Subject:
    return Subject(resolve("two-1x1"), batch_size=128)


RIGHT = [
    "参数：1992166。",
    "30336，746240；1180800；34790",
    "block1: 30336, block2: 746240; block3: 1180800; block4: 34790",
    "MACs 54*54*96*121 + 2*54*54*96*96 + 503939072 + 169869312 + 869000",
    "参数量是1992166",
    "参数约199万",
    "about 2 million",
    "1992166 (约 2M)",
    "1.99M",
    "计算量7.6亿",
    "参数显存 7.6MB",
    "1. 参数量：1992166\n2. 计算量：762297352",
    "1st NiN: 30336\n2nd NiN: 746240\n3rd NiN: 1180800\n4th NiN: 34790",
    "# comment\n30336 + 746240 # two blocks\n+ 1180800 + 34790",
    "计算量(前向) 762,297,352 次乘加 × 128(batch) = 97,574,061,056",
    "87.6M+503.9M+169.9M+0.87M = 762.3M",
    "MACs：第一块 54×54×96×(121+96+96)；第二块 26×26×256×(2400+512)；第三块 12×12×384×(2304+768)；"
    "第四块 25×10×(3456+20)。",
    "11.7k + 18.6k + 614.7k + 131.6k + 885.1k + 295.7k + 34.6k + 0.2k = 1.992M",
]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_answer_in_handwriting(text: str, subject: Subject) -> None:
    audit = grade_text(text, subject)
    assert audit.ok, str(audit)
    assert not audit.unread


WRONG = [
    # text, the first mistake
    ("layer,params\nblock1,746240\nblock2,30336\nblock3,1180800\nblock4,34790\n", "layers-swapped"),
    ("11712+1+1+614656+1+1+885120+1+1+34570+1+1", "channels-missing"),
    ("params: 1769112", "other-variant"),
    ("FLOPs: 87619968 + 503939072 + 169869312 + 869000", "factor-two"),
    ("conv3: 11712 + 18624 + 614656 + 131584 + 885210 + 295680 + 34570 + 220", "digits-swapped"),
    ("96(11111+1)+(119696)2+256(9655+1)+(11256256)2+384(25633+1)+(11384384)2", "bias-missing"),
    ("(224-11)/4+1 = 54.25 -> 55", "rounded-up"),
    ("54.25 -> 55", "rounded-up"),
    ("第二块图里padding=1，输出24×24而不是26×26", "stride-padding"),
    (
        "MACs: 224*224*96*121 + 2*224*224*96*96 + 54*54*256*2400 + 2*54*54*256*256 "
        "+ 26*26*384*2304 + 2*26*26*384*384 + 12*12*10*3456 + 2*12*12*100",
        "input-size",
    ),
    (
        "MACs: 54*54*121 + 2*54*54 + 26*26*25 + 2*26*26 + 12*12*9 + 2*12*12 + 5*5*9 + 2*5*5",
        "channels-missing",
    ),
    ("block2 output with padding 1: 24x24", "stride-padding"),
    ("one 1x1 layer took 0.8 GB at batch 128", "memory-claim"),
]


@pytest.mark.parametrize(("text", "first"), WRONG)
def test_the_mistake_is_named(text: str, first: str, subject: Subject) -> None:
    audit = grade_text(text, subject)
    assert not audit.ok
    document = audit.to_dict()["answers"][0]
    assert document["mistakes"][0]["mistake"] == first, str(audit)


def test_macs_for_flops_are_one_mistake_and_no_factor_for_two_layers(subject: Subject) -> None:
    text = "FLOPs: 54*54*96*121 + 2*54*54*96*96 + 503939072 + 169869312 + 869000"
    (grade,) = grade_text(text, subject).grades
    (mistake,) = grade.mistakes
    assert (mistake.key, mistake.difference) == ("factor-two", -762_297_352)
    assert len(mistake.layers) == 12


def test_a_slip_in_the_sum_is_explained(subject: Subject) -> None:
    text = "384*(256*3*3+1) + 11712 + 18624 + 614656 + 131584 + 295680 + 34570 + 220 = 1996776"
    (grade,) = grade_text(text, subject, "params").grades
    assert "4,610 too many (= 2*2,305, as with 386 in place of 384" in grade.arithmetic_errors[0]


def test_one_block_is_graded_by_itself() -> None:
    answer = "30336"
    assert nincost.audit(params=answer, layer="block1").ok
    assert not nincost.audit(params=answer).ok
    with pytest.raises(nincost.InputError, match=r"there is no layer 'blok1'.*block1"):
        nincost.audit(params=answer, layer="blok1")


def test_a_line_that_cannot_be_read_does_not_reject_the_answer(subject: Subject) -> None:
    audit = grade_text("参数：1992166\n计算量：54*(54*96\n", subject)
    assert [grade.what for grade in audit.grades] == ["params"]
    (unread,) = audit.unread
    assert unread.text == "计算量：54*(54*96"
    assert "never closed" in unread.reason
    assert "Not read" in str(audit)


def test_lost_times_signs_are_put_back_and_said(subject: Subject) -> None:
    text = (
        "96(11111+1)+(119696)2+256(9655+1)+(11256256)2+384(25633+1)+(11384384)2"
        "+10(38433+1)+2(111010)=1995284"
    )
    audit = grade_text(text, subject)
    assert audit.grades[0].written == 1_990_674
    assert [m.key for m in audit.grades[0].mistakes] == ["bias-missing"]
    assert "96*(11*11*1+1)" in audit.notes[0]


def test_the_claim_of_one_layer_is_answered(subject: Subject) -> None:
    """Allocated and in nvidia-smi, for one layer and for all, and when it would be true."""
    (grade,) = grade_text("one 1x1 layer took 0.8 GB at batch 128", subject).figures
    (figure,) = grade.figures
    with_it = nincost.memory("two-1x1", batch_size=128, measure=False).totals
    without = nincost.memory("one-1x1", batch_size=128, measure=False).totals
    every = (with_it.peak_allocated_bytes - without.peak_allocated_bytes) / 2**20
    assert f"one in each of 4 blocks: {every:.1f} MiB allocated" in figure.notes[1]
    assert "at about batch" in figure.notes[2]


MEMORY = [
    # text, right
    ("gradient memory 7.97 MB", True),
    ("optimizer state (Adam): 15.94 MB", True),
    ("momentum memory: 7.6 MiB", True),
    ("activations of a batch: 838.1 MB", True),
    ("memory per image: 6.1 MB, activations of a batch: 781.1 MB", True),
    ("data memory: 25,690,112 bytes", True),
    ("训练显存：1.55 GiB", True),
    ("inference memory: 846.1 MB", True),
    ("activations of a batch: 838.1 KB", False),
    ("训练显存：15.9MB", False),
]


@pytest.mark.parametrize(("text", "right"), MEMORY)
def test_memory_by_the_formulas_of_courses(text: str, right: bool, at_128: Subject) -> None:
    assert grade_text(text, at_128).ok is right


def test_what_memory_predicts_stands_beside(at_128: Subject) -> None:
    totals = nincost.memory("two-1x1", batch_size=128, measure=False).totals
    text = str(grade_text("training memory: 880 MB", at_128))
    assert f"{totals.peak_allocated_bytes / 2**30:.3f} GiB allocated" in " ".join(text.split())


HOSTILE = {
    "words": "word " * 19_000,
    "numbers": "12 a " * 19_000,
    "x": "x " * 49_000,
    "notes": "(a" * 30_000,
    "closed notes": "(a)" * 30_000,
    "colons": "a: 1\n" * 19_000,
    "commas": "1，" * 49_000,
    "dashes": "- " * 49_000,
    "sizes": "(1-" * 30_000,
    "batches": "batch " * 16_000,
    "lost": "1(11)" * 300,
    "chinese": "参数" * 40_000 + "1",
    "numbering": "1. " * 30_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_or_refused_in_time(name: str, subject: Subject) -> None:
    started = time.process_time()
    try:
        if name == "lost":
            grade_text(HOSTILE[name], subject)
        else:
            read_answer(HOSTILE[name])
    except ExpressionError as error:
        assert len(str(error)) < 1000
    assert time.process_time() - started < 5
