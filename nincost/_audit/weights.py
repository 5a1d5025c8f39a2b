"""The numbers by which `audit` prefers one explanation of a wrong answer to another.

Each is a penalty: how unlikely something is that somebody may have written. A right term has 0,
and of two explanations the one with the smaller sum is named first. The unit is the commonest
mistake in a term, a bias left out, which has 1.0; a mistake's own penalty stands at its
definition in `mistakes.py` (0.9 to 1.7), and that of counting something that costs nothing in
`costs_nothing.py`.

None of them says whether an answer is right: that follows from its value alone. They decide only
which mistake is named, and were set by looking at what was named wrongly in generated answers.
`benchmarks/audit_mistakes.py --fit` tries other values.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """All numbers of the matching; the field's comment says what it is for and why that size."""

    missing: float = 1.5
    """A layer that costs something and has no piece. Above a mistake in a term (mostly 1.0 to
    1.4), so that a value which one mistake explains goes to its layer; below two mistakes at
    once."""

    twice: float = 1.3
    """A layer's right cost once too often. Below `missing`, so that a value which is exactly right
    for some layer is rather a repetition than another layer's cost with a layer left out."""

    twice_grouped: float = 0.9
    """The same, where `(...)*2` made the repetition: a wrong count is a smaller mistake than a
    term written again, and a likelier one than a factor 2 for FLOPs (1.0 and `group_as_flops`)."""

    group_as_flops: float = 0.6
    """Added to a confusion of MACs with FLOPs where the factor 2 stands at a group in parentheses,
    which means two layers sooner."""

    same_factors: float = -0.3
    """Added where the piece has the very factors that the mistake leaves, which speaks for it.
    Small, as it is to decide between explanations that are about as likely."""

    other_factors: float = 0.2
    """Added where the value fits but the factors are others, which may be chance."""

    batch_unseen: float = 1.5
    """Added to a batch counted that is no factor of the piece: `2*54*54*96*96*128` has 128 and a 2
    for FLOPs, and no 256. About a mistake more, as the factors show that it was another."""

    second_mistake: float = 0.9
    """Added to two mistakes in one term, on top of the penalties of both: nearly a mistake more,
    so that two right terms with a mistake each are preferred to one with two."""

    same_again: float = 0.25
    """A factor: what a mistake counts for again in each further copy of a group, `(...)*2`. It was
    made once; not 0, so that fewer copies with the mistake are still better than more."""

    unexplained: float = 5.0
    """A value that no known mistake makes of the layer that it is compared with. Above all that
    two mistakes may come to (about 4.3), so that it is the last resort."""

    unlike: float = 2.0
    """Added to `unexplained` times the share of factors that differ: an unexplained value is
    compared with the layer whose factors are nearest. With `unexplained` it stays below
    `unknown`."""

    unknown: float = 9.0
    """A value that belongs to no layer. Above `unexplained` and `unlike` and `missing` together,
    so that a value is compared with a layer as long as one is left."""

    also_likely: float = 1.3
    """A margin: other explanations of a term are listed up to this much behind the first. About
    one mistake: what needs a mistake more is not worth a reader's time."""

    total_one_layer_off: float = 1.3
    """Of a wrong total alone: a layer left out or counted twice. As `twice`; with nothing but the
    total to go by, both are as likely."""

    total_one_kernel: float = 0.1
    """Of a wrong total alone, added where a mistake is in all layers with one size of kernel, and
    not in all layers: less likely, but hardly."""

    total_one_layer: float = 0.3
    """The same where the mistake is in one layer only. Larger, as a model has many layers, and one
    of them gives almost any total."""
