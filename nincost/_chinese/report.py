"""What a report's five lines say."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "{n} ({what_t}), {size}": "{n}（{what_t}），{size}",
    "all trainable": "全部可训练",
    "Computation": "计算量",
    "{n} MACs = {n2} FLOPs for one input, and {n3} element-wise FLOPs": (
        "一个输入 {n} 次乘加 = {n2} FLOPs，另有逐元素运算 {n3} FLOPs"
    ),
    "{n} MACs = {n2} FLOPs at batch {n4}, and {n3} element-wise FLOPs": (
        "批量 {n4} 时 {n} 次乘加 = {n2} FLOPs，另有逐元素运算 {n3} FLOPs"
    ),
    "{n} values, {size} for one input": "一个输入 {n} 个数值，{size}",
    "{model} on {input}, {card}": "{model}，输入 {input}，{card}",
    "{model} on {input}": "{model}，输入 {input}",
    "How many parameters?": "有多少参数？",
    "How much computation?": "计算量有多大？",
    "How much memory to train?": "训练要多少显存？",
    "How much memory to infer?": "推断要多少显存？",
    "{n}, {n2} of them frozen ({size})": "{n}，其中冻结 {n2} 个（{size}）",
    "{n} MACs = {flops} FLOPs for one input": "一个输入 {n} 次乘加 = {flops} FLOPs",
    "{n} MACs = {flops} FLOPs at batch {n2}": "批量 {n2} 时 {n} 次乘加 = {flops} FLOPs",
    "{n} MACs = {flops} FLOPs for one input, and {n2} operators that were not counted": (
        "一个输入 {n} 次乘加 = {flops} FLOPs，另有 {n2} 个算子未计入"
    ),
    "{n} MACs = {flops} FLOPs at batch {n3}, and {n2} operators that were not counted": (
        "批量 {n3} 时 {n} 次乘加 = {flops} FLOPs，另有 {n2} 个算子未计入"
    ),
    "{size} with {optimizer}: FITS, {left} to spare": (
        "{size}（优化器 {optimizer}）：放得下，余 {left}"
    ),
    "{size} with {optimizer}: DOES NOT FIT, {left} short": (
        "{size}（优化器 {optimizer}）：放不下，缺 {left}"
    ),
    "{size} with {optimizer}": "{size}（优化器 {optimizer}）",
    "{size}: FITS, {left} to spare": "{size}：放得下，余 {left}",
    "{size}: DOES NOT FIT, {left} short": "{size}：放不下，缺 {left}",
    "not predicted: {why}": "没有预测：{why}",
}
