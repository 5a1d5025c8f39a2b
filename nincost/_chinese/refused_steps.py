"""What is refused of a training step: its loss, optimizer, ranks, adapters."""

from __future__ import annotations

OF_STEPS = {
    "loss {name} is no place of the output: write it as {example}": (
        "loss {name} 不是输出中的位置：应写成 {example}"
    ),
    "loss {name} is not in the model's output: {why}": "模型的输出中没有 loss {name}：{why}",
    "the model gives {kind}, which holds no tensor that a loss could be taken of: give loss as a "
    "function of the output": (
        "模型的输出是 {kind}，其中没有可算损失的张量：请把 loss 写成输出的函数"
    ),
    "loss cross-entropy takes scores, but the model gives {kind} of shape {shape}: give loss as "
    "sum, mse or a function of the output": (
        "cross-entropy 需要各类的得分，模型却给出形状 {shape} 的 {kind}："
        "loss 请用 sum、mse 或输出的函数"
    ),
    "optimizer LBFGS runs the model inside its own step, as often as it likes, so one step has no "
    "fixed memory: choose another, such as SGD or Adam": (
        "LBFGS 在自己的更新中任意多次运行模型，一次迭代没有确定的显存：请换一个，例如 SGD 或 Adam"
    ),
    "optimizer {name} does not take {arguments}: {why}; its arguments are {names}": (
        "优化器 {name} 没有参数 {arguments}：{why}；有的是 {names}"
    ),
    "optimizer {name} has no {what} implementation: leave optimizer_impl out, or choose {other}": (
        "优化器 {name} 没有 {what} 实现：请去掉 optimizer_impl，或选 {other}"
    ),
    "{option} {text} is not key=value: write {example}": (
        "{option} {text} 不是 key=value：应写成 {example}"
    ),
    "{option} was renamed: use {other}": "{option} 已改名：请用 {other}",
    "grad_scaler cannot unscale the float16 gradients of float16 weights (torch raises an error): "
    "leave dtype out and take amp float16, or leave grad_scaler out": (
        "grad_scaler 无法还原 float16 权重的 float16 梯度（torch 会报错）："
        "请去掉 dtype 改用 amp float16，或去掉 grad_scaler"
    ),
    "{one} and {other} both say how large the input is: leave one of the two out": (
        "{one} 与 {other} 都说明了输入大小：请去掉一个"
    ),
    "{one} and {other} are given, which are of different models: give what yours takes": (
        "给了 {one} 和 {other}，它们属于不同的模型：请只给你的模型需要的"
    ),
    "boxes are of a training step's targets: leave boxes or inference out": (
        "boxes 属于训练的目标：请去掉 boxes 或 inference"
    ),
    "there is no CUDA GPU to measure on (torch.cuda.is_available() is False): leave --measure out "
    "for the prediction alone, or run it where a GPU is": (
        "没有可供实测的 CUDA GPU（torch.cuda.is_available() 为 False）："
        "只要预测请去掉 --measure，否则请在有 GPU 的机器上运行"
    ),
    "{option} uses {tool} own {what}, and {name} is not installed: {command}": (
        "{option} 要用 {name}，尚未安装：{command}"
    ),
    "{n} ranks do not divide by tp {n2} x pp {n3}: give --ranks {n4}, or a smaller tp or pp": (
        "{n} 个进程不能被 tp {n2} × pp {n3} 整除：请用 --ranks {n4}，或减小 tp 或 pp"
    ),
    "{n} ranks are no whole number of nodes of {n2}: give --ranks-per-node": (
        "{n} 个进程不是每节点 {n2} 个的整数倍：请给出 --ranks-per-node"
    ),
    "{n} data-parallel ranks do not divide by {what}: give a number that divides them, such as "
    "{example}": "{n} 个数据并行进程不能被 {what} 整除：请给能整除的数，例如 {example}",
    "parallel is {value}: write hsdp:N, where N ranks share one copy of the model, such as "
    "{example}": "parallel 为 {value}：应写 hsdp:N，N 个进程共用一份模型，例如 {example}",
    "parallel is {value}: only hsdp takes a number; write {example}": (
        "parallel 为 {value}：只有 hsdp 带数字，请写 {example}"
    ),
    "parallel is {value}, but there is one data-parallel rank: give --ranks, such as {example}": (
        "parallel 为 {value}，却只有一个数据并行进程：请给出 --ranks，例如 {example}"
    ),
    "mixed_precision goes with fsdp or hsdp: leave it out, or give that; --amp is mixed precision "
    "for ddp": "mixed_precision 用于 fsdp 或 hsdp：请去掉它，或给出其一；ddp 的混合精度用 --amp",
    "{what} does nothing in inference: leave ranks out, or give parallel fsdp": (
        "推断时 {what} 没有作用：请去掉 ranks，或用 parallel fsdp"
    ),
    "{what} is not known of a step on several ranks or a compiled one: leave it out; nincost plan "
    "tries changes": "多个进程或编译过的迭代不能用 {what}：请去掉它；nincost plan 会尝试各种改变",
    "{what} is not known of a step on several ranks or a compiled one: leave it out, or have the "
    "script run by nincost run": (
        "多个进程或编译过的迭代不能用 {what}：请去掉它，或用 nincost run 运行脚本"
    ),
    "{what} is not known with {other}: leave one of both out": (
        "{what} 不能与 {other} 同用：请去掉一个"
    ),
    "{what} is not known of a pipeline: leave one out": "流水线不能用 {what}：请去掉一个",
    "{what} is not known of a pipeline: leave it or pp out": ("流水线不能用 {what}：请去掉它或 pp"),
    "{kind} cannot train a pipeline's stages: PyTorch's DDP fails there in its second step (its "
    "reducer counts parameters twice); give --parallel fsdp or hsdp:N": (
        "{kind} 不能训练流水线的各段：PyTorch 的 DDP 在第二步会出错（它的 reducer "
        "把参数数了两遍）；请用 --parallel fsdp 或 hsdp:N"
    ),
    "on_cpu is not for the emulated GPU, which runs a model as it is: leave it out": (
        "模拟的 GPU 按原样运行模型，on_cpu 不适用：请去掉它"
    ),
    "{what} is {value}, of one forward pass: with generate give prompt instead": (
        "{what} 为 {value}，是一次前向的长度：用 generate 时请改给 prompt"
    ),
    "generate runs the model without gradients, and {option} is {value}, which is of a training "
    "step: leave one of the two out": (
        "generate 运行模型时没有梯度，而 {option} 为 {value}，属于训练：请去掉一个"
    ),
}

