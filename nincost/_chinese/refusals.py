"""What is refused: options, names, files and models that do not fit, and what to try."""

from __future__ import annotations

from nincost._chinese.refused_models import OF_INPUTS, OF_MODELS
from nincost._chinese.refused_steps import OF_FINE_TUNING, OF_OWN_STEPS, OF_STEPS

#: Of these, each may end with the nearest name that is known.
_NAMES = {
    "unknown column {name}: choose from {names}": "没有名为 {name} 的列：可选 {names}",
    "unknown {what} {name}: choose from {names}": "不认识的 {what} {name}：可选 {names}",
    "unknown {what} {name}: choose {names}": "不认识的 {what} {name}：可选 {names}",
    "unknown GPU {name}: choose {names}, or give a size such as {size}": (
        "不认识的 GPU {name}：可选 {names}，或给出显存大小，例如 {size}"
    ),
    "unknown model {name}: choose a variant ({names}) or write torchvision:NAME, timm:NAME, "
    "hf:PATH, package.module:factory or file.py:Class": (
        "不认识的模型 {name}：可选变体 {names}，或写 torchvision:NAME、timm:NAME、hf:PATH、"
        "package.module:factory、file.py:Class"
    ),
    "this comparison has no column {name}: choose from {names}": (
        "这个比较没有 {name} 列：可选 {names}"
    ),
    "there is no layer {name}: choose one such as {names}": "没有名为 {name} 的层：可选 {names} 等",
    "{model} takes no argument {name}: it takes {names}": "{model} 没有参数 {name}，有的是 {names}",
    "the ending of {name} names no format: end it in {names}, or give --format": (
        "{name} 的扩展名不对应任何格式：请用 {names}，或给出 --format"
    ),
    "quantize {text}: {part} is none of {names}: expected a text such as {example}": (
        "quantize {text}：{part} 不在 {names} 之中，应如 {example}"
    ),
    "no parameter of {model} matches {option} {name}: the nearest are {names}, with * for any "
    "text, such as {example}": (
        "{model} 没有参数符合 {option} {name}：最接近的是 {names}；* 代表任意文字，例如 {example}"
    ),
    "no module of {model} matches {option} {name}: the nearest are {names}, or give a pattern of "
    "dotted names such as {example}": (
        "{model} 没有模块符合 {option} {name}：最接近的是 {names}，"
        "也可给出带点的名字的模式，例如 {example}"
    ),
}

#: What click says of an option; each ends with the command's help.
_OPTIONS = {
    "Invalid value for {option}: {value} is not one of {names}": (
        "{option} 的值 {value} 无效：可选 {names}"
    ),
    "Invalid value for {option}: {value} is not a valid integer.": (
        "{option} 的值 {value} 无效：应为整数"
    ),
    "Invalid value for {option}: {value} is not a valid float.": (
        "{option} 的值 {value} 无效：应为数字"
    ),
    "No such option {option}. Did you mean {guess}?": "没有选项 {option}：是不是 {guess}？",
    "No such option {option}. (Did you mean one of: {guess}?)": (
        "没有选项 {option}：是不是 {guess} 之一？"
    ),
    "No such option {option}.": "没有选项 {option}",
    "No such option {option}": "没有选项 {option}",
    "No such command {name}.": "没有命令 {name}",
    "Option {option} requires an argument.": "选项 {option} 需要一个值",
    "Missing argument {name}.": "缺少参数 {name}",
    "Got unexpected extra argument ({name})": "多了一个参数（{name}）",
    "Got unexpected extra arguments ({name})": "多了几个参数（{name}）",
}

_OF_ANSWERS = {
    "{name} is larger than {n} characters, the most that is read: grade a part of it": (
        "{name} 超过 {n} 个字符，最多只读这么多：请只批改一部分"
    ),
    "standard input is closed: give the calculation as a file": "标准输入已关闭：请用文件给出算式",
    "the {kind} has a heading and no rows: expected a row for each layer": (
        "表格只有标题，没有数据行：应每层一行"
    ),
    "the {kind} has {n} rows: at most {n2} are read; grade a part of it": (
        "表格有 {n} 行，最多读 {n2} 行：请只批改一部分"
    ),
    "row {n} ({layer}), column {what}: {text} is not a number: expected one such as {n2}": (
        "第 {n} 行（{layer}）的 {what} 列：{text} 不是数字，应如 {n2}"
    ),
    "row {n} ({layer}), column {what}: {why_t}": "第 {n} 行（{layer}）的 {what} 列：{why_t}",
}

