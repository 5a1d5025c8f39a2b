"""What is refused of models and of their inputs."""

from __future__ import annotations

OF_MODELS = {
    "layer {layer} got {shape}, and needs {n} channel{s}, not {n2}: try another --input, or --arg "
    "in_channels if the model takes it": (
        "层 {layer} 得到 {shape}，需要 {n} 个通道而不是 {n2} 个：请换 --input，"
        "或用 --arg in_channels（若模型有此参数）"
    ),
    "layer {layer} got {shape}, and needs at least {need}, not {size}: try a larger --input": (
        "层 {layer} 得到 {shape}，至少需要 {need} 而不是 {size}：请用更大的 --input"
    ),
    "layer {layer} got {shape}, and needs {need}: try another --input, or --arg in_channels if the "
    "model takes it": (
        "层 {layer} 得到 {shape}，需要 {need}：请换 --input，"
        "或用 --arg in_channels（若模型有此参数）"
    ),
    "layer {layer} got {shape}, and needs at least {need}: try a larger --input": (
        "层 {layer} 得到 {shape}，至少需要 {need}：请用更大的 --input"
    ),
    "layer {layer} got {shape}, and needs more than one value per channel to train on: try a "
    "larger --batch-size": (
        "层 {layer} 得到 {shape}，训练时每个通道需要不止一个数值：请用更大的 --batch-size"
    ),
    "layer {layer} failed on {shape}: {why}; the model's input was {input2}": (
        "层 {layer} 在 {shape} 上失败：{why}；模型的输入是 {input2}"
    ),
    "{model} does not say what input it takes: give --input, such as {example}": (
        "{model} 没有说明输入：请给出 --input，例如 {example}"
    ),
    "{model} cannot be copied and tracked: {why}; see which of nn.Module's own methods it "
    "overrides": "无法复制并追踪 {model}：{why}；请看它改写了 nn.Module 的哪些方法",
    "{model} cannot be trained: {why}": "无法训练 {model}：{why}",
    "{model} cannot be run on the meta device, since it looks at values ({why}), nor on the CPU "
    "with {option}: leave {option2} out, or put torch.where in the place of what depends on "
    "values": (
        "{model} 要看数值，无法在 meta 设备上运行（{why}），用 {option} 也不能在 CPU 上运行："
        "请去掉 {option2}，或用 torch.where 代替依赖数值的部分"
    ),
    "{model} has weights of five dimensions, which torch.channels_last does not take: leave "
    "channels_last out": "{model} 有五维权重，不能用 torch.channels_last：请去掉 channels_last",
    "{model} takes no text that is known, so seq does not fit: give its input, such as {example}": (
        "{model} 不是已知的文本模型，seq 不适用：请给出输入，例如 {example}"
    ),
    "{model} takes no boxes that are known: expected a detector of torchvision, such as {example}; "
    "leave boxes out": (
        "{model} 不是已知的检测模型，boxes 不适用：应为 torchvision 的检测模型，例如 {example}；"
        "否则请去掉 boxes"
    ),
    "{model} takes a graph: give its size, such as {example}": (
        "{model} 的输入是图：请给出大小，例如 {example}"
    ),
    "{one} is given without {other}: give both, such as {example}": (
        "给了 {one} 却没有 {other}：请都给，例如 {example}"
    ),
    "{model} has no generate: expected a transformers model with a head for it, such as {example} "
    "(the architectures of its config.json say which it is)": (
        "{model} 没有 generate：应为带有语言模型头的 transformers 模型，例如 {example}"
        "（见其 config.json 的 architectures）"
    ),
    "{name} is a pipeline of several models: name one of them, {example}": (
        "{name} 由几个模型组成：请指明一个，例如 {example}"
    ),
    "{model} has no activation checkpointing of its own ({names}): choose blocks for "
    "activation_checkpointing": (
        "{model} 没有自带的激活检查点（{names}）：activation_checkpointing 请选 blocks"
    ),
    "{model} has no repeated blocks (no nn.ModuleList or nn.Sequential of modules of one class): "
    "choose top-level for activation_checkpointing, or a pattern of module names such as "
    "{example}": (
        "{model} 没有重复的块（没有由同类模块组成的 nn.ModuleList 或 nn.Sequential）："
        "activation_checkpointing 请选 top-level，或给出模块名的模式，例如 {example}"
    ),
    "activation_checkpointing is empty: choose {names}, or give a pattern": (
        "activation_checkpointing 是空的：可选 {names}，或给出模式"
    ),
    "the topic {name} is not about one layer: leave layer {layer} out": (
        "{name} 这个问题不针对某一层：请去掉 layer {layer}"
    ),
    "{layer} has not a convolution with padding: explain another layer or model, such as {model}": (
        "{layer} 不是带填充的卷积：请换一层或换一个模型，例如 {model}"
    ),
    "{layer} has not a layer whose output's size is not whole before it is rounded: explain "
    "another layer or model, such as {model}": (
        "{layer} 的输出尺寸不需要取整：请换一层或换一个模型，例如 {model}"
    ),
    "{layer} is no 1x1 convolution or linear layer: explain another layer or model, such as "
    "{model}": "{layer} 不是 1x1 卷积或全连接层：请换一层或换一个模型，例如 {model}",
}

