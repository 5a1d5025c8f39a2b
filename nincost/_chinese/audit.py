"""What an audit says: titles of mistakes, what was done, verdicts, sums."""

from __future__ import annotations

from nincost._chinese.audit_formulas import FORMULAS
from nincost._chinese.audit_verdicts import verdicts

_TITLES = {
    "bias missing": "漏了偏置",
    "bias extra": "多算了偏置",
    "bias counted wrongly": "偏置数目不对",
    "input channels missing": "漏乘输入通道数",
    "output channels missing": "漏乘输出通道数",
    "channels missing": "漏乘通道数",
    "channels squared or once too often": "通道数多乘了一次",
    "kernel not squared": "卷积核边长没有平方",
    "output size not squared": "输出边长没有平方",
    "groups ignored": "没有考虑分组",
    "input size used for output size": "把输入尺寸当作输出尺寸",
    "stride or padding misread": "步幅或填充看错了",
    "batch counted": "乘了批量",
    "MACs and FLOPs confused (factor 2)": "混淆了乘加次数与浮点运算次数（相差 2 倍）",
    "activation given instead": "写成了激活值的个数",
    "parameters and MACs confused": "混淆了参数量与乘加次数",
    "layer missing": "漏了层",
    "layer counted twice": "重复计算了层",
    "pooling, activation or dropout counted": "计入了汇聚、激活函数或暂退层",
    "a factor misread": "有一个因数写错",
    "not explained": "原因不明",
    "belongs to no layer": "不属于任何一层",
    "rounded up instead of down": "应向下取整却向上取整",
    "rounded down instead of up": "应向上取整却向下取整",
    "digits swapped": "数字顺序颠倒",
    "layers swapped": "层对调了",
    "another variant's total": "这是另一个变体的总数",
    "a power of ten or a unit": "数量级或单位不对",
    "arithmetic": "加法有误",
    "values counted, not bytes": "数的是数值个数，不是字节",
    "bits taken for bytes": "把位当作字节",
    "another number of bytes for each value": "每个数值的字节数不对",
    "the batch is missing": "漏乘批量",
    "the optimizer's state": "优化器状态不对",
    "activations missing": "漏了激活值",
    "gradients missing": "漏了梯度",
    "activations counted as parameters": "把激活值当作参数",
    "operations taken for memory": "把运算次数当作内存",
    "the outputs of the layers are counted, too: they are no parameters": (
        "把各层的输出也算进去了：它们不是参数"
    ),
    "not 4 bytes for each of the values before it": "不是前面的数值个数乘以 4 字节",
    "a number of multiply-adds: they take no memory": "这是乘加次数：它不占内存",
    "a multiple of what was said before, where a number is wrong": "前面一个错误的数的倍数",
    "inference counted as training": "把推断当作训练",
    "another share": "占比不对",
    "it is {n}%": "应为 {n}%",
    "{n}%: {n2} / {n3}": "{n}%：{n2} / {n3}",
    "{place} parameters": "{place} 的参数",
    "{place} MACs": "{place} 的乘加次数",
    "{place} FLOPs": "{place} 的浮点运算次数",
    "which layer is meant: name it, such as block 2: 37.5% of the parameters": (
        "指的是哪一层：请写明，例如 第二块占参数的37.5%"
    ),
    "the backward pass counted as one forward pass": "反向传播只按一次前向算",
    "a training step is three forward passes: the backward pass takes two": (
        "训练一步相当于三次前向：反向传播占两次"
    ),
    "follows from another mistake": "由前面的错误得出",
    "what one layer takes": "一层占用的显存",
    "another number of channels": "通道数不对",
    "strides left out": "漏了步幅",
    "pools left out": "漏了汇聚层",
}

