"""The verdict on an amount, as an audit says it."""

from __future__ import annotations

_GUESSED = {
    "parameters": "参数量",
    "MACs": "乘加次数",
    "FLOPs": "浮点运算次数",
}


def verdicts() -> dict[str, str]:
    """Each sentence, and the same where the amount was guessed."""
    found = {
        "every term is right, but a total stated in the answer is not their sum": (
            "各项都对，但写出的总数不是它们的和"
        ),
        "wrong": "错误",
        "wrong: {n} of {n2} terms wrong, {n3} layer{s} missing": (
            "错误：{n2} 项中有 {n} 项不对，漏了 {n3} 层"
        ),
        "wrong: {n} of {n2} term wrong, {n3} layer{s} missing": (
            "错误：{n2} 项中有 {n} 项不对，漏了 {n3} 层"
        ),
        "wrong: {n} of {n2} term wrong": "错误：{n2} 项中有 {n} 项不对",
        "wrong: {n} of {n2} terms wrong": "错误：{n2} 项中有 {n} 项不对",
        "wrong: {n} layer{s} missing": "错误：漏了 {n} 层",
        "wrong: {n} of {n2} statement{s} wrong": "错误：{n2} 处中有 {n} 处不对",
        "not sure: {n} number{s} not understood": "无法判断：有 {n} 个数没读懂",
        "not sure: {n} statement{s} not understood": "无法判断：有 {n} 处没读懂",
        "right": "正确",
    }
    for english in _GUESSED:
        found[f"right: {{n}} {english}"] = "正确：{n}"
    guessed = {}
    for english, zh in found.items():
        for what, words in _GUESSED.items():
            suffix = f" (taken as an answer about {what}, since it does not say)"
            guessed[english + suffix] = f"{zh}（没有写明，当作{words}批改）"
    return guessed | found
