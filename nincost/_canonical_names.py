"""Names as people type them: case, spaces, hyphens and underscores make no difference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nincost.errors import InputError, nearest

_NONE: Mapping[str, str] = MappingProxyType({})


def plain(name: str) -> str:
    """`Cross Entropy`, `cross_entropy` and `cross-entropy` as `crossentropy`."""
    return re.sub(r"[\s_-]+", "", name).lower()


def canonical_name(
    what: str, given: object, known: Iterable[str], *, aliases: Mapping[str, str] = _NONE
) -> str:
    """The name in `known` that is meant by what was given.

    Args:
        what: what it names, for the message.
        given: a text, else it is unknown.
        known: the names, as they are to be written.
        aliases: other names, each with the one in `known` that it stands for.

    Raises:
        InputError: no such name; the message has all names, and the nearest.
    """
    names = list(known)
    by_plain = {plain(alias): name for alias, name in aliases.items()}
    by_plain |= {plain(name): name for name in names}
    found = by_plain.get(plain(given)) if isinstance(given, str) else None
    if found is None:
        close = nearest(plain(str(given)), by_plain, limit=1)
        hint = f" (did you mean {by_plain[close[0]]!r}?)" if close else ""
        raise InputError(f"unknown {what} {given!r}: choose {', '.join(names)}{hint}")
    return found
