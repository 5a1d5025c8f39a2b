"""Whether the words of a statement allow that it is a usual amount of memory, and which one.

Its own clause counts before its sentence, and that before a heading: a list under `Training` has
the parameters alone, too. What the own clause names must be what the amount is of.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from nincost._audit.figures.memory_formulas import BYTES, MemoryKind
from nincost._audit.figures.memory_kinds import KINDS, ONE_OF, PAIR
from nincost._audit.figures.memory_known import Known, known_of_others, known_sizes
from nincost._audit.figures.memory_said import Said, data_of
from nincost._audit.figures.memory_scope import whereabouts
from nincost._audit.figures.memory_sums import Value
from nincost._audit.figures.memory_units import is_in_bytes, is_unitless
from nincost._audit.reading.expression import unit_of
from nincost._audit.reading.parts import Reading
from nincost._audit.reading.words import (
    batch_in,
    batches,
    says_about,
    says_per_image,
    says_result,
    says_total,
    says_values,
)
from nincost._audit.subject import Subject

_PARTS: tuple[MemoryKind, ...] = (
    "parameters", "gradients", "optimizer state", "activations", "data",
)  # fmt: skip
_SENTENCE_END = re.compile(r"[。;；!?！？\n]|\.(?=\s|$)")
_CLAUSE_END = re.compile(r"[,，。;；!?！？\n]|\.(?=\s|$)|\band\b|\d")
#: `不用存梯度和激活`, `without momentum`: what is not in it.
_NOT = re.compile(
    r"(?:不用|不必|不需要?|没有|无需|不含|不算|不包括|不计)[^，,。；;]*"
    r"|\b(?:no|without|not counting|excluding|don't|doesn't|nothing)\b[^,.;]*",
    re.IGNORECASE,
)
#: `a gradient for each weight`: the weights are no part of it.
_PER = re.compile(
    r"(?:(?:for|per)\s+(?:each |every |one )?|each |every |每一?个?|各)(?:weights?|param\w*|参数)",
    re.IGNORECASE,
)
#: `加参数约 10.2MB`: with what was said before.
_TOGETHER_WITH = re.compile(
    r"加上?(?:参数|权重)|\b(?:with|plus|and)\s+(?:the\s+)?(?:weights|param\w*)\s*(?=$|\W*(?:about|约))",
    re.IGNORECASE,
)
#: `gradients: same as the parameters, 7.97 MB`: what it is compared with.
_SAME_AS = re.compile(
    r"[和与跟同](?:参数|权重|梯度)[量数]?(?:一样|相同|同样)"
    r"|(?:same|as (?:much|many|large|big))\s+(?:size\s+)?as\s+(?:for\s+)?(?:the\s+)?"
    r"(?:param\w*|weights|grad\w*)",
    re.IGNORECASE,
)
_IN_AND_OUT = re.compile(
    r"输入(?:和|与|、)?输出|\binputs? and (?:its |the |an |one )?outputs?", re.IGNORECASE
)
#: `SGD, batch 64: 406.5 MB`: a step of training with it.
_STEP = re.compile(r"(?<![A-Za-z])SGD(?![A-Za-z])", re.IGNORECASE)
_FORWARD = re.compile(r"前向|\bforward\b", re.IGNORECASE)
_SOME = re.compile(r"\b(?:worst|both|two|twice)\b|两|一对|一层", re.IGNORECASE)
#: `推断显存只需要参数`: no part of it, but all.
_ONLY = re.compile(r"只|就是|\b(?:only|just)\b", re.IGNORECASE)
_POOLS = re.compile(r"pool|池化|汇聚", re.IGNORECASE)
#: Networks with more or fewer layers are compared.
_COMPARES = re.compile(
    r"delet|remov|\bdrop(?!out)|leav\w+ out|without|only one|\bone 1\s?[x×]\s?1|compar|variant"
    r"|one-1x1|zero-1x1|去掉|删[掉除去]|少[用放]?一[个层]|只[有留用]一个|对比|比较",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"省|少|减|差|less|fewer|sav(?:es?|ed|ing)|differ|[A-Z]\s*[-−–]\s*[A-Z]\b", re.IGNORECASE
)
_LAST_TERM = re.compile(r"\d\s*(?:[KMGT]i?B|bytes|字节)?\s*[+＋]", re.IGNORECASE)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ENOUGH = 3  # digits: of fewer, too many amounts are near


def found_as(
    reading: Reading, said: Said, subject: Subject, kinds: frozenset[MemoryKind]
) -> tuple[Known, str] | None:
    """The usual amount that it is to its digits and by its words, and the block or layer.

    `kinds` are those of the statements before that are right: a sum may have them.
    """
    text = reading.text
    before, raw, after, sentence = _words(reading, said)
    own, whole = claimed(f"{before} {raw} {after}")
    result = says_result(before) or says_total(before) or bool(re.match(r"\s*(?:=>|→|⇒)", raw))
    bare = not re.search(r"[^\W\d_]", re.sub(r"约|大约|about|some|roughly|or\b", "", before))
    linked = (result or bare) and not own and whole is None
    if linked:
        own, whole = claimed(sentence)
    if not _other_terms_fit(said, subject):
        return None
    if len(_digits(raw)) < _ENOUGH:
        if not own or not says_about(f"{before[-12:]} {after[:6]}"):
            return None
        kinds = own  # of two digits too much is near
    inference = claimed(sentence)[1] == "inference"
    only = bool(whole and _ONLY.search(before))
    step = whole is None and _STEP.search(sentence)
    words = f"{sentence} {after}"
    allowed = {
        "": True,
        "some": bool(ONE_OF.search(words) or PAIR.search(words) or _SOME.search(words)),
        "pool": bool(_POOLS.search(words)),
        "other": bool(_COMPARES.search(text)),
        "less": bool(_COMPARES.search(text) and _LESS.search(f"{before} {raw} {after}")),
    }
    for place, known in _candidates(reading, said, subject, (before, after, sentence)):
        if not (allowed[known.needs] or (place and known.needs == "some")) or not _fits(
            said, known, raw, words
        ):
            continue
        if inference and known.parts & {"gradients", "optimizer state"}:
            continue
        agrees = functools.partial(
            _agrees, known, own, before=kinds, all_of_it=only, named=bool(place)
        )
        if agrees(whole, result=result) or (
            step and len(own) == 1 and agrees("training", result=result)
        ):
            return known, place
    return None


def claimed(words: str) -> tuple[frozenset[MemoryKind], MemoryKind | None]:
    """The kinds that words name, and whether it is a whole step's or inference's."""
    bare = _NOT.sub(" ", _PER.sub(" ", _SAME_AS.sub(" ", _TOGETHER_WITH.sub(" ", words))))
    bare = _IN_AND_OUT.sub(" activations ", bare)
    own = {kind for kind in _PARTS if KINDS[kind].search(bare)}
    if _FORWARD.search(bare):
        own.add("activations")
    if "activations" in own and not re.search(r"images|data\b|数据", bare, re.IGNORECASE):
        own.discard("data")
    whole: MemoryKind | None = None
    for kind in ("training", "inference"):
        if KINDS[kind].search(words):  # type: ignore[index]
            whole = kind  # type: ignore[assignment]
    return frozenset(own), whole


def _words(reading: Reading, said: Said) -> tuple[str, str, str, str]:
    """Of its own clause those before the number, with it and after, and its sentence's so far."""
    figure, text = said.figure, reading.text
    raw = text[figure.start : figure.end]
    before = figure.before
    node, claims = said.nodes[0]
    whole = node is not None and bool(claims) and (claims[-1].fits(node.value) or is_unitless(node))
    terms = list(_LAST_TERM.finditer(raw))
    if terms and claims and not whole:  # `7.97 MB + the largest output 4 * 279,936 = 1.12 MB`
        before, raw = raw[: terms[-1].end()], raw[terms[-1].end() :]
        before = ""
    stop = _CLAUSE_END.search(text, figure.end)
    after = figure.after or text[figure.end : stop.start() if stop else len(text)]
    first = max((m.end() for m in _SENTENCE_END.finditer(text, 0, figure.start)), default=0)
    sentence = text[min(first, figure.start - len(figure.before)) : figure.end]
    return before, raw, after, sentence