_DETAILS = {
    "one bias for each of the {n} outputs is missing": "{n} 个输出各少一个偏置",
    "the output has {shape} places, not {n}": "输出有 {shape} 个位置，不是 {n} 个",
    "the bias is counted twice": "偏置算了两次",
    "the layer has no bias": "这一层没有偏置",
    "adding a bias is not a multiplication, so not a MAC": "加偏置不是乘法，不算乘加",
    "one bias for the whole layer, not one for each output": "整层只加了一个偏置，应为每个输出一个",
    "a bias for each input channel in place of each output channel": (
        "偏置按输入通道计，应按输出通道计"
    ),
    "each filter reaches through all {n} input channels: times {n2}": (
        "每个卷积核都跨越全部 {n} 个输入通道：应乘以 {n2}"
    ),
    "there are {n} filters, one for each output channel: times {n2}": (
        "每个输出通道对应一个卷积核，共 {n} 个：应乘以 {n2}"
    ),
    "a {kernel} kernel for each pair of {n} input and {n2} output channels": (
        "{n} 个输入通道与 {n2} 个输出通道，每一对都有一个 {kernel} 卷积核"
    ),
    "{n} input channels, where there is {n2}": "写成 {n} 个输入通道，应为 {n2} 个",
    "{n} input channels, where there are {n2}": "写成 {n} 个输入通道，应为 {n2} 个",
    "the {n} channels are a factor once too often": "通道数 {n} 多乘了一次",
    "{n} output channels squared, where {n2} input channels belong": (
        "输出通道数 {n} 用了两次，应乘以输入通道数 {n2}"
    ),
    "{n} input channels squared, where {n2} output channels belong": (
        "输入通道数 {n} 用了两次，应乘以输出通道数 {n2}"
    ),
    "the kernel has {shape} weights for each channel": "每个通道的卷积核有 {shape} 个权重",
    "the kernel's {shape} is missing altogether": "完全漏了卷积核的 {shape}",
    "with {n} groups a filter reads {n2} of {n3} channels": (
        "分 {n} 组时，一个卷积核只读 {n3} 个通道中的 {n2} 个"
    ),
    "input {size} used, where output {right} belongs": "用了输入的 {size}，应为输出的 {right}",
    "output {size} ({why_t}) used, where {right} belongs": (
        "用了输出 {size}（{why_t}），应为 {right}"
    ),
    "padding {n} for {n2} throughout": "处处填充 {n}，应为 {n2}",
    "padding {n} throughout": "处处填充 {n}",
    "padding {n} for {n2}": "填充 {n}，应为 {n2}",
    "stride {n} for {n2}": "步幅 {n}，应为 {n2}",
    "stride {n} for {n2} and padding {n3} for {n4}": (
        "步幅 {n}（应为 {n2}）、填充 {n3}（应为 {n4}）"
    ),
    "rounded up or one too many": "向上取整，或多了 1",
    "one too few": "少了 1",
    "rounded down, where this network rounds up": "向下取整，而这个网络向上取整",
    "the network's input size": "网络的输入尺寸",
    "the size before the pool": "汇聚之前的尺寸",
    "{n} times too large, perhaps a batch: {why_t}": "是正确值的 {n} 倍，可能乘了批量：{why_t}",
    "the number of parameters does not depend on the batch": "参数量与批量无关",
    "the work of a batch of {n} is asked for": "问的是批量 {n} 的计算量",
    "the work of one input, where a batch of {n} is asked for": (
        "这是一个输入的计算量，问的是批量 {n}"
    ),
    "these are FLOPs, two for each MAC": "这是浮点运算次数，每次乘加算两次",
    "these are MACs, and a MAC is two FLOPs": "这是乘加次数，一次乘加等于两次浮点运算",
    "these are MACs, not parameters": "这是乘加次数，不是参数量",
    "these are FLOPs, not parameters": "这是浮点运算次数，不是参数量",
    "these are the parameters: the output's size is missing": "这是参数量：漏乘了输出尺寸",
    "these are the layer's MACs": "这是该层的乘加次数",
    "these are the layer's parameters: the output's size is missing": (
        "这是该层的参数量：漏乘了输出尺寸"
    ),
    "this is the number of parameters": "这是参数量",
    "this is the number of MACs": "这是乘加次数",
    "this is the number of FLOPs": "这是浮点运算次数",
    "{shape} is the layer's output (its activation), not parameters": (
        "{shape} 是该层的输出（激活值），不是参数"
    ),
    "{shape} is the layer's output (its activation), not the work": (
        "{shape} 是该层的输出（激活值），不是计算量"
    ),
    "{type} has no parameters": "{type} 没有参数",
    "{type} has no MACs": "{type} 没有乘加运算",
    "the layer's cost is counted once too often": "这一层多算了一次",
    "its cost is given as 0": "写成了 0",
    "no layer costs this, and no known mistake in a layer gives it": (
        "没有哪一层是这个数，已知的错误也得不出它"
    ),
    "no known mistake gives this value; its factors are nearest to this layer's": (
        "已知的错误都得不出这个数；它的因数与这一层最接近"
    ),
    "{n} values": "{n} 个数值",
    "{n} values: {formula_t}": "{n} 个数值：{formula_t}",
    "{formula_t}, as values": "{formula_t}（按个数）",
    "the sum of what was said before": "前面各项之和",
    "{n} times too large: a decimal place": "是正确值的 {n} 倍：小数点错位",
    "{n} times too small: a decimal place": "是正确值的 1/{n}：小数点错位",
    "no known mistake gives this size": "已知的错误都得不出这个尺寸",
    "no known mistake gives these sizes": "已知的错误都得不出这些尺寸",
    "no known mistake gives this receptive field": "已知的错误都得不出这个感受野",
    "no formula that is usual, and no known mistake, gives this": (
        "常用的公式和已知的错误都得不出这个数"
    ),
    "{a} where {b} should be": "写了 {a}，应为 {b}",
    "{a} where {b} should be: two digits are swapped": "写了 {a}，应为 {b}：两位数字颠倒了",
    "the factor {a} is missing": "漏了因数 {a}",
    "the factor {a} is one too many": "多了因数 {a}",
    "{n} belongs to {name}": "{n} 属于 {name}",
    "{n} is the total of {name}": "{n} 是 {name} 的总数",
    "this is the total of {name}; {name2} has {n}": "这是 {name} 的总数；{name2} 是 {n}",
    "{name} has {n} in all": "{name} 共 {n}",
    "the {n} values that the layers put out are no parameters": "各层输出的 {n} 个数值不是参数",
    "{n} times too large: a decimal place, or another unit": "是正确值的 {n} 倍：小数点或单位不对",
    "{n} times too small: a decimal place, or another unit": "是正确值的 1/{n}：小数点或单位不对",
    "{n} times too large: another unit of bytes": "是正确值的 {n} 倍：字节单位不对",
    "{n} times too small: another unit of bytes": "是正确值的 1/{n}：字节单位不对",
    "a number of values: each takes 4 bytes": "这是数值的个数：每个占 4 字节",
    "of one input, where a batch of {n} is asked for": "这是一个输入的，问的是批量 {n}",
    "32 bits are 4 bytes": "32 位是 4 字节",
    "float32 takes 4 bytes, not {n}": "float32 占 4 字节，不是 {n}",
    "{n} values for each parameter, where {n2} are kept": "每个参数 {n} 个数值，实际保存 {n2} 个",
    "the activations are missing, most of the memory": "漏了激活值，它占显存的大部分",
    "the gradients are missing: {size}": "漏了梯度：{size}",
    "inference keeps no gradients and no optimizer state": "推断不保存梯度，也没有优化器状态",
    "three channels, where this input has another number": "写了三个通道，这里的输入不是",
    "one input of {n} is counted, or one of a batch is asked for": "多乘了批量 {n}",
    "one layer takes {a}, and one in each block {b}": "一层占 {a}，每块各一层共 {b}",
    "{n} channels, where there are {n2}": "写了 {n} 个通道，实际为 {n2} 个",
    "the input's size, where the output's belongs": "这是输入的尺寸，应为输出的",
    "the stride of {layer} is left out: each layer adds (k-1) times the strides of all layers "
    "before it, multiplied": "漏了 {layer} 的步幅：每层增加（k-1）乘以之前各层步幅之积",
    "each layer adds (k-1) times the strides of all layers before it, multiplied": (
        "每一层增加 (k-1) 乘以之前各层步幅之积"
    ),
    "pools have windows and strides, too": "汇聚层也有窗口和步幅",
    "the sum of what was said before, where a number is wrong": (
        "这是前面各项之和，其中有一个数不对"
    ),
    "{unit} written as {unit2}: 1 {unit3} is {n} bytes": (
        "把 {unit} 写成了 {unit2}：1 {unit3} 是 {n} 字节"
    ),
    "the numbers stated are not each other's sums": "写出的和与各项不符",
    "this model has no 1x1 convolution that could be left out": "这个模型没有可以去掉的 1x1 卷积",
    "in all layers": "在所有层中",
    "the size that a block begins with": "用了每块开始时的尺寸",
    "in all layers: {why_t}": "在所有层中：{why_t}",
    "in all {n} layers with a {kernel} kernel": "在全部 {n} 个 {kernel} 卷积层中",
    "in the total": "在总数中",
    "in {layer}": "在 {layer} 中",
    "in {layer}: {why_t}": "在 {layer} 中：{why_t}",
    "{n} layer{s} ({names_t}): {n2} too few": "{n} 层（{names_t}）：少了 {n2}",
    "{n} layer{s} ({names_t}): {n2} too many": "{n} 层（{names_t}）：多了 {n2}",
    "{n} layer{s} ({names_t})": "{n} 层（{names_t}）",
    "{n} too few": "少了 {n}",
    "{n} too many": "多了 {n}",
}

