"""Chinese: each sentence has its own, with the same values; and LANG chooses the language."""

from __future__ import annotations

import html
import json
import re
import string
from collections.abc import Callable
from typing import Any

import pytest

import nincost
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
from nincost._chinese.translate import chinese, say, speaking, usual_language
from nincost._render.memory.text import _IN_PHASE, _PHASES, ALL_NAMES, ALL_PARTS
from nincost._render.parts import remedies

CATALOGS = {
    "audit": audit.SENTENCES,
    "check": check.SENTENCES,
    "compare": compare.SENTENCES,
    "errors": errors.SENTENCES,
    "memory": {**memory.SENTENCES, **memory.PARTS},
    "page": page.SENTENCES,
    "refusals": refusals.SENTENCES,
    "report": report.SENTENCES,
    "sweep": sweep.SENTENCES,
    "words": {**words.SENTENCES, **words.PARTS},
}
#: What stays as it is: names of code, tools, cards, units.
NAMES = re.compile(
    r"fvcore|FlopCounterMode|two-1x1|one-1x1|zero-1x1|fc-head|aten\.\w+|GPU|CUDA|"
    r"expandable_segments:True|NVIDIA|GeForce|RTX|A100-[\w-]+|"
    r"PyTorch|MiB|GiB|KiB|MACs|FLOPs|ReLU|Conv2d|MaxPool2d|Linear|Dropout|Flatten|SGD|Adam\w*|"
    r"Adaptive\w+|--[\w-]+( [\w:.-]+)?|(block|pool|fc|global_|flatten|dropout|classifier)[\w.]*|"
    r"adaptive_avg_pool2d|nvidia-smi|nincost( fit)?|meta|eval|MFU|float32|docs/time\.md|TFLOP/s|"
    r"FLOP|roofline|Sequential|conv\w*|relu\w*|conv2d block1|aten/src\S*.*|UTC|"
    r"platform \S+ \S+|[\w.-]+ \d+\.\d\S*(?= ·|$)|aten\b"
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name and name != "s"}


@pytest.mark.parametrize("name", CATALOGS)
def test_every_sentence_has_the_same_values_in_both_languages(name: str) -> None:
    for english, translated in CATALOGS[name].items():
        assert fields(translated) <= fields(english), english
        assert not re.search("[一-鿿]", english)


def untranslated(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.search("[A-Za-z]{3}", NAMES.sub("", line))]


def test_check_compare_and_memory_have_no_english_left() -> None:
    results = [
        nincost.check("two-1x1"),
        nincost.compare("two-1x1", "fc-head"),
        nincost.compare("two-1x1", "one-1x1", "zero-1x1"),
        nincost.memory("two-1x1", batch_size=8, measure=False),
        nincost.memory("two-1x1", batch_size=8, measure=False, gpu="a100", optimizer="adam"),
        nincost.memory("two-1x1", batch_size=8, measure=False, inference=True, gpu="24GiB"),
        nincost.memory("two-1x1", measure=False, gpu="3090", what_if="one-1x1", suggest=True),
    ]
    for result in results:
        with speaking("zh"):
            text = str(result)
        assert not untranslated(text)
        assert re.search("[一-鿿]", text)
        assert not re.search("[一-鿿]", str(result))


def test_every_key_of_memory_has_words() -> None:
    """Categories, columns and phases of ranks and of models that generate, too."""
    keys = [*ALL_NAMES.values(), *ALL_PARTS, *_PHASES.values(), *_IN_PHASE.values(), "Tokens"]
    assert [key for key in (*keys, *remedies.HEADINGS[1:]) if chinese(key) == key] == []


