"""What a prediction of memory says."""

from __future__ import annotations

_KINDS = {
    "activations": "激活值",
    "parameters": "参数",
    "gradients": "梯度",
    "optimizer state": "优化器状态",
    "inputs": "输入",
    "temporaries": "临时内存",
    "workspace": "工作区",
    "buffers": "缓冲区",
    "unsharded parameters": "聚合的参数",
    "communication": "通信",
    "KV cache": "键值缓存",
    "other": "其他",
}

SENTENCES: dict[str, str] = {
    "{model} on {input}: a training step with {optimizer}": (
        "{model}，输入 {input}：一次训练迭代，优化器 {optimizer}"
    ),
    "{model} on {input}: inference": "{model}，输入 {input}：推断",
    "At the peak": "峰值时",
    "Bytes": "字节",
    "Share": "占比",
    "peak allocated": "分配峰值",
    "peak reserved": "保留峰值",
    "process": "进程",
    "Layer at the peak": "峰值时的层",
    "Gradients": "梯度",
    "Inputs": "输入",
    "Optimizer": "优化器",
    "Temporary": "临时",
    "[input]": "[输入]",
    "[optimizer]": "[优化器]",
    "[loss]": "[损失]",
    "[backward]": "[反向]",
    "{n} others": "其他 {n} 层",
    "Peak": "峰值",
    "Breakdown": "构成",
    "Over time": "各阶段",
    "On the GPU": "GPU 上",
    "Measured": "实测",
    "Rules": "规则",
    "Ranks": "各进程",
    "Emulated": "模拟",
    "unsharded parameters": "聚合的参数",
    "communication": "通信",
    "Unsharded": "聚合参数",
    "Communication": "通信",
    "Other": "其他",
    **{
        f"{english} {{size}} ({{share}}), {{rest_t}}": f"{zh} {{size}}（{{share}}），{{rest_t}}"
        for english, zh in _KINDS.items()
    },
    "KV cache": "键值缓存",
    "Tokens": "词元",
    "Models": "各模型",
    "Needs": "条件",
    "Assumed": "假定",
    "{model} on {input}: generation": "{model}，输入 {input}：生成",
    "{a} at most with the prompt and the first token; keys and values {b} at the end": (
        "提示与第一个词元时最多 {a}；结束时键和值占 {b}"
    ),
    "{a} at most with the prompt and the first token, {c} behind it (token {n} of {n2}); keys and "
    "values {b} at the end": (
        "提示与第一个词元时最多 {a}，其后 {c}（第 {n} 个词元，共 {n2} 个）；结束时键和值占 {b}"
    ),
    "rank {n}: {a} allocated, {b} reserved, {c} the process": (
        "进程 {n}：分配 {a}，保留 {b}，整个进程 {c}"
    ),
    "ranks {names}: {a} allocated, {b} reserved, {c} the process": (
        "进程 {names}：分配 {a}，保留 {b}，整个进程 {c}"
    ),
    "PyTorch {v} ran the step itself on an emulated {card}, whose kernels do nothing": (
        "由 PyTorch {v} 在模拟的 {card} 上实际执行了这次迭代，其内核不做任何计算"
    ),
    "{held}, outside of them {size}, at the peak": "{held}，其余 {size}，均为峰值时",
    "DOES NOT FIT: the allocator finds no room for a request, though all of them fit": (
        "放不下：总量虽够，但分配器找不到足够大的空位"
    ),
    "{size} reserved ({more} more than allocated), {all} with the CUDA context and {nccl} of "
    "NCCL's (range {low} to {high})": (
        "保留 {size}（比分配多 {more}），加上 CUDA 上下文和 NCCL 的 {nccl} 为 {all}"
        "（范围 {low} 到 {high}）"
    ),
    "at the peak": "峰值时",
    "layer at the peak": "峰值时的层",
    "predicted": "预测",
    "measured": "实测",
    "other": "其他",
    "allocated after model": "建好模型后分配",
    "allocated after prefill": "读完提示后分配",
    "allocated after decode": "最后一个词元后分配",
    "allocated after forward": "前向后分配",
    "allocated after backward": "反向后分配",
    "allocated after step": "更新后分配",
    "with the model": "建好模型后",
    "after the prompt": "读完提示后",
    "after the last token": "最后一个词元后",
    "after forward": "前向后",
    "after backward": "反向后",
    "after the step": "更新后",
    "while the model is placed": "放置模型时",
    "while the input is placed": "放置输入时",
    "in forward": "前向中",
    "in the loss": "计算损失时",
    "in zero_grad": "清零梯度时",
    "in backward": "反向中",
    "in the optimizer's step": "优化器更新时",
    "at the end of the step": "迭代结束时",
    "while the prompt is read": "读入提示时",
    "while a token is generated": "生成词元时",
    "{size} allocated, reached {where_t} at {layer} ({op})": (
        "分配 {size}，出现在{where_t}的 {layer}（{op}）"
    ),
    "{size} allocated, reached {where_t} at {layer}": "分配 {size}，出现在{where_t}的 {layer}",
    "{size} allocated, reached {where_t} ({op})": "分配 {size}，出现在{where_t}（{op}）",
    "{size} allocated, reached {where_t}": "分配 {size}，出现在{where_t}",
    "{size} with the model, {a} after the prompt, {b} after the last token": (
        "建好模型后 {size}，读完提示后 {a}，最后一个词元后 {b}"
    ),
    "{size} with the model, {a} after the prompt": "建好模型后 {size}，读完提示后 {a}",
    "What makes it fit": "怎样放得下",
    "Fits": "放得下",
    "In words": "说明",
    "The first that fits, which costs least:": "第一个放得下的办法，代价最小：",
    "Nothing that was tried makes it fit: take a larger card, several of them, a smaller input or "
    "model.": "试过的办法都放不下：请用更大的显卡、多张显卡、更小的输入或模型。",
    "one kernel for all updates": "所有更新用一个内核",
    "the same batch in {n} parts": "同样的批量分 {n} 次",
    "a smaller batch: the largest that fits": "更小的批量：放得下的最大值",
    "weights, gradients and state in {dtype}": "权重、梯度和优化器状态都用 {dtype}",
    "To reduce": "如何减少",
    "Alternative": "替代",
    "{size} allocated, reached in {phase_t} at {layer} ({op})": (
        "分配 {size}，出现在{phase_t}中的 {layer}（{op}）"
    ),
    "forward": "前向",
    "backward": "反向",
    "step": "更新",
    "optimizer": "优化器更新",
    "{size} with the model, {a} after forward, {b} after backward, {c} after the step": (
        "建好模型后 {size}，前向后 {a}，反向后 {b}，更新后 {c}"
    ),
    "{size} with the model, {a} after forward": "建好模型后 {size}，前向后 {a}",
    "{size} reserved ({more} more than allocated), {all} with the CUDA context (range {low} to "
    "{high})": "保留 {size}（比分配多 {more}），加上 CUDA 上下文为 {all}（范围 {low} 到 {high}）",
    "no: there is no GPU here, or --no-measure was given": "无：这里没有 GPU，或给了 --no-measure",
    "{n} from PyTorch's source, {n2} from a model of a library: {operators}; for {card}": (
        "{n} 条来自 PyTorch 源码，{n2} 条来自对库的建模：{operators}；适用于 {card}"
    ),
    "no GPU was named, so rules and context are those of {card}: name yours with --gpu": (
        "没有指定 GPU，规则和上下文按 {card} 计：用 --gpu 指定你的"
    ),
    "a size names no card, so rules and context are those of {card}": (
        "只给了容量而非型号，规则和上下文按 {card} 计"
    ),
    "FITS: needs {a}, the card has {b} ({c} to spare)": "放得下：需要 {a}，显卡有 {b}（余 {c}）",
    "DOES NOT FIT: needs {a}, the card has {b} ({c} short)": (
        "放不下：需要 {a}，显卡有 {b}（缺 {c}）"
    ),
    "{option} ({how_t}): {size}, saves {saved} ({share})": (
        "{option}（{how_t}）：{size}，省 {saved}（{share}）"
    ),
    "{option} saves nothing": "{option} 没有节省",
    "{options_t} save nothing": "{options_t} 没有节省",
    "half the batch": "批量减半",
    "mixed precision": "混合精度",
    "segments that grow": "可扩展的段",
    "computing each top-level block again in backward": "反向时重算每个顶层块",
    "{model} would allocate {a} less ({share}) at the peak, and need {b} less on the GPU": (
        "{model} 的峰值会少分配 {a}（{share}），在 GPU 上少用 {b}"
    ),
    "{model} would allocate {a} more ({share}) at the peak, and need {b} more on the GPU": (
        "{model} 的峰值会多分配 {a}（{share}），在 GPU 上多用 {b}"
    ),
}

#: One kind of memory with its share, of which a breakdown is a list.
PARTS: dict[str, str] = {
    "{a} and {b_t}": "{a}、{b_t}",
    "{a_t}, {b_t}": "{a_t}，{b_t}",
    "{kind_t} {size} ({share})": "{kind_t} {size}（{share}）",
}
