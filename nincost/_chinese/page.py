"""What the HTML pages with charts say: a report's and a comparison's."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    # Headings, buttons and legends
    "{model}: nincost report": "{model}：nincost 报告",
    "{models_t}: nincost comparison": "{models_t}：nincost 比较",
    "Skip to the layers": "跳到各层",
    "exact": "精确",
    "modelled": "建模",
    "Layers": "各层",
    "The layers, to scroll": "各层，可滚动",
    "The totals, to scroll": "总计，可滚动",
    "Show rows with": "只看包含",
    "Open all modules": "展开所有模块",
    "Close all modules": "收起所有模块",
    "Only what differs": "只看不同的层",
    "Element-wise FLOPs": "逐元素 FLOPs",
    "Where the cost lies": "开销在哪里",
    "In order of execution, from top to bottom. The table above has the same figures.": (
        "从上到下按执行顺序。上表是同样的数字。"
    ),
    "In order of execution, from top to bottom; {n} rows of the table are added up to {n2} "
    "modules. The table above has the same figures.": (
        "从上到下按执行顺序；表中 {n} 行合并成 {n2} 个模块。上表是同样的数字。"
    ),
    "{n} rows are added up to {n2} here, by module; nincost profile --format csv has them all.": (
        "这里把 {n} 行按模块合并成 {n2} 行；全部见 nincost profile --format csv。"
    ),
    "To reduce memory": "怎样少用显存",
    "Predicted and measured": "预测与实测",
    "Memory": "显存",
    "Predicted": "预测",
    "Difference": "差",
    "Forward": "前向",
    "Backward": "反向",
    "Time": "时间",
    "Phase": "阶段",
    "Step": "一步",
    "Waits for": "瓶颈",
    "memory": "访存",
    "arithmetic": "计算",
    "the host": "主机",
    "Card": "显卡",
    "Its memory": "显存容量",
    "Largest batch": "最大批量",
    "Takes": "占用",
    "any": "不限",
    "none: 1 takes more": "放不下：批量 1 就超了",
    "Moved": "读写量",
    "FLOP per byte": "每字节 FLOP",
    "At least": "至少",
    "Operator": "算子",
    "Kind": "类别",
    "Source": "出处",
    "derived": "推导",
    "What to know": "须知",
    "Made with": "生成方式",
    "none": "无",
    # Lead and the four answers
    "{a_t} · {b_t}": "{a_t} · {b_t}",
    "input {input}": "输入 {input}",
    "a training step with {optimizer}": "一次训练迭代，优化器 {optimizer}",
    "memory on {card}": "显存按 {card} 计",
    "{n} trainable, {n2} frozen": "可训练 {n} 个，冻结 {n2} 个",
    "{size}, all trainable": "{size}，全部可训练",
    "{size}, {n} trainable, {n2} frozen": "{size}，可训练 {n} 个，冻结 {n2} 个",
    "and {n} values in buffers": "另有缓冲区 {n} 个数值",
    "{n} MACs, {flops} FLOPs": "{n} 次乘加，{flops} FLOPs",
    "and {flops} element-wise FLOPs": "另有逐元素运算 {flops} FLOPs",
    "{n} operators not counted: see below": "有 {n} 个算子未计入，见下文",
    "{count} MACs": "{count} 次乘加",
    "one input": "一个输入",
    "batch {n}": "批量 {n}",
    "Computation, {per_t}": "计算量，{per_t}",
    "Memory to train, {per_t}": "训练显存，{per_t}",
    "Memory to infer, {per_t}": "推断显存，{per_t}",
    "Time of a training step, {per_t}": "一次训练迭代的时间，{per_t}",
    "Time of a forward pass, {per_t}": "一次前向的时间，{per_t}",
    "{a} allocated at the peak, {b} reserved, plus the CUDA context": (
        "峰值时分配 {a}，保留 {b}，另加 CUDA 上下文"
    ),
    "range {low} to {high}": "范围 {low} 到 {high}",
    "measured: {size}": "实测：{size}",
    "not predicted": "没有预测",
    "{n} examples/s on {card}": "每秒 {n} 个样本（{card}）",
    "waits for {what_t}": "瓶颈在{what_t}",
    # Memory
    "Memory over one training step": "一次训练迭代中的显存",
    "Memory over one forward pass": "一次前向中的显存",
    "{size} at the peak, {share}": "峰值时 {size}，{share}",
    "none at the peak": "峰值时没有",
    "Memory allocated by PyTorch's caching allocator, over the step's operators in order. Peak: "
    "{peak_t}. Over time: {over_t}.": (
        "PyTorch 缓存分配器分配的显存，按算子的执行顺序。峰值：{peak_t}。各阶段：{over_t}。"
    ),
    "The layers that hold most at the peak": "峰值时占用最多的层",
    "{option} ({how_t}): {size}, saves {saved} ({share}){more}": (
        "{option}（{how_t}）：{size}，省 {saved}（{share}）{more}"
    ),
    "an optimizer without state": "没有状态的优化器",
    # Time
    "Time of one training step": "一次训练迭代的时间",
    "Time of one forward pass": "一次前向的时间",
    "{time}, {n} examples/s (predicted; {low} to {high})": (
        "{time}，每秒 {n} 个样本（预测；{low} 到 {high}）"
    ),
    "Arithmetic": "算力",
    "{rate}, {share} of {peak} (MFU)": "{rate}，是峰值 {peak} 的 {share}（MFU）",
    "memory {share}": "访存 {share}",
    "arithmetic {share}": "计算 {share}",
    "the host {share}": "主机 {share}",
    "communication {share}": "通信 {share}",
    "communication {share}, {rest_t}": "通信 {share}，{rest_t}",
    "memory {share}, {rest_t}": "访存 {share}，{rest_t}",
    "arithmetic {share}, {rest_t}": "计算 {share}，{rest_t}",
    "the host {share}, {rest_t}": "主机 {share}，{rest_t}",
    "Host": "主机",
    "launches {n} kernels in {time}; the card waits for it {wait} a step": (
        "在 {time} 内启动 {n} 个内核；每步显卡等它 {wait}"
    ),
    "Hangs on": "取决于",
    "memory bandwidth": "显存带宽",
    "arithmetic peak": "算力峰值",
    "host": "主机",
    "{what_t} (10% better: {n}% less time)": "{what_t}（好 10% 则省时 {n}%）",
    "{what_t} (10% better: {n}% less time), {rest_t}": "{what_t}（好 10% 则省时 {n}%），{rest_t}",
    "The layers that take longest": "最耗时的层",
    "{n} more": "其余 {n} 个",
    # Batches
    "Memory by batch size": "显存随批量的变化",
    "what the process takes, the CUDA context included": "整个进程占用的显存，含 CUDA 上下文",
    "the largest batch that fits a card": "各显卡放得下的最大批量",
    "Memory is what CUDA reports of such a card, not the number on its box. All batches are "
    "predicted for {card}.": (
        "显存容量是 CUDA 报告的数值，不是包装上的数字。所有批量都按 {card} 预测。"
    ),
    # Roofline
    "Roofline of the forward pass": "前向的屋顶线（roofline）",
    "layers that wait for memory": "受访存限制的层",
    "layers that wait for arithmetic": "受计算限制的层",
    "a larger circle takes longer": "圆越大越耗时",
    "A forward pass takes at least {time} on {card} in {dtype}, {share} of it in layers that wait "
    "for memory. The longest is {layer} with {time2}.": (
        "在 {card} 上以 {dtype} 计算，一次前向至少要 {time}，其中 {share} 花在受访存限制的层。"
        "最耗时的是 {layer}，{time2}。"
    ),
    "A forward pass takes at least {time} on {card} in {dtype}, {share} of it in layers that wait "
    "for memory. The longest is {layer} with {time2}. No card was named: give --gpu for yours.": (
        "在 {card} 上以 {dtype} 计算，一次前向至少要 {time}，其中 {share} 花在受访存限制的层。"
        "最耗时的是 {layer}，{time2}。没有指定显卡：用 --gpu 指定你的。"
    ),
    # How
    "How these figures were obtained": "这些数字怎样得来",
    "Parameters and buffers": "参数与缓冲区",
    "elements of the model's own tensors, a shared one counted once": (
        "模型自身张量的元素个数，共享的只算一次"
    ),
    "MACs and FLOPs": "乘加与 FLOPs",
    "one formula for each aten operator, recorded in a real run on the meta device; 2 FLOPs for "
    "each MAC": "在 meta 设备上真实运行一次并记录，每个 aten 算子一个公式；一次乘加算 2 FLOPs",
    "one formula for each aten operator, recorded in a real run on the CPU; 2 FLOPs for each MAC": (
        "在 CPU 上真实运行一次并记录，每个 aten 算子一个公式；一次乘加算 2 FLOPs"
    ),
    "operators recorded in the same run, counted by convention: kept apart": (
        "同一次运行中记录的算子，按惯例计数，单独列出"
    ),
    "the sizes of the tensors that the run made": "这次运行产生的张量的大小",
    "Memory allocated and reserved": "分配与保留的显存",
    "the real step recorded on the meta device, replayed through a model of PyTorch's caching "
    "allocator; rules: {rules_t}": (
        "在 meta 设备上记录真实的迭代，再用 PyTorch 缓存分配器的模型重放；规则：{rules_t}"
    ),
    "The CUDA context": "CUDA 上下文",
    "{size} assumed for what the driver holds for a process": "假定驱动为每个进程占用 {size}",
    "Memory by batch": "显存随批量",
    "predicted in full at {n} batch sizes, interpolated between them; largest batches as nincost "
    "fit finds them": "完整预测 {n} 个批量，其间插值；最大批量与 nincost fit 求得的一致",
    "predicted in full at {n} batch sizes, interpolated between them; largest batches marked ≈ are "
    "interpolated: nincost fit finds them exactly": (
        "完整预测 {n} 个批量，其间插值；标 ≈ 的最大批量是插值所得，nincost fit 可求精确值"
    ),
    "Roofline": "屋顶线",
    "peaks and bandwidth as in NVIDIA's data sheets (dense, 32-bit accumulation), which no kernel "
    "reaches; each layer reads its inputs and parameters and writes its outputs once a call, {n} "
    "bytes a value": (
        "峰值与带宽取自 NVIDIA 数据手册（稠密，32 位累加），没有内核能达到；"
        "每次调用时各层读一遍输入和参数、写一遍输出，每个数值 {n} 字节"
    ),
    "Time of a step": "一步的时间",
    "each operator's kernels by physics, with efficiencies fitted to measured kernels and steps, "
    "and the host that launches them: docs/time.md has the errors on rows that nothing was fitted "
    "to": (
        "每个算子的内核按物理上限乘以效率（由实测的内核和迭代拟合），并计入启动它们的主机；"
        "未参与拟合的数据上的误差见 docs/time.md"
    ),
    "{n} from PyTorch's source": "{n} 条来自 PyTorch 源码",
    "{n} from PyTorch's source, {n2} from a model of a library: {operators}": (
        "{n} 条来自 PyTorch 源码，{n2} 条来自对库的建模：{operators}"
    ),
    "for {card}": "适用于 {card}",
    "Measured memory": "实测显存",
    "{n} real steps on {card} in a fresh process ({versions})": (
        "在新进程中于 {card} 上真实运行 {n} 步（{versions}）"
    ),
    "every operator of the forward pass was counted": "前向的所有算子都已计入",
    "Memory of a training step: not predicted: {why}": "训练迭代的显存：没有预测：{why}",
    "Memory of a forward pass: not predicted: {why}": "前向的显存：没有预测：{why}",
    "Memory by batch size: not predicted: {why}": "显存随批量的变化：没有预测：{why}",
    "Roofline: not predicted: {why}": "屋顶线：没有预测：{why}",
    "the layer table counts activations in the model's own type, not in {dtype}": (
        "各层表中的激活值按模型自身的类型计，不是 {dtype}"
    ),
    "Rules of the memory prediction, and where each was read": "显存预测用到的规则及其出处",
    # A comparison
    "{model} and {model2}": "{model} 与 {model2}",
    "{a_t}; {b_t}": "{a_t}；{b_t}",
    "{n} networks": "{n} 个网络",
    "In total": "总计",
    "Network": "网络",
    "{model} on {input} (batch {n}, eval mode)": "{model}，输入 {input}（批量 {n}，eval 模式）",
    "Training step, peak allocated": "训练迭代的分配峰值",
    "Training, predicted examples a second": "训练时每秒样本数（预测）",
    "× is the ratio to {model}.": "× 是与 {model} 之比。",
    "{n} of {n2} layers differ. Layers are aligned by name and by order; before is {a}, after is "
    "{b}.": "{n2} 层中有 {n} 层不同。各层按名称和顺序对齐；前为 {a}，后为 {b}。",
    "Parameters before": "前：参数",
    "MACs before": "前：乘加",
    "Activations before": "前：激活值",
    "after": "后",
    "change": "变化",
    "same": "相同",
    "Parameters, MACs and activations are exact: counted operator by operator in a run on the meta "
    "device. A training step's memory (SGD, cross-entropy) is modelled: PyTorch's caching "
    "allocator replayed.": (
        "参数、乘加和激活值是精确的：在 meta 设备上运行一次，逐个算子计数。"
        "训练迭代（SGD、交叉熵）的显存是建模的：重放 PyTorch 的缓存分配器。"
    ),
    "Parameters, MACs and activations are exact: counted operator by operator in a run on the meta "
    "device.": "参数、乘加和激活值是精确的：在 meta 设备上运行一次，逐个算子计数。",
    # Charts
    "Bar chart: {what_t} by layer, in order of execution": "条形图：各层的{what_t}，按执行顺序",
    "Bar chart: {what_t} of each network": "条形图：各网络的{what_t}",
    "Area chart: memory over the step, stacked by category. Peak {size} at {layer}": (
        "面积图：一次迭代中的显存，按类别堆叠。峰值 {size}，在 {layer}"
    ),
    "Line chart: memory on the card by batch size, with the memory of common cards as horizontal "
    "lines and the largest batch for each": (
        "折线图：显存随批量的变化，水平线是常见显卡的容量，并标出各自的最大批量"
    ),
    "Roofline of {card}: each layer's arithmetic intensity and the FLOP/s that it can reach at "
    "most": "{card} 的屋顶线：各层的计算强度与最多能达到的 FLOP/s",
    "memory-bound": "受访存限制",
    "compute-bound": "受计算限制",
    "MACs ({unit})": "乘加（{unit}）",
    "activations ({unit})": "激活值（{unit}）",
    "parameters ({unit})": "参数（{unit}）",
    "allocated ({unit})": "已分配（{unit}）",
    "on the card ({unit})": "显卡上（{unit}）",
    "allocated": "已分配",
    "on the card": "显卡上",
    "card": "显卡",
    "its memory": "显存容量",
    "largest batch": "最大批量",
    "batch": "批量",
    "batch size": "批量大小",
    "operator": "算子",
    "phase": "阶段",
    "share": "占比",
    "moved": "读写量",
    "at most": "最多",
    "takes at least": "至少要",
    "is": "限制",
    "loss": "损失",
    "zero_grad": "清零梯度",
    "end": "结束",
    "none fits": "放不下",
    "any fits": "都放得下",
    "about {n}": "约 {n}",
    "not known": "未知",
    "arithmetic intensity (FLOP per byte)": "计算强度（每字节 FLOP）",
    "attainable (TFLOP/s)": "可达到（TFLOP/s）",
    "peak {size}": "峰值 {size}",
    "FP32 cores {n} TFLOP/s": "FP32 核心 {n} TFLOP/s",
    "TF32 tensor cores {n} TFLOP/s": "TF32 张量核心 {n} TFLOP/s",
    "{layer} and {n} like it": "{layer} 等 {n} 个相同的层",
}