def words_of(html_page: str) -> list[str]:
    """What a page says: between its tags, in attributes that are read, in its charts' titles."""
    (charts,) = re.findall(r'id="charts">(.*?)</script>', html_page, re.DOTALL)
    bare = re.sub(r"<(script|style|code)\b.*?</\1>", "", html_page, flags=re.DOTALL)
    found = re.findall(r">([^<>]+)<", bare)
    found += re.findall(r' (?:title|aria-label|placeholder)="([^"]*)"', bare)

    def titles(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                titles(inner, name)
        elif isinstance(value, list):
            for inner in value:
                titles(inner, key)
        elif isinstance(value, str) and key in ("title", "description", "word", "phase", "bound"):
            found.append(value)

    titles(json.loads(charts))
    return [html.unescape(" ".join(text.split())) for text in found]


def test_pages_with_charts_have_no_english_left() -> None:
    """Each sentence of their templates, charts and words is in a catalog."""
    pytest.importorskip("vl_convert")
    pages = [
        nincost.report(
            "two-1x1", gpu="rtx3060", suggest=False, measure=False, lang="zh", optimizer="adam"
        ).to_html(),
        nincost.compare("two-1x1", "one-1x1", gpu="rtx3060", lang="zh").to_html(),
    ]
    for one in pages:
        assert '<html lang="zh">' in one
        assert untranslated("\n".join(words_of(one))) == []


def test_a_result_keeps_its_language() -> None:
    """`lang` in Python is what --lang is on the command line; JSON and CSV are the same in both."""
    chinese_one = nincost.audit(params="1992166", lang="zh")
    english = nincost.audit(params="1992166", lang="en")
    assert "正确" in str(chinese_one)
    assert "正确" in chinese_one.to_markdown()
    assert "right" in str(english)
    assert (chinese_one.to_json(), chinese_one.to_csv()) == (english.to_json(), english.to_csv())
    assert chinese_one == english
    assert "参数" in str(nincost.check("two-1x1", other_tools=False, lang="zh"))
    assert "峰值" in str(nincost.memory("two-1x1", measure=False, lang="zh"))
    french: Any = "fr"
    for wrong in (nincost.audit, nincost.check, nincost.memory, nincost.report):
        with pytest.raises(nincost.InputError, match="lang is 'fr': choose en or zh"):
            wrong(lang=french)
    with pytest.raises(nincost.InputError, match="lang is 'fr'"):
        nincost.compare("two-1x1", "one-1x1", lang=french)


def test_markdown_and_html_are_said_in_chinese_too() -> None:
    result = nincost.audit(params="96*121 + 5 = 11621")
    with speaking("zh"):
        markdown, page = result.to_markdown(), result.to_html()
        five = str(nincost.report("two-1x1", gpu="rtx3060", suggest=False, measure=False))
    assert "漏了偏置" in markdown
    assert "| 结论 |" in markdown
    assert "漏了偏置" in page
    assert not untranslated(five)
    assert "漏了偏置" not in result.to_markdown()


LANGS = [
    ({"LANG": "zh_CN.UTF-8"}, "zh"),
    ({"LANG": "en_GB.UTF-8"}, "en"),
    ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
    ({}, "en"),
]


@pytest.mark.parametrize(("variables", "lang"), LANGS)
def test_the_environment_chooses(
    variables: dict[str, str], lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert usual_language() == lang


def test_commands_and_their_errors(
    nincost_cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "参数量：正确：1,992,166" in nincost_cli("audit", "--params", "1992166").out
    assert "right: 1,992,166" in nincost_cli("audit", "--params", "1992166", "--lang", "en").out
    done = nincost_cli("audit", "--params", "96*(11*%1)")
    assert done.status == 2
    assert done.err.startswith("nincost: 错误：第 8 个字符：意外的 '%'")
    assert "感受野" in nincost_cli("explain", "two-1x1", "--layer", "block1.conv").out


def test_what_is_not_known_stays_english() -> None:
    with speaking("zh"):
        assert say("a sentence that nobody translated") == "a sentence that nobody translated"
    assert (
        chinese("wrong: 4 of 8 terms wrong, 1 layer missing")
        == "错误：8 项中有 4 项不对，漏了 1 层"
    )
    assert chinese("wrong: 3 layers missing") == "错误：漏了 3 层"
