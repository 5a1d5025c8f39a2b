"""Every sentence of the topics, in English and in Chinese, side by side; see `..phrases`."""

from __future__ import annotations

from nincost._chinese.translate import Lang

TOPIC_PHRASES: dict[str, dict[Lang, str]] = {
    # Rows
    "answer": {"en": "Answer", "zh": "答"},
    "topic_of": {
        "en": "{model} on {input} (batch {batch})",
        "zh": "{model}，输入 {input}（批量 {batch}）",
    },
    "row_params": {"en": "Parameters", "zh": "参数量"},
    "row_macs": {"en": "MACs", "zh": "乘加次数"},
    "row_flops": {"en": "FLOPs", "zh": "浮点运算次数"},
    "row_activations": {"en": "Activations", "zh": "激活值"},
    "row_peak": {"en": "Peak allocated", "zh": "显存分配峰值"},
    "row_seconds": {"en": "Training step", "zh": "一次训练迭代"},
    "row_non_linearities": {"en": "Non-linearities", "zh": "非线性层数"},
    "row_field": {"en": "Receptive field", "zh": "感受野"},
    "row_comparisons": {"en": "Comparisons", "zh": "比较次数"},
    "row_values": {"en": "Output values", "zh": "输出数值个数"},
    "row_size": {"en": "Its output's size", "zh": "该层输出尺寸"},
    "row_sizes": {"en": "Sizes after it", "zh": "各层尺寸变化"},
    "row_layer_macs": {"en": "Its MACs", "zh": "该层乘加次数"},
    "row_out": {"en": "Output size", "zh": "输出尺寸"},
    "row_unread": {"en": "Rows never read", "zh": "未被读到的行数"},
    "row_sum": {"en": "Sum over batches", "zh": "各批量之和"},
    "row_mean": {"en": "Mean of the batches", "zh": "各批量的平均"},
    "row_by_examples": {"en": "Sum / examples", "zh": "和 ÷ 样本数"},
    "row_curvature": {"en": "Steepest curvature", "zh": "可承受的最大曲率"},
    "row_times": {"en": "Loss times, at curvature {c}", "zh": "曲率 {c} 时损失变为几倍"},
    # Columns
    "case_pointwise": {"en": "{count} 1x1 layers", "zh": "{count} 个 1x1 层"},
    "case_map": {"en": "{layer}", "zh": "{layer}"},
    "case_relu": {"en": "the ReLU after it", "zh": "其后的 ReLU"},
    "case_padding": {"en": "padding {padding}", "zh": "填充 {padding}"},
    "case_padding_own": {"en": "padding {padding} (its own)", "zh": "填充 {padding}（原设置）"},
    "case_down": {"en": "rounded down", "zh": "向下取整"},
    "case_up": {"en": "rounded up", "zh": "向上取整"},
    "case_first": {"en": "first epoch", "zh": "第一轮"},
    "case_last": {"en": "last epoch", "zh": "最后一轮"},
    "case_guess": {"en": "guessing", "zh": "随机猜测"},
    "case_rate": {"en": "lr {rate}", "zh": "学习率 {rate}"},
    # 1x1 convolutions
    "ask_pointwise": {
        "en": "What do two 1x1 convolutions in a block do beside one, or none?",
        "zh": "每块用两个 1x1 卷积，与用一个或不用相比，差别在哪里？",
    },
    "pointwise_what": {
        "en": "a 1x1 convolution mixes the channels of each pixel by itself: the receptive field "
        "stays {field}, no layer sees more of the image. What the last one of a block adds is one "
        "more map of the channels with one more ReLU before it",
        "zh": "1x1 卷积只在每个像素内部混合各通道：感受野始终是 {field}，看到的图像范围不变。"
        "块中最后一个 1x1 卷积带来的，是再做一次通道间的变换，中间多一次 ReLU",
    },
    "pointwise_cost": {
        "en": "the last one of each block costs {params} parameters ({params_share}), {macs} MACs "
        "({macs_share}), {bytes} at the peak of a step at batch {batch} ({bytes_share}), and "
        "{seconds} of it on {card} ({seconds_share})",
        "zh": "每块最后一个 1x1 卷积的代价：参数 {params} 个（{params_share}），"
        "乘加 {macs} 次（{macs_share}），批量 {batch} 时峰值多占 {bytes}（{bytes_share}），"
        "在 {card} 上每次迭代多用 {seconds}（{seconds_share}）",
    },
    "pointwise_counts": {
        "en": "the last one of each block costs {params} parameters ({params_share}) and {macs} "
        "MACs ({macs_share}) at batch {batch}",
        "zh": "批量 {batch} 时，每块最后一个 1x1 卷积的代价：参数 {params} 个（{params_share}），"
        "乘加 {macs} 次（{macs_share}）",
    },
    "pointwise_relu": {
        "en": "without a ReLU between them two of them are one: a {c}x{c} matrix times a {c}x{c} "
        "matrix is a {c}x{c} matrix, so {two} parameters would do what {one} can. The ReLUs make "
        "the difference: {more} non-linearities against {less}",
        "zh": "若两个 1x1 卷积之间没有 ReLU，就等于只有一个：{c}x{c} 矩阵乘 {c}x{c} 矩阵仍是 "
        "{c}x{c} 矩阵，{two} 个参数能做的，{one} 个也能做到。差别在 ReLU：非线性层 {more} 个，"
        "少了则为 {less} 个",
    },
    "pointwise_worth": {
        "en": "whether that is worth it only a training shows: nincost train --table has both",
        "zh": "值不值得，只有训练才知道：nincost train --table 会训练两种网络",
    },
    # ReLU and fully-connected layers
    "ask_connected": {
        "en": "Is the ReLU inside a fully-connected layer, and a 1x1 convolution, or outside?",
        "zh": "ReLU 算在全连接层（和 1x1 卷积）之内，还是之外？",
    },
    "connected_same": {
        "en": "outside, in PyTorch: {layer} and nn.Linear({c_in}, {c_out}) are the same map with "
        "{params} parameters, one at each pixel, and neither has a ReLU in it",
        "zh": "在 PyTorch 里是之外：{layer} 与 nn.Linear({c_in}, {c_out}) 是同一个线性变换，"
        "都有 {params} 个参数，前者在每个像素上做一次，两者都不含 ReLU",
    },
    "connected_linear": {
        "en": "outside, in PyTorch: {layer} is the map from {c_in} to {c_out} values with {params} "
        "parameters, without a ReLU",
        "zh": "在 PyTorch 里是之外：{layer} 是从 {c_in} 个数到 {c_out} 个数的线性变换，"
        "有 {params} 个参数，不含 ReLU",
    },
    "connected_words": {
        "en": "textbooks often write both as one layer, h = relu(W x + b), and then the ReLU is "
        "inside: so a block is one convolution and two layers of a small fully-connected network "
        "at each pixel",
        "zh": "教科书常把两者合写成一层 h = relu(W x + b)，这时 ReLU 在之内："
        "所以一个块就是一个卷积，加上在每个像素上的两层小型全连接网络",
    },
    "connected_counts": {
        "en": "no count depends on it: a ReLU has no parameters and no MACs, only a comparison for "
        "each value",
        "zh": "怎么说都不影响计数：ReLU 没有参数，也没有乘加，每个数值只做一次比较",
    },
    "connected_in_place": {
        "en": "backward needs a ReLU's output, so it is kept either way: a step at batch {batch} "
        "has a peak of {here}, and of {there} with each ReLU in place (nn.ReLU(inplace=True))",
        "zh": "反向传播要用 ReLU 的输出，所以总要保留：批量 {batch} 时一次迭代的峰值为 {here}，"
        "ReLU 全部原地执行（nn.ReLU(inplace=True)）时为 {there}",
    },
    "connected_without": {
        "en": "it cannot be left out: two linear maps of {c} values in a row are one linear map",
        "zh": "但不能不要 ReLU：{c} 个数连做两次线性变换，仍只是一次线性变换",
    },
    # Padding
    "ask_padding": {
        "en": "What does another padding than {padding} at {layer} change?",
        "zh": "{layer} 的填充若不是 {padding}，会有什么不同？",
    },
    "padding_sizes": {
        "en": "the size follows from it: {own_formula} = {own_out} with padding {own}, "
        "{less_formula} = {less_out} with padding {less}",
        "zh": "尺寸由填充决定：填充 {own} 时 {own_formula} = {own_out}，"
        "填充 {less} 时 {less_formula} = {less_out}",
    },
    "padding_params": {
        "en": "the parameters of {layer} stay {params}: padding is no part of the kernel",
        "zh": "{layer} 的参数始终是 {params} 个：填充与卷积核的大小无关",
    },
    "padding_same_size": {
        "en": "at stride 1 a {k}x{k} kernel keeps the size with padding (k-1)/2 = {p}; each step "
        "less takes 2 from height and width, each step more adds 2",
        "zh": "步幅为 1 时，{k}x{k} 卷积核取填充 (k-1)/2 = {p} 才能保持尺寸；"
        "填充每少 1，高和宽各少 2；每多 1，各多 2",
    },
    "padding_less": {
        "en": "padding {padding} saves {macs} MACs ({share}), at the price of a smaller image in "
        "all layers after it",
        "zh": "填充 {padding} 省下 {macs} 次乘加（{share}），代价是后面各层的图像都变小",
    },
    "padding_silent": {
        "en": "no error says that a padding is wrong: the network ends in a pool over any size, so "
        "only the shapes show it (nincost profile)",
        "zh": "填充错了不会报错：网络末尾的汇聚层接受任何尺寸，只有从各层形状才看得出"
        "（nincost profile）",
    },
    "padding_fails": {
        "en": "a wrong padding is an error here where a later layer gets another size than it "
        "expects",
        "zh": "这个网络中，后面的层若得到不合要求的尺寸，会因填充错误而报错",
    },
    # Rounding down
    "ask_floor": {
        "en": "Why is {formula} at {layer} rounded down, and what would rounding up need?",
        "zh": "{layer} 的 {formula} 为什么向下取整？要向上取整需要什么？",
    },
    "floor_windows": {
        "en": "a window has to lie within the input with its padding: the {out} windows begin at "
        "places {first}, {second} and so on to {last}, and the last covers {last} to {end}; the "
        "input's last place is {edge}",
        "zh": "窗口必须落在输入（含填充）之内：{out} 个窗口从位置 {first}、{second} 直到 {last} "
        "开始，最后一个覆盖 {last} 到 {end}；输入的最后位置是 {edge}",
    },
    "floor_why": {
        "en": "{formula} = {exact} counts a part of a window, and there is none: {out}. Number "
        "{up} would cover {from} to {to}, {short} beyond {edge}",
        "zh": "{formula} = {exact} 里不足一个窗口的部分不算：得 {out}。"
        "第 {up} 个窗口要覆盖 {from} 到 {to}，超出 {edge} 有 {short} 个位置",
    },
    "floor_pad": {
        "en": "rounding up needs {short} more places at the right and the bottom: a convolution in "
        "PyTorch has no ceil_mode, but nn.ZeroPad2d((0, {short}, 0, {short})) before it gives {up}",
        "zh": "要向上取整，右边和下边须各多 {short} 个位置：PyTorch 的卷积没有 ceil_mode，"
        "可在前面加 nn.ZeroPad2d((0, {short}, 0, {short}))，得 {up}",
    },
    "floor_equal": {
        "en": "equal padding of {padding} gives it, too: {formula} = {exact}, rounded down to {up}",
        "zh": "四边各填充 {padding} 也可以：{formula} = {exact}，向下取整得 {up}",
    },
    "floor_pool": {
        "en": "a pool can round up: ceil_mode=True gives {up}, its last window partly empty. "
        "Caffe's pools always do, so the paper's networks have other sizes there",
        "zh": "汇聚层可以向上取整：ceil_mode=True 得 {up}，最后一个窗口有一部分是空的。"
        "Caffe 的汇聚层总是如此，所以论文里的网络在那里尺寸不同",
    },
    # Losses
    "ask_loss": {
        "en": "Why does a loss go from {first} to {last}, where others have {mean} and less?",
        "zh": "为什么有人的损失从 {first} 降到 {last}，而别人的只有 {mean} 或更小？",
    },
    "loss_batches": {
        "en": "{examples} training examples in batches of {batch} are {batches} batches an epoch, "
        "the last of {rest}",
        "zh": "{examples} 个训练样本，批量 {batch}，每轮 {batches} 个批量，"
        "最后一个有 {rest} 个样本",
    },
    "loss_mean": {
        "en": "nn.CrossEntropyLoss gives a batch's mean, and these were added up: {first} / "
        "{batches} = {first_mean}, and {last} / {batches} = {last_mean} a batch",
        "zh": "nn.CrossEntropyLoss 给出的是一个批量的平均，这里是把它们加起来了："
        "{first} ÷ {batches} = {first_mean}，{last} ÷ {batches} = {last_mean}",
    },
    "loss_guess": {
        "en": "guessing among {classes} classes costs ln {classes} = {guess}, a sum of {sum}: "
        "what is below it has been learned",
        "zh": "在 {classes} 类中随机猜，损失是 ln {classes} = {guess}，总和为 {sum}："
        "比它小才算学到了东西",
    },
    "loss_other": {
        "en": "a sum says nothing without the batch: at batch {other} there are {batches} batches, "
        "and the same means add up to {first} and {last}",
        "zh": "不说批量，总和就没有意义：批量 {other} 时只有 {batches} 个批量，"
        "同样的平均值加起来是 {first} 和 {last}",
    },
    "loss_train": {
        "en": "so say the mean; nincost train has it, and the sum beside it",
        "zh": "所以应当报告平均值；nincost train 给出平均值，并把总和写在旁边",
    },
    "ask_jump": {
        "en": "Why does the loss jump at a learning rate of {rate}?",
        "zh": "学习率为 {rate} 时，损失为什么会突然跳升？",
    },
    "jump_why": {
        "en": "along a direction of curvature c a step multiplies the distance from the minimum by "
        "1 - lr*c, and the loss above it by the square: it falls only where c is below 2/lr, "
        "{limit} at {rate}. A batch that is as steep as {steep} makes it {times} times as large at "
        "{rate}, and {half_times} times at {half}",
        "zh": "沿曲率为 c 的方向，一步使到最低点的距离变为 1 - lr*c 倍，"
        "高出最低点的损失变为它的平方倍：只有 c 小于 2/lr（{rate} 时为 {limit}）损失才会下降。"
        "遇到曲率达 {steep} 的批量，学习率 {rate} 会使它变为 {times} 倍，"
        "{half} 则为 {half_times} 倍",
    },
    "jump_epoch": {
        "en": "an epoch's loss is the mean of {batches} batches: one batch with a loss higher by 1 "
        "lifts it by {one}, so a jump of 0.1 means that about {tenth} batches did so",
        "zh": "一轮的损失是 {batches} 个批量的平均：一个批量的损失高出 1，平均只升 {one}，"
        "所以平均跳升 0.1，说明约有 {tenth} 个批量如此",
    },
    "jump_dead": {
        "en": "a jump to {guess} = ln {classes} that stays is another thing: all outputs are zero "
        "behind the network's last ReLU, no gradient passes, and only a new start helps",
        "zh": "若跳到 {guess} = ln {classes} 就不再动，则是另一回事：最后的 ReLU 之后输出全为 0，"
        "梯度传不回去，只能重新开始",
    },
    "jump_try": {
        "en": "try nincost train --lr {half}, or --optimizer Adam --lr 0.001, or another --seed; "
        "a jump that is gone after an epoch needs nothing",
        "zh": "可以试 nincost train --lr {half}，或 --optimizer Adam --lr 0.001，或换 --seed；"
        "一轮之内就恢复的跳升不必理会",
    },
}