_OF_FILES = {
    "there is no folder {name}: make it, or write somewhere else": (
        "没有文件夹 {name}：请先建好，或写到别处"
    ),
    "{name} exists already: give --force to overwrite it": "{name} 已存在：要覆盖请加 --force",
    "{one} and {other} are one file, {name}: give each its own": (
        "{one} 与 {other} 是同一个文件 {name}：请各给一个"
    ),
    "no file {name} is there: give a model as path/to/file.py:Class": (
        "没有文件 {name}：模型应写成 path/to/file.py:Class"
    ),
    "{file} could not be imported: {why}; it must run by itself in Python": (
        "无法导入 {file}：{why}；它须能在 Python 里单独运行"
    ),
    "{name} could not be read: {why}; expected a transformers config.json with its model_type": (
        "无法读取 {name}：{why}；应为 transformers 的 config.json，并有 model_type"
    ),
    "a page needs {name}, which is not installed: {command}": (
        "网页需要 {name}，尚未安装：{command}"
    ),
    "tp_plan {name} cannot be read: {why}": "无法读取 tp_plan {name}：{why}",
    "tp_plan {name} is no JSON or TOML: {why}": "tp_plan {name} 不是 JSON 或 TOML：{why}",
    "the tensor-parallel plan of {name} is empty or no table: write lines such as {example}": (
        "{name} 的张量并行方案是空的或不是表：应写成 {example} 这样的行"
    ),
    "the tensor-parallel plan of {name} has the style {style} for {layer}: choose {names}": (
        "{name} 的张量并行方案对 {layer} 写了 {style}：可选 {names}"
    ),
    "nincost: wrote {name}": "nincost：已写入 {name}",
}

#: What the system says of a file.
_OF_THE_SYSTEM = {
    "No such file or directory": "没有这个文件",
    "Permission denied": "没有权限",
    "Is a directory": "它是文件夹",
}

_OF_NUMBERS = {
    "batch size is {n}: expected a whole number of at least {n2}": (
        "批量为 {n}：应为不小于 {n2} 的整数"
    ),
    "batch size is {value}: expected a whole number of at least {n2}": (
        "批量为 {value}：应为不小于 {n2} 的整数"
    ),
    "batch sizes are {value}: expected whole numbers such as {example}": (
        "批量为 {value}：应为整数，例如 {example}"
    ),
    "{what} is {value}: expected a whole number of at least {n}": (
        "{what} 为 {value}：应为不小于 {n} 的整数"
    ),
    "{what} is {value}: expected a number above {n}, such as {example}": (
        "{what} 为 {value}：应为大于 {n} 的数，例如 {example}"
    ),
    "{what} is {value}: expected {n} at most": "{what} 为 {value}：最多 {n}",
    "{what} is {value}: expected a whole number; write whole MiB, as in {example}": (
        "{what} 为 {value}：应为整数，单位 MiB，如 {example}"
    ),
    "gpu is {value}: expected a card such as {card2} or a size such as {size}": (
        "gpu 为 {value}：应为显卡，例如 {card2}，或显存大小，例如 {size}"
    ),
    "size {value} is no amount of memory: expected a number and a unit (GiB = 2^30 bytes, GB = "
    "10^9 bytes, MiB, MB ...): write {example}": (
        "{value} 不是内存大小：应为数字加单位（GiB = 2^30 字节，GB = 10^9 字节，MiB、MB 等），"
        "例如 {example}"
    ),
    "size {value} is nothing: expected the memory of a card: write {example}": (
        "大小 {value} 等于没有：应为显卡的显存，例如 {example}"
    ),
    "{name} is no CUDA card, and other rules are not known: --gpu {size} predicts what a CUDA card "
    "of its size would take": (
        "{name} 不是 CUDA 显卡，不知道它的规则：--gpu {size} 可预测同样大小的 CUDA 显卡"
    ),
    "grad_accumulation is {n}: at most {n2} backward passes are recorded; memory repeats after a "
    "few, so give a smaller number, such as {n3}": (
        "grad_accumulation 为 {n}：最多记录 {n2} 次反向；几次之后显存就重复了，"
        "请给小一些的数，例如 {n3}"
    ),
}

_OF_COMPARING = {
    "no model to compare: give two, such as {names}": "没有要比较的模型：请给出两个，例如 {names}",
    "one model alone: give a second one, or two inputs or batch sizes to compare it at (--inputs "
    "1x224x224 --inputs 1x96x96, --batch-sizes 1,128)": (
        "只有一个模型：请再给一个，或给出两个输入或批量来比较"
        "（--inputs 1x224x224 --inputs 1x96x96，--batch-sizes 1,128）"
    ),
    "there are {n} models, but {n2} columns to fill (the most of models, inputs and batch sizes): "
    "give 1 for all, or {n3}": (
        "有 {n} 个模型，却有 {n2} 列（模型、输入、批量中最多的数目）：请都给 1 个，或给 {n3} 个"
    ),
    "{n} columns are asked for: at most {n2} stand side by side; give fewer models, inputs or "
    "batch sizes": "要求 {n} 列，最多并排 {n2} 列：请少给一些模型、输入或批量",
}


def _with_guess(catalog: dict[str, str]) -> dict[str, str]:
    """The same with the nearest name that is known, which stands at the end."""
    guessed = {
        f"{english} (did you mean {{guess}}?)": f"{zh}（是不是 {{guess}}？）"
        for english, zh in catalog.items()
    }
    return guessed | catalog


def _with_help(catalog: dict[str, str]) -> dict[str, str]:
    return {
        f"{english}; see {{command}} --help": f"{zh}（见 {{command}} --help）"
        for english, zh in catalog.items()
    }


SENTENCES: dict[str, str] = {
    **_with_guess(_NAMES),
    **_with_help(_OPTIONS),
    **_OF_ANSWERS,
    **_OF_FILES,
    **_OF_THE_SYSTEM,
    **_OF_NUMBERS,
    **_OF_COMPARING,
    **OF_MODELS,
    **OF_STEPS,
    **_with_guess(OF_FINE_TUNING),
    **OF_OWN_STEPS,
    **OF_INPUTS,
}
