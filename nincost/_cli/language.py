"""Which language a command speaks: what --lang says, else the environment."""

from __future__ import annotations

from collections.abc import Sequence

import click

from nincost._chinese.translate import Lang, usual_language

#: Commands whose tables and errors are said in Chinese, too; `explain` has sentences of its own.
SPOKEN = frozenset(["audit", "check", "compare", "memory", "report"])

LANG_OPTION = click.option(
    "--lang", type=click.Choice(["en", "zh"]),
    help="The language of the words of a table, Markdown or HTML page. Default: that of LANG.",
)  # fmt: skip


def asked_language(arguments: Sequence[str]) -> Lang:
    """The language of a command line: English where its command speaks no other."""
    if not arguments or arguments[0] not in (*SPOKEN, "explain"):
        return "en"
    for word, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if word == "--lang" or word.startswith("--lang="):
            given = following if word == "--lang" else word.partition("=")[2]
            return "zh" if given == "zh" else "en"
    return usual_language()
