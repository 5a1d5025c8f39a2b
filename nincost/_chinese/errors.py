"""What errors say: of answers that cannot be read, and of names that are not known."""

from __future__ import annotations

_WHERE = {
    "character {n}": "第 {n} 个字符",
    "character {n} of line {n2}": "第 {n2} 行第 {n} 个字符",
}

_EXPECTED = {
    "expected numbers, + - * / ^, parentheses, and perhaps = total": (
        "只能有数字、+ - * / ^、括号和 = 总数"
    ),
    "expected a number": "此处应为数字",
    "expected a number or (": "此处应为数字或 (",
    "expected ) after it": "后面应有 )",
    "expected a whole number": "应为整数",
    "expected + - * / ^ or )": "此处应为 + - * / ^ 或 )",
    "expected another number": "应为其他数",
    "expected a calculation such as 96*(11*11*1+1)": "应为算式，例如 96*(11*11*1+1)",
    "remove it": "请删去",
    "at most {n} are read": "最多读 {n} 个",
    "at most {n} is read": "最大为 {n}",
    "at most {n} levels are read": "最多读 {n} 层",
    "at most {power}": "最大为 {power}",
    "expected a whole number up to {n}": "应为不超过 {n} 的整数",
    "write 0.5 or 5": "请写 0.5 或 5",
    r"write \times, \cdot, or plain *": r"请写 \times、\cdot 或 *",
}

_WHAT = {
    "unexpected {what}": "意外的 {what}",
    "unknown LaTeX command {what}": "不认识的 LaTeX 命令 {what}",
    "the calculation ends too early": "算式没有写完",
    "this parenthesis is never closed": "括号没有闭合",
    "this parenthesis was never opened": "括号没有左半边",
    "parentheses are nested too deep": "括号嵌套太深",
    "two numbers without an operator between them": "两个数之间没有运算符",
    "a division by zero": "除以零",
    "a negative exponent": "负指数",
    "this exponent is not supported": "不支持这个指数",
    "the value gets too large": "数值太大",
    "nothing to read": "没有内容",
    "a decimal point alone is not a number": "单独的小数点不是数",
    "a number has {n} digits": "一个数有 {n} 位",
    "a number's exponent is {n}": "一个数的指数是 {n}",
}

SENTENCES: dict[str, str] = {
    "nincost: error: ": "nincost: 错误：",
    **{
        f"{english} at {where}: {{expected_t}}": f"{there}：{zh}，{{expected_t}}"
        for english, zh in _WHAT.items()
        for where, there in (
            ("character {n8} of line {n9}", "第 {n9} 行第 {n8} 个字符"),
            ("character {n8}", "第 {n8} 个字符"),
        )
    },
    **_WHAT,
    **_EXPECTED,
    **_WHERE,
    "the answer is empty: expected a calculation such as 96*(11*11*1+1) + ... = 1992166": (
        "答案是空的：应有算式，例如 96*(11*11*1+1) + ... = 1992166"
    ),
    "nothing in the answer could be graded: expected a calculation such as 96*(11*11*1+1) + ... = "
    "1992166, or a shape, a size in bytes, a receptive field": (
        "答案中没有可以批改的内容：应有算式，例如 96*(11*11*1+1) + ... = 1992166，"
        "或者形状、字节数、感受野"
    ),
    "the answer has more than {n} statements: grade a part of it": (
        "答案超过 {n} 句：请只批改一部分"
    ),
    "the calculation has more than {n} terms: grade a part of it": (
        "算式超过 {n} 项：请只批改一部分"
    ),
    "the calculation has {n} characters: at most {n2} are read; grade a part of it": (
        "算式有 {n} 个字符，最多读 {n2} 个：请只批改一部分"
    ),
    "nothing to grade: give a file (- for standard input), or --params, --macs, --flops or "
    "--memory with a calculation such as '96*(11*11*1+1) + ... = 1992166'": (
        "没有要批改的内容：请给出文件（- 为标准输入），或用 --params、--macs、--flops、--memory "
        "给出算式，例如 '96*(11*11*1+1) + ... = 1992166'"
    ),
    "there is no file {name}: give a file, or a calculation": ("没有文件 {name}：请给出文件或算式"),
    "{name} cannot be read: {why_t}: give a text file or a CSV": (
        "无法读取 {name}（{why_t}）：请给出文本文件或 CSV"
    ),
    "{name} is not UTF-8 text: save it as UTF-8": "{name} 不是 UTF-8 文本：请存为 UTF-8",
    "the {kind} has no column named {name}: expected layer and one of params, macs, flops, as "
    "`nincost profile --format csv` writes them": (
        "表格中没有名为 {name} 的列：应有 layer 以及 params、macs、flops 之一，"
        "如 `nincost profile --format csv` 所写"
    ),
    "the answer begins as a JSON document and is none: expected one as `nincost profile --format "
    "json` writes it": "答案像 JSON 文档却不是：应如 `nincost profile --format json` 所写",
    "the JSON document has no layers: expected one as `nincost profile --format json` writes it": (
        "JSON 文档中没有 layers：应如 `nincost profile --format json` 所写"
    ),
}