OF_INPUTS = {
    "input {text} says twice where the batch is: {name} has an item for each example, so leave the "
    "word batch out": "输入 {text} 两次说明了批量：{name} 每个样本各有一项，请去掉 batch 一词",
    "input {text} says twice where the batch is: write {one} with it, or {other} without": (
        "输入 {text} 两次说明了批量：带批量写 {one}，不带写 {other}"
    ),
    "input {name} is given as a tensor and as more: give it once": (
        "输入 {name} 既是张量又有下级：请只给一次"
    ),
    "{model} does not say how many channels a node or an edge has ({name}): give its input with "
    "--input, such as {example}": (
        "{model} 没有说明每个节点或边有多少通道（{name}）：请用 --input 给出输入，例如 {example}"
    ),
    "{model} takes {name}, which nodes and edges do not say: give its input with --input, such as "
    "{example}": (
        "{model} 还需要 {name}，nodes 与 edges 没有说明：请用 --input 给出输入，例如 {example}"
    ),
    "{model} takes {name}: give what it generates from with --input, such as {example}": (
        "{model} 需要 {name}：请用 --input 给出生成的依据，例如 {example}"
    ),
    "{model} has {n} positions, and seq is {n2}: give a smaller one, or more positions with --arg, "
    "such as {example}": (
        "{model} 有 {n} 个位置，seq 为 {n2}：请给小一些，或用 --arg 增加位置，例如 {example}"
    ),
    "{model} has {n} positions: {n2} of the prompt and {n3} to generate are {n4}; generate {n5} at "
    "most, or give a shorter prompt": (
        "{model} 有 {n} 个位置：提示 {n2} 个加生成 {n3} 个共 {n4} 个；最多生成 {n5} 个，"
        "或给出更短的提示"
    ),
    "{one} and {other} both say how long the prompt is: leave one of the two out": (
        "{one} 与 {other} 都说明了提示的长度：请去掉一个"
    ),
    "{model}: diffusers {n} has no network {name}: try another version of it, or give "
    "package.module:factory": (
        "{model}：diffusers {n} 没有网络 {name}：请换一个版本，或给出 package.module:factory"
    ),
    "cache {name} is {tool}, which cannot be imported ({why}): {command}, or choose {other}": (
        "cache {name} 要用 {tool}，无法导入（{why}）：{command}，或选 {other}"
    ),
    "cache {name} does not fit {model}: {why}; choose {other}": (
        "cache {name} 不适合 {model}：{why}；请选 {other}"
    ),
    "{what} is not known of a step on several ranks: leave ranks out": (
        "多个进程不能用 {what}：请去掉 ranks"
    ),
    "{model} has no 1x1 convolution that gives as many channels as it gets, so none can be left "
    "out: explain another model, such as {other}": (
        "{model} 没有输入输出通道数相同的 1x1 卷积，无法去掉：请换一个模型，例如 {other}"
    ),
    "{model} failed: {why} ({file}, line {n})": "{model} 失败：{why}（{file} 第 {n} 行）",
}