OF_FINE_TUNING = {
    "lora {text}: {part} is none of {names}: expected a text such as {example}": (
        "lora {text}：{part} 不在 {names} 之中，应如 {example}"
    ),
    "lora {text}: {part} is no number for {key}": "lora {text}：{part} 不是 {key} 的数字",
    "lora {text} does not fit {model}: {why}; give target, the last names of its linear layers "
    "({names}) or all-linear": (
        "lora {text} 不适合 {model}：{why}；请给出 target，即线性层名字的最后一段（{names}），"
        "或 all-linear"
    ),
    "lora {name} holds no adapter_config.json: expected PEFT's config, or {example}": (
        "lora {name} 中没有 adapter_config.json：应有 PEFT 的配置，或写 {example}"
    ),
    "lora {name}: its adapter_config.json is none that PEFT reads: {why}": (
        "lora {name}：PEFT 无法读取其 adapter_config.json：{why}"
    ),
    "lora {name} is {kind}, which changes the model's input: expected an adapter of weights, such "
    "as LORA": "lora {name} 是 {kind}，会改变模型的输入：应为作用于权重的适配器，例如 LORA",
    "quantize {text}: double and compute are of 4-bit weights: choose nf4 or fp4, or leave them "
    "out": "quantize {text}：double 与 compute 只用于 4 位权重：请选 nf4 或 fp4，或去掉它们",
    "quantize finds no linear layer in {model} (of the class nn.Linear, with a weight of its own): "
    "leave quantize out": (
        "{model} 中没有可量化的线性层（nn.Linear，且有自己的权重）：请去掉 quantize"
    ),
    "no linear layer of {model} is called {name}, which quantize is to skip: it has {names}": (
        "{model} 没有名为 {name} 的线性层可供 quantize 跳过：有的是 {names}"
    ),
    "torchao has no configuration {name}: choose {names}": (
        "torchao 没有名为 {name} 的配置：可选 {names}"
    ),
    "torchao's {kind} takes no {name}: it has {names}": (
        "torchao 的 {kind} 没有参数 {name}：有的是 {names}"
    ),
    "torchao's {kind} does not take these arguments: {why}": (
        "torchao 的 {kind} 不接受这些参数：{why}"
    ),
    "torchao's {kind} cannot be applied ({why})": "torchao 的 {kind} 无法使用（{why}）",
    "torchao's {kind} cannot be applied ({why}), on the meta device: ask memory on Linux, where an "
    "emulated GPU can do it": (
        "torchao 的 {kind} 在 meta 设备上无法使用（{why}）：请在 Linux 上用 memory，"
        "由模拟的 GPU 来做"
    ),
    "quantize with torchao calls torchao's quantize_, and torchao is not installed: {command}": (
        "quantize 的 torchao 要用其 quantize_，尚未安装：{command}"
    ),
    "{what} is not known of the time of a step with {name}: leave one out": (
        "带有 {name} 的一步，其用时尚不支持 {what}：请去掉其中之一"
    ),
    "{what} goes with pp of 2 or more: leave it out, or give that": (
        "{what} 要与大于 1 的 pp 同用：请去掉它，或给出 pp"
    ),
    "stage_blocks is {value}: expected the blocks of each stage, such as {example}": (
        "stage_blocks 为 {value}：应为各级的块数，例如 {example}"
    ),
    "stage_blocks {value} is for {n} stages, and there are {n2}: give as many numbers": (
        "stage_blocks {value} 是 {n} 级的，而流水线有 {n2} 级：请给同样多的数"
    ),
    "stage_blocks {value} has {n} blocks in all, and {model} has {n2}: give numbers that add up to "
    "that": "stage_blocks {value} 共 {n} 块，而 {model} 有 {n2} 块：各数之和应与之相等",
    "quantize is not known of a step on several ranks, nor bitsandbytes' of a compiled one: leave "
    "it out, or have the script run by nincost run": (
        "quantize 尚不支持多卡的一步，bitsandbytes 的也不支持编译的一步：请去掉它，"
        "或用 nincost run 运行脚本"
    ),
    "quantize needs bitsandbytes {n} or newer, and {n2} is installed: {command}": (
        "quantize 需要 bitsandbytes {n} 或更新，装的是 {n2}：{command}"
    ),
    "quantize with prepare calls PEFT's prepare_model_for_kbit_training, and peft is not "
    "installed: {command}": (
        "quantize 的 prepare 要用 PEFT 的 prepare_model_for_kbit_training，尚未安装：{command}"
    ),
    "ema timm is timm's ModelEmaV2, and timm is not installed: {command}, or choose torch": (
        "ema timm 用 timm 的 ModelEmaV2，尚未安装：{command}，或选 torch"
    ),
    "optimizer_in_backward updates each parameter before the next has its gradient, which {what} "
    "does not go with: leave one of the two out": (
        "optimizer_in_backward 在下一个参数有梯度之前就更新，不能与 {what} 同用：请去掉一个"
    ),
    "optimizer {name} is no optimizer: expected a class of torch.optim.Optimizer, such as "
    "{example}": "{name} 不是优化器：应为 torch.optim.Optimizer 的子类，例如 {example}",
    "optimizer is configure_optimizers, which {model} has not: name a class, such as {example}": (
        "{model} 没有 configure_optimizers：请写出优化器的类，例如 {example}"
    ),
    "loss none is the model's own, but it gives none (a number with a gradient, as output.loss, an "
    "item of the output, or the output): say where it is, as output[1], or choose cross-entropy": (
        "loss none 指模型自带的损失，但模型没有给出"
        "（带梯度的数：output.loss、输出中的一项或输出本身）："
        "请说明它在哪里，例如 output[1]，或选 cross-entropy"
    ),
}

