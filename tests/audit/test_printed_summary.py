"""Tables of torchinfo and torchsummary in an answer, against those that the rows are of."""

from __future__ import annotations

import nincost

_INFO = """\
==========================================================================================
Layer (type:depth-idx)                   Output Shape              Param #      Mult-Adds
==========================================================================================
Sequential                               [1, 10]                   --           --
├─Sequential: 1-1                        [1, 96, 54, 54]           --           --
│    └─Conv2d: 2-1                       [1, 96, 54, 54]           11,712       33,872,256
│    └─ReLU: 2-2                         [1, 96, 54, 54]           --           --
│    └─Conv2d: 2-3                       [1, 96, 54, 54]           {second}        26,873,856
│    └─ReLU: 2-4                         [1, 96, 54, 54]           --           --
│    └─Conv2d (third): 2-5               [1, {third}]           9,312        26,873,856
==========================================================================================
Total params: 30,336
Total mult-adds (Units.MEGABYTES): {total}
==========================================================================================
so much for block 1
"""
_RIGHT = {"second": "9,312", "third": "96, 54, 54", "total": "87.62"}


def test_rows_of_torchinfo_are_layers_by_type() -> None:
    audit = nincost.audit(_INFO.format(**_RIGHT), layer="block1")
    assert audit.ok, str(audit)
    assert not audit.unread
    assert {grade.what: len(grade.terms) for grade in audit.grades} == {"params": 3, "macs": 3}
    (shapes,) = audit.figures
    assert len(shapes.figures) == 5


def test_a_wrong_cell_of_torchinfo_is_found() -> None:
    params, macs = nincost.audit(
        _INFO.format(**{**_RIGHT, "second": "9,216"}), layer="block1"
    ).grades
    assert [mistake.key for mistake in params.mistakes] == ["bias-missing"]
    assert macs.ok
    _, macs = nincost.audit(_INFO.format(**{**_RIGHT, "total": "89.62"}), layer="block1").grades
    assert not macs.ok
    (shapes,) = nincost.audit(
        _INFO.format(**{**_RIGHT, "third": "96, 55, 55"}), layer="block1"
    ).figures
    (wrong,) = [one for one in shapes.figures if one.verdict != "right"]
    assert wrong.subject == "block1.conv1x1_2"


def test_what_torchsummary_prints() -> None:
    rows = [("Conv2d-1", 54, 96, 11_712), ("ReLU-2", 54, 96, 0), ("Conv2d-3", 54, 96, 9_312),
            ("Conv2d-5", 54, 96, 9_312)]  # fmt: skip
    text = "\n".join(f"   {n}     [-1, {c}, {s}, {s}]     {p:,}" for n, s, c, p in rows)
    text += "\n=====\nTotal params: 30,336\nForward/backward pass size (MB): 24.20\n"
    audit = nincost.audit(text, layer="block1")
    assert audit.ok, str(audit)
    assert not audit.unread
