"""What a check says."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "Params\nby hand": "参数\n手算",
    "\nby trace": "\n追踪",
    "MACs\nby hand": "乘加\n手算",
    "\nby fvcore": "\nfvcore",
    "{model}: check": "{model}：核对",
    "hand_params": "手算参数",
    "trace_params": "追踪参数",
    "hand_macs": "手算乘加",
    "trace_macs": "追踪乘加",
    "fvcore_macs": "fvcore 乘加",
    "agrees": "一致",
    "differs": "不一致",
    "trace only": "仅追踪",
    "Differs": "不一致",
    "hand formulas and trace agree in every layer that has a hand formula": (
        "凡有手算公式的层，手算与追踪都一致"
    ),
    "hand formulas and trace agree in every layer that has a hand formula; only the trace counts "
    "functions: {n} MACs ({share})": (
        "凡有手算公式的层，手算与追踪都一致；函数只有追踪才计入：{n} 次乘加（{share}）"
    ),
    "{n} of {n2} layers differ between hand and trace": "{n2} 层中有 {n} 层手算与追踪不一致",
    "{n} MACs, the same as the trace": "{n} 次乘加，与追踪相同",
    "{n} MACs, {n2} more than the trace": "{n} 次乘加，比追踪多 {n2}",
    "{n} MACs, {n2} fewer than the trace": "{n} 次乘加，比追踪少 {n2}",
    "fvcore's total has element-wise work in it: {what}": "fvcore 的总数含逐元素运算：{what}",
}
