"""Headings and words that several commands share."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "{model} on {input} (batch {n})": "{model}，输入 {input}（批量 {n}）",
    "Layer": "层",
    "Type": "类型",
    "Output": "输出",
    "Value": "数值",
    "Verdict": "结论",
    "Note": "说明",
    "note": "说明",
    "Total": "合计",
    "total": "合计",
    "Change": "变化",
    "Ratio": "比值",
    "Model": "模型",
    "Params": "参数",
    "Parameters": "参数",
    "Activation": "激活值",
    "Activations": "激活值",
    "Activation memory": "激活值内存",
    "Training memory": "训练显存",
    "Examples/s (predicted)": "每秒样本数（预测）",
    "Training": "训练",
    "parameters": "参数",
    "gradients": "梯度",
    "optimizer state": "优化器状态",
    "activations": "激活值",
    "inputs": "输入",
    "buffers": "缓冲区",
    "temporaries": "临时内存",
    "workspace": "工作区",
    "data": "数据",
    "training": "训练",
    "inference": "推断",
}

#: Tried for a part of a sentence alone.
PARTS: dict[str, str] = {
    "{a_t}; {b_t}": "{a_t}；{b_t}",
}
