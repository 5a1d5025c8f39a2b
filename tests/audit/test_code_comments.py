"""A program in an answer: its comments say results and sentences."""

from __future__ import annotations

import nincost

_SCRIPT = """\
# NiN cost, exercise 3
import torch
p = 0
p += 96*(11*11*1+1)   # 11712
p += 2*96*97          # 18624
print(p)              # 30336
m = 54*54*96*121      # {first}
m2 = 54*54*96*96*2    # 53747712
print(m + m2)         # 87619968 MACs
# training, one image: params 7.97 MB + grads 7.97 MB
"""


def test_results_in_comments_are_checked() -> None:
    params, macs = nincost.audit(_SCRIPT.format(first=33872256), layer="block1").grades
    assert (params.what, params.ok) == ("params", True)
    assert (macs.what, macs.ok) == ("macs", True)
    params, macs = nincost.audit(_SCRIPT.format(first=33872265), layer="block1").grades
    assert params.ok
    assert not macs.ok


def test_a_sentence_in_a_comment_is_read() -> None:
    (memory,) = nincost.audit(_SCRIPT.format(first=33872256)).figures
    assert memory.what == "memory"
    assert memory.ok


def test_what_is_printed_of_other_lines_is_no_calculation() -> None:
    text = (
        "layers = [\n    (1, 96, 11, 54), (96, 96, 1, 54),\n]\n"
        "params = sum(co * (ci * k * k + 1) for ci, co, k, s in layers)\n"
        'print("params", params)       # params 1992166\n'
        'print("weights MB", params * 4 / 1e6)      # weights MB 7.968664\n'
    )
    audit = nincost.audit(text)
    assert audit.ok, str(audit)
    assert not audit.unread
    assert [one.what for one in audit.figures] == ["memory"]