def _candidates(
    reading: Reading, said: Said, subject: Subject, words: tuple[str, str, str]
) -> Iterator[tuple[str, Known]]:
    before, after, sentence = words
    named = batch_in(f"{before} {after}") or batch_in(sentence)
    if named is None and said.figure.own_batch:
        named = said.figure.batch  # the heading's
    sizes = [said.batch, *(size for _, _, size in batches(reading.text))]
    if len(sizes) > 1 or says_per_image(reading.text):
        sizes.append(1)
    factors = [part.value for part in said.node.parts] if said.node is not None else []
    factor = next((size for size in sizes if size > 1 and size in factors), None)
    sizes = [factor or named or 0] if factor or named else sizes
    copies = _copies(reading.text)
    others = []
    if _COMPARES.search(reading.text):
        others = subject.other_networks()
    for scope in whereabouts(before, after, sentence, reading.text, subject):
        data = 0 if scope.name else data_of(subject)
        for batch in dict.fromkeys(sizes):
            for known in known_sizes(scope.layers, data, batch, copies):
                yield scope.name, known
            if others and not scope.name:
                for known in known_of_others(scope.layers, others, batch):
                    yield "", known


def _other_terms_fit(said: Said, subject: Subject) -> bool:
    """Of `weights 7.97 MB + the largest output 1.12 MB` that the first is a usual amount, too."""
    node, claims = said.nodes[0]
    if node is None or node.kind != "sum" or not claims or claims[-1].fits(node.value):
        return True
    if is_unitless(node):
        return True
    usual = known_sizes(subject.layers(1), data_of(subject), said.batch, _copies(said.source))
    sizes = [known.bytes for known in usual if len(known.parts) == 1]
    for place in range(len(node.parts) - 1):
        terms = [one.parts[place] for one, _ in said.nodes if one is not None]
        term = Value(tuple((one.value, unit_of(one)) for one in terms))
        if not any(term.fits(size) for size in sizes):
            return False
    return True


