"""Finds an English sentence's pattern and says it in Chinese; and which language is spoken."""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Literal

from nincost._chinese import (
    audit,
    check,
    compare,
    errors,
    memory,
    page,
    refusals,
    report,
    sweep,
    words,
)
from nincost.errors import InputError

Lang = Literal["en", "zh"]

LANGS: tuple[Lang, ...] = ("en", "zh")
_SPOKEN: ContextVar[Lang | None] = ContextVar("spoken", default=None)
_CATALOGS: tuple[Mapping[str, str], ...] = (
    words.SENTENCES, audit.SENTENCES, check.SENTENCES, compare.SENTENCES, memory.SENTENCES,
    report.SENTENCES, page.SENTENCES, errors.SENTENCES, refusals.SENTENCES,
    sweep.SENTENCES,
)  # fmt: skip
_LONGEST = 4_000
#: What stands for some names: others stand for anything.
_NUMBER = r"[\d,.]+"
_NARROW = {
    "model": r"\S+",
    "model2": r"\S+",
    "input": r"(?=\S*\d)[^,·(]+?(?:, (?=\S*\d)[^,·(]+?)*",
    "share": r"-?[\d.,]+%",
    "optimizer": r"[\w+.-]+",
    "layer": r"[^:]+",
    "place": r"[A-Za-z_][\w.]*",
    "card": r"[^·,;:]+",
}
_DEEPEST = 6


def usual_language() -> Lang:
    """The language of the environment: LC_ALL, LC_MESSAGES or LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


@contextlib.contextmanager
def speaking(lang: Lang) -> Iterator[None]:
    """Speak a language within."""
    token = _SPOKEN.set(lang)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def spoken() -> Lang:
    """The language that is spoken: English where nothing was chosen."""
    return _SPOKEN.get() or "en"


def chosen(lang: Lang | None) -> Lang:
    """A result's own language, else that of the command, else that of the environment."""
    return lang or _SPOKEN.get() or usual_language()


def check_language(lang: str | None) -> None:
    """Refuse a language that there are no words in.

    Raises:
        InputError: it is neither None nor one of `LANGS`.
    """
    if lang is not None and lang not in LANGS:
        raise InputError(f"lang is {lang!r}: choose {' or '.join(LANGS)}")


def say(text: str) -> str:
    """The text in the language that is spoken: as it is in English, and where no pattern fits."""
    if spoken() == "en" or not text.strip():
        return text
    return chinese(text)


def chinese(text: str) -> str:
    """The text in Chinese; as it is where no pattern fits."""
    return _chinese(text, 0)


def _chinese(text: str, depth: int) -> str:
    known = _exact().get(text)
    if known is not None:
        return known
    if len(text) > _LONGEST or depth > _DEEPEST:
        return text
    for start, pattern, translation in (
        (*_parts(0), *_patterns(), *_parts(1)) if depth else _patterns()
    ):
        if not text.startswith(start):
            continue
        match = pattern.fullmatch(text)
        if match:
            values = {
                name: _chinese(value, depth + 1) if name.endswith("_t") else value
                for name, value in match.groupdict().items()
            }
            return translation.format(**values)
    return text


@functools.cache
def _exact() -> dict[str, str]:
    found: dict[str, str] = {}
    for catalog in _CATALOGS:
        found |= {english: zh for english, zh in catalog.items() if "{" not in english}
    return found


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Each pattern with what it begins with, the longest such first.

    `{n}` is a number, `{s}` a plural's ending or none.
    """
    return _compiled(*_CATALOGS)


@functools.cache
def _parts(last: int) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    """Those that are tried for a part of a sentence alone, before the others or after them."""
    return _compiled((words.PARTS, memory.PARTS)[last])


def _compiled(*catalogs: Mapping[str, str]) -> tuple[tuple[str, re.Pattern[str], str], ...]:
    found = []
    for catalog in catalogs:
        for english, zh in catalog.items():
            if "{" not in english:
                continue
            made = ""
            for part in re.split(r"(\{\w+\})", english):
                name = part[1:-1]
                if not (part.startswith("{") and part.endswith("}")):
                    made += re.escape(part)
                elif name == "s":
                    made += "(?:s|es)?"
                elif name in _NARROW or re.fullmatch(r"n\d*", name):
                    made += rf"(?P<{name}>{_NARROW.get(name, _NUMBER)})"
                else:
                    made += rf"(?P<{name}>.+?)"
            start = english.partition("{")[0]
            words = bool(re.search("[A-Za-z]", re.sub(r"\{\w+\}", "", english)))
            found.append((not words, start, re.compile(made, re.DOTALL), zh))
    # Those without a word, as `{a_t}; {b_t}`, fit nearly anything and are tried last.
    found.sort(key=lambda one: (one[0], -len(one[1])))
    return tuple(one[1:] for one in found)
