"""Every sentence of `explain`, in English and in Chinese, side by side; topics have a file.

`{name}` stands for a value. To add a sentence, add both; a test finds one that lacks a language
and one whose values differ between the two.
"""

from __future__ import annotations

from nincost._chinese.translate import Lang
from nincost._explain.topics.phrases import TOPIC_PHRASES

LANGS: tuple[Lang, ...] = ("en", "zh")

PHRASES: dict[str, dict[Lang, str]] = {
    **TOPIC_PHRASES,
    # Headings
    "title": {
        "en": "{model} on {input} (batch {batch}), worked out by hand",
        "zh": "{model}，输入 {input}（批量 {batch}），手算过程",
    },
    "size": {"en": "Size", "zh": "输出尺寸"},
    "params": {"en": "Parameters", "zh": "参数量"},
    "macs": {"en": "MACs", "zh": "乘加次数"},
    "activation": {"en": "Activation", "zh": "激活值"},
    "field": {"en": "Receptive field", "zh": "感受野"},
    "note": {"en": "Note", "zh": "说明"},
    "total": {"en": "Total", "zh": "合计"},
    "symbols": {"en": "Symbols", "zh": "符号"},
    # The output's size
    "size_floor": {
        "en": "{sides}: {formula} = {exact}, rounded down to {out}",
        "zh": "{sides}：{formula} = {exact}，向下取整得 {out}",
    },
    "size_why": {
        "en": "a window more would cover places {first} to {last}, {short} beyond the last, {end}: "
        "rounding up to {up} would need {short} more of padding",
        "zh": "若再移一步，窗口要覆盖位置 {first} 到 {last}，而最后一个位置是 {end}，"
        "超出 {short} 个：要向上取整得 {up}，须再多填充 {short} 个",
    },
    "size_ceil": {
        "en": "{sides}: {formula} = {exact}, rounded up to {out} (ceil_mode)",
        "zh": "{sides}：{formula} = {exact}，向上取整得 {out}（ceil_mode）",
    },
    "size_even": {"en": "{sides}: {formula} = {out}", "zh": "{sides}：{formula} = {out}"},
    "size_same": {
        "en": "as the input, {shape}: each value is changed by itself, or left as it is",
        "zh": "与输入相同，为 {shape}：逐个数值处理，或原样保留",
    },
    "size_adaptive": {
        "en": "{shape}: the output size is a setting of the layer, the windows follow from it",
        "zh": "{shape}：输出尺寸是指定的，窗口大小由它决定",
    },
    "size_flat": {
        "en": "{shape}: the same values in one row",
        "zh": "{shape}：数值不变，只是排成一行",
    },
    "size_other": {"en": "{shape}", "zh": "{shape}"},
    "both_sides": {"en": "height and width", "zh": "高和宽"},
    "side_d": {"en": "depth", "zh": "深"},
    "side_h": {"en": "height", "zh": "高"},
    "side_w": {"en": "width", "zh": "宽"},
    "side_l": {"en": "length", "zh": "长"},
    "all_sides": {"en": "depth, height and width", "zh": "深、高和宽"},
    "unread_both": {
        "en": "{count} of the input's {size} rows and {count} of its columns are never read",
        "zh": "输入为 {size} 行 {size} 列，行、列各有 {count} 条未被读到",
    },
    "unread_one": {
        "en": "{count} of the input's {size} places along the {side} are never read",
        "zh": "输入沿{side}方向的 {size} 个位置中有 {count} 个从未被读到",
    },
    "padding_same": {
        "en": "padding {paddings} gives the same size",
        "zh": "填充 {paddings} 得到的尺寸相同",
    },
    "padding_all": {
        "en": "padding {paddings} would read all of the input",
        "zh": "填充 {paddings} 会读到全部输入",
    },
    "padding_none": {
        "en": "no padding up to {most} would read all of the input",
        "zh": "填充在 {most} 以内都无法读到全部输入",
    },
    # Costs
    "formula": {"en": "{symbols} = {numbers} = {value}", "zh": "{symbols} = {numbers} = {value}"},
    "weights_biases": {
        "en": "{weights} weights and {biases} biases",
        "zh": "其中权重 {weights} 个，偏置 {biases} 个",
    },
    "none": {"en": "none", "zh": "无"},
    "counted": {
        "en": "{value}, counted operator by operator: no hand formula fits this layer",
        "zh": "{value}，逐个算子统计得出：这一层没有适用的手算公式",
    },
    "activation_value": {
        "en": "{shape} = {elements} values, {size}",
        "zh": "{shape} = {elements} 个数值，{size}",
    },
    "activation_reused": {
        "en": "no new memory: the output shares the input's",
        "zh": "不占用新的内存：直接沿用输入的内存",
    },
    "totals": {
        "en": "{params} parameters, {macs} MACs = {flops} FLOPs, {elements} activation values",
        "zh": "参数 {params} 个，乘加 {macs} 次 = {flops} FLOPs，激活值 {elements} 个",
    },
    # The receptive field
    "field_value": {
        "en": "each output pixel depends on {size} input pixels, the next one on those {stride} "
        "further on; the first on {first}, centred at {center}",
        "zh": "输入上的 {size} 个像素，输出每移一个像素，窗口移动 {stride}；"
        "第一个像素看到 {first}，中心在 {center}",
    },
    "field_before": {"en": "as the layer before it", "zh": "与前一层相同"},
    "field_range": {"en": "{low} to {high}", "zh": "{low} 到 {high}"},
    "field_outside": {
        "en": "places below 0 are padding",
        "zh": "小于 0 的位置是填充",
    },
    "field_united": {
        "en": "branches meet before this layer; this is the union of their receptive fields",
        "zh": "途中有分支汇合，这里是各分支感受野的并集",
    },
    "field_all": {
        "en": "an output pixel may depend on the whole input, or branches of different strides "
        "meet",
        "zh": "输入的任何像素都可能有影响，或有步幅不同的分支汇合",
    },
    # What the symbols mean
    "symbols_value": {
        "en": "N batch, C channels, H and W height and width, k kernel, s stride, p padding, d "
        "dilation, g groups; size = (in + 2*p - d*(k-1) - 1)/s + 1, which for d = 1 is "
        "(in + 2*p - k)/s + 1",
        "zh": "N 批量，C 通道数，H 和 W 为高和宽，k 卷积核，s 步幅，p 填充，d 膨胀，g 分组；"
        "尺寸 = (in + 2*p - d*(k-1) - 1)/s + 1，当 d = 1 时即 (in + 2*p - k)/s + 1",
    },
    # Notes where readers stumble
    "note_1x1": {
        "en": "a 1x1 convolution is a fully-connected layer applied at each pixel, across all "
        "channels, with the same weights everywhere: a pixel with the channels (1, 2) and the "
        "weights [[3, 4], [5, 6]] gives (1*3 + 2*4, 1*5 + 2*6) = (11, 17), as nn.Linear does",
        "zh": "1x1 卷积就是在每个像素上、跨所有通道的全连接层，各处用同一组权重："
        "通道值为 (1, 2) 的像素，权重为 [[3, 4], [5, 6]]，"
        "得到 (1*3 + 2*4, 1*5 + 2*6) = (11, 17)，与 nn.Linear 相同",
    },
    "note_1x1_activation": {
        "en": "its output has {activation} values, while it has {params} parameters: activations "
        "are not parameters",
        "zh": "它的输出有 {activation} 个数值，而参数只有 {params} 个：激活值不是参数",
    },
    "note_1x1_activation_fewer": {
        "en": "its output has {activation} values, while it has {params} parameters: activations "
        "are not parameters",
        "zh": "它的输出有 {activation} 个数值，参数则有 {params} 个：激活值不是参数",
    },
    "note_activation": {
        "en": "{type} has no parameters and does no multiply-accumulates",
        "zh": "{type} 没有参数，也不做乘加运算",
    },
    "note_dropout": {
        "en": "dropout has no parameters; in inference it returns its input unchanged",
        "zh": "暂退法（dropout）没有参数；推理时它把输入原样传下去",
    },
    "note_pool": {
        "en": "pooling has no parameters: it compares or adds values and multiplies by no weights",
        "zh": "汇聚层没有参数：只做比较或求和，不与权重相乘",
    },
    "note_global_pool": {
        "en": "the global average pool replaces the fully-connected layers without any parameter: "
        "one mean for each channel",
        "zh": "全局平均汇聚层代替了全连接层，不需要任何参数：每个通道取一个平均值",
    },
    "note_norm": {
        "en": "its mean and variance are buffers, not parameters; its parameters are a weight and "
        "a bias for each channel",
        "zh": "它的均值和方差是缓冲区，不是参数；每个通道的一对权重和偏置才是参数",
    },
    "note_softmax": {
        "en": "the network ends without a softmax: it is in the loss, nn.CrossEntropyLoss",
        "zh": "网络末尾没有 softmax：它包含在损失函数 nn.CrossEntropyLoss 里",
    },
    "note_steps": {
        "en": "{c_in} channels become {c_out} in one step: {params} parameters and {macs} MACs. "
        "Over {middle} channels, with a 1x1 convolution as the second step, it would take "
        "{params_two} and {macs_two}: it costs more, but keeps more of the channels' information "
        "and adds a non-linearity; one step forces all of it through {c_out} numbers a pixel",
        "zh": "{c_in} 个通道一步变成 {c_out} 个：参数 {params} 个，乘加 {macs} 次。"
        "若先变成 {middle} 个通道、再用 1x1 卷积作第二步，则为 {params_two} 个和 {macs_two} 次："
        "代价更大，但保留了更多通道信息，并多一次非线性；"
        "一步到位则要把全部信息压进每个像素的 {c_out} 个数里",
    },
    "note_functions": {
        "en": "{elements} of the activation values are made by functions between the layers, such "
        "as additions of branches, which have no formula here",
        "zh": "其中 {elements} 个激活值由各层之间的函数产生，例如分支相加，这里没有列出它们的公式",
    },
    "note_values": {
        "en": "the network ran on random input, since its control flow depends on values",
        "zh": "网络的控制流取决于数值，因此是用随机输入运行的",
    },
    "and": {"en": "; ", "zh": "；"},
    "or": {"en": " or ", "zh": " 或 "},
}


def say(lang: Lang, key: str, **values: object) -> str:
    """A sentence in a language, with its values put in; `PHRASES` has the keys."""
    return PHRASES[key][lang].format(**values)