def _copies(text: str) -> Sequence[int]:
    """The optimizer's values for each parameter, of those optimizers that the text names."""
    found = [2] if re.search("adam", text, re.IGNORECASE) else []
    bare = _NOT.sub(" ", text)
    return [*found, 1] if re.search("momentum|动量", bare, re.IGNORECASE) else found


def _fits(said: Said, known: Known, raw: str, words: str) -> bool:
    if not known.bytes:
        return False
    if is_in_bytes(raw) or said.unit_before:
        return said.written.fits(known.bytes)
    counts = says_values(f"{raw} {said.figure.after}") or len(_digits(raw)) > _ENOUGH
    return (counts or says_values(words)) and said.written.fits(Fraction(known.bytes, BYTES))


def _agrees(
    known: Known, own: frozenset[MemoryKind], whole: MemoryKind | None,
    before: frozenset[MemoryKind], *, result: bool, all_of_it: bool, named: bool,
) -> bool:  # fmt: skip
    """Whether an amount with these parts may stand where these kinds are named."""
    parts = known.parts
    if len(parts) == 1 and parts == own and not all_of_it:
        return True
    if whole == "training":
        return {"parameters", "gradients", "activations"} <= parts and own <= parts
    if whole == "inference":
        states = parts & {"gradients", "optimizer state"}
        return {"parameters", "activations"} <= parts and own <= parts and not states
    if own:
        return parts == own or (result and own <= parts and parts - own <= before)
    if result and not named:
        return len(parts) > 1 and parts == before
    return len(parts) == 1 or parts <= before


def _digits(raw: str) -> str:
    """The digits of the last number that count."""
    numbers = _NUMBER.findall(raw)
    if not numbers:
        return ""
    digits = numbers[-1].replace(",", "")
    if "." not in digits:
        return str(digits.strip("0"))
    return str(digits.replace(".", "").lstrip("0"))