_LINES = {
    "Term": "项",
    "Statement": "所写内容",
    "About": "关于",
    "mistake": "错误",
    "or": "或者",
    "as": "算法",
    "right": "正确",
    "wrong": "错误",
    "extra": "多余",
    "adds up": "合计正确",
    "Parameters: ": "参数量：",
    "MACs: ": "乘加次数：",
    "FLOPs: ": "浮点运算次数：",
    "Memory: ": "显存：",
    "Output shapes: ": "输出形状：",
    "Receptive fields: ": "感受野：",
    "Shares: ": "占比：",
    "Missing": "遗漏",
    "Mistake": "错误",
    "Perhaps": "可能",
    "perhaps": "可能",
    "arithmetic error": "加法有误",
    "Addition": "加法",
    "Sum of terms": "各项之和",
    "Stated total": "写出的总数",
    "Right total": "正确总数",
    "Not understood": "没读懂",
    "Understood is": "能读懂的写法",
    "not sure": "无法判断",
    "what takes it: name it, such as parameters: 7.97 MB": (
        "指的是什么占用的：请写明，例如 参数：7.97 MB"
    ),
    "which layer is meant: name it, such as block 2: 26x26": (
        "指的是哪一层：请写出层名，如“第二块：26x26”"
    ),
    "a line for each layer or block with its name and number, then one for the total": (
        "每层或每块一行，写明名称和数，最后一行写总计"
    ),
    "Corrected": "正确算式",
    "Not read": "未能读懂",
    "not read": "未能读懂",
    "{model}: audit": "{model}：批改",
    "statement": "所写内容",
    "about": "关于",
    "and {n} more layers": "及另外 {n} 层",
    "{names} and {n} more": "{names} 及另外 {n} 层",
    "1x1 convolution": "1x1 卷积",
    "input": "输入",
    "all layers": "各层",
    "{layer} activations": "{layer} 激活值",
    "{place} parameters": "{place} 参数",
    "{place} gradients": "{place} 梯度",
    "{place} data": "{place} 数据",
    "{place} optimizer state": "{place} 优化器状态",
    "parameters, gradients": "参数、梯度",
    "{place} parameters, gradients": "{place} 参数、梯度",
    "parameters, optimizer state": "参数、优化器状态",
    "{place} parameters, optimizer state": "{place} 参数、优化器状态",
    "gradients, optimizer state": "梯度、优化器状态",
    "{place} gradients, optimizer state": "{place} 梯度、优化器状态",
    "parameters, gradients, optimizer state": "参数、梯度、优化器状态",
    "{place} parameters, gradients, optimizer state": "{place} 参数、梯度、优化器状态",
    "activations, data": "激活值、数据",
    "{place} activations, data": "{place} 激活值、数据",
    "{place} training": "{place} 训练",
    "{place} inference": "{place} 推断",
    "{n} parameters": "{n} 个参数",
    "{n} MACs": "{n} 次乘加",
    "{n} FLOPs": "{n} 次浮点运算",
    "{n} ({off_t})": "{n}（{off_t}）",
    "{n} too few, {n2} times too small": "少了 {n}，是正确值的 1/{n2}",
    "{n} too many, {n2} times too large": "多了 {n}，是正确值的 {n2} 倍",
    "the terms add up to {n}, not {n2}: {n3} too many": "各项之和为 {n}，不是 {n2}：多了 {n3}",
    "the terms add up to {n}, not {n2}: {n3} too few": "各项之和为 {n}，不是 {n2}：少了 {n3}",
    "{name}: the terms add up to {n}, not {n2}: {n3} too many": (
        "{name}：各项之和为 {n}，不是 {n2}：多了 {n3}"
    ),
    "{name}: the terms add up to {n}, not {n2}: {n3} too few": (
        "{name}：各项之和为 {n}，不是 {n2}：少了 {n3}"
    ),
    "the terms add up to {n}, not {n2}: {n3} too many (two digits are swapped)": (
        "各项之和为 {n}，不是 {n2}：多了 {n3}（两位数字颠倒了）"
    ),
    "the terms add up to {n}, not {n2}: {n3} too few (two digits are swapped)": (
        "各项之和为 {n}，不是 {n2}：少了 {n3}（两位数字颠倒了）"
    ),
    "the terms add up to {n}, not {n2}: {n3} too many (= {how}, as with {n4} in place of {n5} in "
    "the term of {n6})": (
        "各项之和为 {n}，不是 {n2}：多了 {n3}（= {how}，好像把 {n6} 这一项的 {n5} 写成了 {n4}）"
    ),
    "the terms add up to {n}, not {n2}: {n3} too few (= {how}, as with {n4} in place of {n5} in "
    "the term of {n6})": (
        "各项之和为 {n}，不是 {n2}：少了 {n3}（= {how}，好像把 {n6} 这一项的 {n5} 写成了 {n4}）"
    ),
    "the terms add up to {n}, not {n2}: {n3} too few (as without the factor 2 in the term of "
    "{n4})": "各项之和为 {n}，不是 {n2}：少了 {n3}（好像 {n4} 这一项漏乘了 2）",
    "nincost memory predicts {a} allocated at the peak, {b} reserved, {c} in nvidia-smi at batch "
    "{n}": "nincost memory 预测：批量 {n} 时峰值分配 {a}，保留 {b}，nvidia-smi 显示 {c}",
    "one layer ({layer}): {a} allocated, {b} in nvidia-smi at batch {n}": (
        "一层（{layer}）：批量 {n} 时分配 {a}，nvidia-smi 显示 {b}"
    ),
    "one in each of {n} blocks: {a} allocated, {b} in nvidia-smi": (
        "{n} 块各一层：分配 {a}，nvidia-smi 显示 {b}"
    ),
    "{a} allocated would be right for one layer at about batch {n}, for all {n2} at about batch "
    "{n3}": "批量约 {n} 时，一层才会分配 {a}；{n2} 层合计则在批量约 {n3} 时",
    "the times signs seem to be lost: read as {text}": "乘号似乎丢失了：按 {text} 批改",
    "{n}; --format json has the whole calculation": "{n}；完整算式见 --format json",
}


def _sentences() -> dict[str, str]:
    found = {**_LINES, **verdicts(), **_TITLES, **_DETAILS, **FORMULAS}
    for english, zh in _TITLES.items():
        found[f"{english}: {{detail_t}}"] = f"{zh}：{{detail_t}}"
        found[f"{english} and {{other_t}}: {{detail_t}}"] = f"{zh}，并且{{other_t}}：{{detail_t}}"
        found[f"{english} and {{other_t}}"] = f"{zh}，并且{{other_t}}"
    return found


SENTENCES: dict[str, str] = _sentences()
