"""Sets two networks' layers side by side, by their names and by their order.

The best alignment is the one whose pairs are most similar, in order (Needleman and Wunsch 1970): a
pair needs the same type or the same name; shapes, parameters and names decide how similar it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from nincost._profile.results import LayerCost

Pairs = list[tuple[int | None, int | None]]

#: Entries of the alignment's table beyond which it would take seconds.
_LARGEST_TABLE = 1_500_000


def align(left: Sequence[LayerCost], right: Sequence[LayerCost]) -> Pairs:
    """Indices of layers that belong together; None on the side without one."""
    if len(left) * len(right) > _LARGEST_TABLE:
        return _by_keys(left, right)
    head = 0
    while head < min(len(left), len(right)) and _same(left[head], right[head]):
        head += 1
    tail = 0
    most = min(len(left), len(right)) - head
    while tail < most and _same(left[-1 - tail], right[-1 - tail]):
        tail += 1
    middle = _best(left[head : len(left) - tail], right[head : len(right) - tail])
    pairs: Pairs = [(i, i) for i in range(head)]
    pairs += [(i if i is None else i + head, j if j is None else j + head) for i, j in middle]
    pairs += [(len(left) - t, len(right) - t) for t in range(tail, 0, -1)]
    return pairs


def _same(one: LayerCost, other: LayerCost) -> bool:
    return (one.layer, one.type, one.params) == (other.layer, other.type, other.params) and (
        one.output_shape[1:] == other.output_shape[1:]
    )


def _similarity(one: LayerCost, other: LayerCost) -> int:
    """How similar two layers are; 0 where they cannot be a pair."""
    same_name, same_type = one.layer == other.layer, one.type == other.type
    if not same_type:
        return 2 if same_name else 0
    (parent, _, own), (parents, _, others) = (layer.layer.rpartition(".") for layer in (one, other))
    score = 2
    if own.isdecimal():  # numbers shift where a layer is added before them, within their parent
        score += 3 * (parent == parents)
    else:
        score += 3 * same_name + (own == others)
    score += one.layer.partition(".")[0] == other.layer.partition(".")[0]
    score += one.output_shape[1:] == other.output_shape[1:]
    score += one.params == other.params
    return score


def _best(left: Sequence[LayerCost], right: Sequence[LayerCost]) -> Pairs:
    rows, columns = len(left), len(right)
    best = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        below, here = best[i + 1], best[i]
        for j in range(columns - 1, -1, -1):
            similarity = _similarity(left[i], right[j])
            paired = below[j + 1] + similarity if similarity else -1
            here[j] = max(paired, below[j], here[j + 1])
    pairs: Pairs = []
    i = j = 0
    while i < rows and j < columns:
        similarity = _similarity(left[i], right[j])
        if similarity and best[i][j] == best[i + 1][j + 1] + similarity:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    pairs += [(place, None) for place in range(i, rows)]
    pairs += [(None, place) for place in range(j, columns)]
    return pairs


def _by_keys(left: Sequence[LayerCost], right: Sequence[LayerCost]) -> Pairs:
    """For very long networks: runs of layers with equal names and types."""
    one, other = ([(row.layer, row.type) for row in rows] for rows in (left, right))
    pairs: Pairs = []
    for kind, i, i_end, j, j_end in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind == "equal":
            pairs += zip(range(i, i_end), range(j, j_end), strict=True)
        else:
            pairs += [(place, None) for place in range(i, i_end)]
            pairs += [(None, place) for place in range(j, j_end)]
    return pairs