OF_OWN_STEPS = {
    "{step} is a training step: leave {option} out": "{step} 是训练步：请去掉 {option}",
    "{step} trains {models} of its file directly: a step gets copies of its "
    "models and optimizers, as arguments of the same names: write def {name}({names})": (
        "{step} 直接训练文件中的 {models}：训练步应以同名参数得到模型和优化器的副本，"
        "请写成 def {name}({names})"
    ),
    "there is no module {name}: expected package.module:name, of a package that is installed, or "
    "file.py:name": "没有模块 {name}：应为已安装的包中的 package.module:name，或 file.py:name",
    "{what} is not known of a step of your own ({step}): give one model, or have a script that "
    "calls the step run by nincost run": (
        "自己写的训练步（{step}）不能用 {what}：请给出一个模型，"
        "或用 nincost run 运行调用该训练步的脚本"
    ),
    "{file} has no {name}: it has {names} (did you mean {guess}?)": (
        "{file} 中没有 {name}：有的是 {names}（是不是 {guess}？）"
    ),
    "{file} has no {name}: it has {names}": "{file} 中没有 {name}：有的是 {names}",
    "{name} gives {n} optimizers: expected one. Name a class with --optimizer, write the step as a "
    "function of your own (nincost memory file.py:step), or have the script run by nincost run": (
        "{name} 给出 {n} 个优化器，应为一个：请用 --optimizer 写出类，"
        "或把训练步写成函数（nincost memory file.py:step），或用 nincost run 运行脚本"
    ),
    "{name} needs its Trainer ({why}): give --loss or --optimizer in its place, or have the script "
    "run by nincost run": (
        "{name} 需要 Trainer（{why}）：请改给 --loss 或 --optimizer，或用 nincost run 运行脚本"
    ),
    "the training step of {model} is not known on several ranks or compiled: give --loss, and "
    "--optimizer, in its place, or have the script run by nincost run": (
        "{model} 的训练步不能用于多个进程或编译：请改给 --loss 和 --optimizer，"
        "或用 nincost run 运行脚本"
    ),
    "{model} cannot be checkpointed block by block: its layer {layer} works in place, which "
    "changes what the block before it has saved for backward (torch refuses it, too): {advice}": (
        "{model} 不能逐块设置激活检查点：层 {layer} 原地执行，会改掉前一块为反向保存的数值"
        "（torch 也会拒绝）：{advice}"
    ),
}
