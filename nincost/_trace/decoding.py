"""Tokens that a model generates, written on from a few that were recorded.

Each token runs the same operators, and sizes grow by as much each time. So a few tokens, one behind
the other, give those that follow: `pattern_of` finds what they have in common, `Further` writes it
on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nincost._trace.recording import Chunk, Ended, Entry, Made, Mark, Ran, Storage
from nincost._trace.records import Signature

#: For how many tokens a storage may be held behind the one that made it.
_HELD = 2


class _IrregularError(Exception):
    """Two tokens are not alike."""


class _Token(NamedTuple):
    """A token's entries, and what it made.

    `first` is the number of its first storage, `storages` are those that it made, in order.
    """

    entries: list[Entry]
    first: int
    storages: list[Storage]

    @property
    def oldest(self) -> int:
        """The first storage of the tokens before that may still hold theirs."""
        return self.first - _HELD * len(self.storages)


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """The last two tokens of a recording whose tokens are alike."""

    before: _Token
    last: _Token

    def signatures(self, tokens: int) -> dict[int, Signature]:
        """How operators are called `tokens` behind the last, by the last's signature's id.

        Those that are called alike each time are left out.
        """
        found: dict[int, Signature] = {}
        for one, two in zip(self.before.entries, self.last.entries, strict=True):
            if type(one) is Ran and type(two) is Ran and one.signature is not two.signature:
                key = id(two.signature)
                if key not in found:
                    found[key] = _grown_signature(one.signature, two.signature, tokens)
        return found

    def storages(self, tokens: int) -> list[Storage]:
        """What is made `tokens` behind the last."""
        return [
            Storage(_grown(one.bytes, two.bytes, tokens), two.category, two.on_host)
            for one, two in zip(self.before.storages, self.last.storages, strict=True)
        ]

    def leads_to(self, other: Pattern, tokens: int) -> bool:
        """Whether the last of another pattern is what this one has `tokens` behind its last."""
        try:
            return self._leads_to(other, tokens)
        except _IrregularError:
            return False

    def _leads_to(self, other: Pattern, tokens: int) -> bool:
        signatures = self.signatures(tokens)
        mine = [
            _written(entry, self.last, signatures.get(id(entry.signature)))
            if type(entry) is Ran
            else _written(entry, self.last)
            for entry in self.last.entries
        ]
        theirs = [_written(entry, other.last) for entry in other.last.entries]
        return mine == theirs and self.storages(tokens) == other.last.storages


def pattern_of(entries: Sequence[Entry], storages: Sequence[Storage]) -> Pattern | None:
    """What the tokens of a recording have in common, but for the first two; None where nothing.

    A recording begins the first behind the prompt with its second `decode`.
    """
    tokens = _tokens(entries, storages)[1:]
    if len(tokens) < _HELD + 2 or not _ended(tokens):
        return None
    if len({(len(token.entries), len(token.storages)) for token in tokens}) > 1:
        return None
    for one, two, three in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if not Pattern(one, two).leads_to(Pattern(two, three), 1):
            return None
        if any(n >= tokens[0].first for entry in three.entries for n in _older(entry, three)):
            return None
    return Pattern(tokens[-2], tokens[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Further:
    """Tokens behind those that were recorded."""

    pattern: Pattern
    count: int

    def chunks(self, storages: list[Storage]) -> Iterator[Chunk]:
        """The entries of each token, in order.

        Args:
            storages: the recording's, which get those of each token: in the places of the token's
                that has ended by then.
        """
        last = self.pattern.last
        size, start = len(last.storages), last.oldest
        around = (_HELD + 1) * size

        def place(number: int, token: int) -> int:
            if number < start:
                return number
            return start + (number - start + token * size) % around if around else number

        rings = [
            [_renumbered(entry, lambda n, t=token: place(n, t)) for entry in last.entries]  # type: ignore[misc]
            for token in range(_HELD + 1)
        ]
        varying = [
            (position, id(entry.signature))
            for position, (entry, one) in enumerate(
                zip(last.entries, self.pattern.before.entries, strict=True)
            )
            if type(entry) is Ran and type(one) is Ran and entry.signature is not one.signature
        ]
        changed = [position for position, _ in varying]
        changed += [
            position
            for position, entry in enumerate(last.entries)
            if type(entry) is Made and entry.storage >= last.first
        ]
        for token in range(1, self.count + 1):
            for number, storage in enumerate(self.pattern.storages(token)):
                storages[place(last.first + number, token)] = storage
            signatures = self.pattern.signatures(token)
            entries = list(rings[token % (_HELD + 1)])
            for position, key in varying:
                ran = entries[position]
                assert type(ran) is Ran
                entries[position] = Ran(signatures[key], *ran[1:])
            yield Chunk(entries, changed, token % (_HELD + 1), _HELD + 1)


def _tokens(entries: Sequence[Entry], storages: Sequence[Storage]) -> list[_Token]:
    """The tokens behind the first, each from the mark that begins it."""
    found: list[list[Entry]] = []
    inside = False
    for entry in entries:
        if type(entry) is Mark:
            inside = entry.phase == "decode"
            if inside:
                found.append([])
        if inside:
            found[-1].append(entry)
    tokens = []
    for part in found:
        made = [
            number
            for entry in part
            for number in (
                entry.born if type(entry) is Ran
                else (entry.storage,) if type(entry) is Made else ()
            )
        ]  # fmt: skip
        first = min(made, default=0)
        tokens.append(_Token(part, first, list(storages[first : first + len(made)])))
    return tokens


def _ended(tokens: Sequence[_Token]) -> bool:
    """Whether what a token makes ends with it, or with one of the next two."""
    for number, token in enumerate(tokens[:-_HELD]):
        ended = {
            entry.storage
            for later in tokens[number : number + _HELD + 1]
            for entry in later.entries
            if type(entry) is Ended
        }
        if not ended.issuperset(range(token.first, token.first + len(token.storages))):
            return False
    return True


def _older(entry: Entry, token: _Token) -> list[int]:
    """The storages of an entry that were there before the tokens that may still hold theirs."""
    numbers: tuple[int, ...] = ()
    if type(entry) is Ran:
        numbers = (*entry.inputs, *entry.outputs)
    elif type(entry) is Ended:
        numbers = (entry.storage,)
    return [n for n in numbers if 0 <= n < token.oldest]


def _renumbered(entry: Entry, place: Any) -> Entry:
    if type(entry) is Ran:
        inputs, outputs, born = (
            tuple([place(n) if n >= 0 else n for n in numbers])
            for numbers in (entry.inputs, entry.outputs, entry.born)
        )
        return Ran(entry.signature, entry.layer, entry.node, inputs, outputs, born, entry.held)
    if type(entry) is Ended:
        return Ended(place(entry.storage))
    if type(entry) is Made:
        return Made(place(entry.storage), entry.layer)
    return entry


def _written(entry: Entry, token: _Token, signature: Signature | None = None) -> tuple[Any, ...]:
    """An entry as it is in any token: storages are numbered from the token's first.

    Raises:
        _IrregularError: a storage of long before ends.
    """

    def relative(number: int) -> Any:
        return number - token.first if number >= token.oldest else "of before"

    moved = _renumbered(entry, relative)
    if type(moved) is Ran:
        return (_values(signature or moved.signature), *moved[1:])
    if type(entry) is Ended and entry.storage < token.oldest:
        raise _IrregularError
    return (type(moved).__name__, *moved)


def _values(signature: Signature) -> tuple[Any, ...]:
    return (
        signature.name, signature.args, signature.kwargs, signature.outputs, signature.fresh,
        signature.absent, signature.on_host,
    )  # fmt: skip


def _grown_signature(one: Signature, two: Signature, tokens: int) -> Signature:
    if one.func is not two.func:
        raise _IrregularError
    return replace(
        two,
        args=_grown(one.args, two.args, tokens),
        kwargs=_grown(one.kwargs, two.kwargs, tokens),
        outputs=_grown(one.outputs, two.outputs, tokens),
    )


def _grown(one: Any, two: Any, tokens: int) -> Any:
    """What was `one`, and then `two`, after as many times more; numbers alone may grow."""
    kind = type(two)
    if type(one) is not kind:
        raise _IrregularError
    if kind is int:
        return two + tokens * (two - one)
    if isinstance(two, dict):
        if one.keys() != two.keys():
            raise _IrregularError
        return {key: _grown(one[key], value, tokens) for key, value in two.items()}
    if isinstance(two, tuple | list):
        if len(one) != len(two):
            raise _IrregularError
        parts = [_grown(a, b, tokens) for a, b in zip(one, two, strict=True)]
        return kind(*parts) if hasattr(two, "_fields") else kind(parts)
    if one != two:
        raise _IrregularError
    return two
