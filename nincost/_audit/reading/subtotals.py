"""Numbers in a sentence that say again what stands before them: subtotals, and bounds."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

from nincost._audit.reading.expression import Node
from nincost._audit.reading.parts import Part
from nincost._audit.reading.statements import Statement
from nincost._audit.reading.words import says_bound, says_result, says_several

#: `block: 746,240`, of no block by its number: of what stands before it.
_BLOCK_SUM = re.compile(r"\W*(?:(?:the|this|whole) )*(?:block|本块|整块|块)\W*", re.IGNORECASE)
_MOST_SUMMED = 4  # lines that a subtotal in a sentence may be of


def is_bound(part: Part, statement: Statement, node: Node) -> bool:
    """Whether it says that what stands before is below it, or above, and that is so."""
    value = part.claims[-1].value if part.claims else part.value
    return bool(part.lines) and says_bound(statement.before, node.value, value)


def is_subtotal(part: Part, statement: Statement, node: Node) -> bool:
    """Whether it is what the last lines come to, each counted as often as it says.

    `11,712 and each 1x1 has 9,312, so 30,336`: the copies that make it right are added.
    """
    said = says_result(statement.before) or bool(_BLOCK_SUM.fullmatch(statement.before))
    if node.kind != "number" or node.unit or not part.lines or not said:
        return False
    last = part.lines[part.summed :][-_MOST_SUMMED:]
    for first in range(len(last) - 1, -1, -1):
        tail = last[first:]
        counts = [(2, 1, 3) if says_several(line.label) else (1,) for line in tail]
        for copies in itertools.product(*counts):
            if len(tail) == 1 and copies == (1,):
                continue
            value = sum(c * line.node.value for c, line in zip(copies, tail, strict=True))
            if value != node.value:
                continue
            if len(tail) == len(part.lines) and max(copies) == 1:
                return False  # the total of all
            del part.lines[len(part.lines) - len(tail) :]
            for count, line in zip(copies, tail, strict=True):
                part.lines += [line, *[replace(line, claims=())] * (count - 1)]
            part.summed = len(part.lines)
            return True
    return False
