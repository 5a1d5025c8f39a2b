"""How a number of bytes is made, as an audit of memory says it."""

from __future__ import annotations

FORMULAS = {
    "{n} values * {n2} bytes": "{n} 个数值 × {n2} 字节",
    "{n} * {n2} values * {n3} bytes": "{n} × {n2} 个数值 × {n3} 字节",
    "{n} * {n2} * {n3} bytes": "{n} × {n2} × {n3} 字节",
    "{n} values * {n2} bytes * {n3}": "{n} 个数值 × {n2} 字节 × {n3}",
    "{n} values * {n2} bytes * {n3} * {n4}": "{n} 个数值 × {n2} 字节 × {n3} × {n4}",
    "the two largest outputs in a row: {how_t}": "相邻两层最大的输出：{how_t}",
    "output of {layer}: {how_t}": "{layer} 的输出：{how_t}",
    "each of {n}: {how_t}": "{n} 份中的每一份：{how_t}",
    "parameters, gradients: {n} * {n2} bytes": "参数、梯度：{n} × {n2} 字节",
    "parameters, optimizer state: {n} * {n2} bytes": "参数、优化器状态：{n} × {n2} 字节",
    "gradients, optimizer state: {n} * {n2} bytes": "梯度、优化器状态：{n} × {n2} 字节",
    "parameters, gradients, optimizer state: {n} * {n2} bytes": (
        "参数、梯度、优化器状态：{n} × {n2} 字节"
    ),
    "outputs of the layers: {how_t}": "各层输出：{how_t}",
    "outputs of the layers, ReLU too: {how_t}": "各层输出（含 ReLU）：{how_t}",
    "outputs of the layers, pools left out: {how_t}": "各层输出（不含汇聚层）：{how_t}",
    "outputs of the layers, ReLU too, pools left out: {how_t}": (
        "各层输出（含 ReLU，不含汇聚层）：{how_t}"
    ),
    "outputs of the layers and their gradients: {how_t}": "各层输出及其梯度：{how_t}",
    "outputs of the layers, ReLU too and their gradients: {how_t}": (
        "各层输出（含 ReLU）及其梯度：{how_t}"
    ),
    "outputs of the layers, pools left out and their gradients: {how_t}": (
        "各层输出（不含汇聚层）及其梯度：{how_t}"
    ),
    "outputs of the layers, ReLU too, pools left out and their gradients: {how_t}": (
        "各层输出（含 ReLU，不含汇聚层）及其梯度：{how_t}"
    ),
    "outputs of the layers, global pool left out: {how_t}": ("各层输出（不含全局汇聚层）：{how_t}"),
    "outputs of the layers, global pool left out and their gradients: {how_t}": (
        "各层输出（不含全局汇聚层）及其梯度：{how_t}"
    ),
    "outputs of the layers, ReLU too, global pool left out: {how_t}": (
        "各层输出（含 ReLU，不含全局汇聚层）：{how_t}"
    ),
    "outputs of the layers, ReLU too, global pool left out and their gradients: {how_t}": (
        "各层输出（含 ReLU，不含全局汇聚层）及其梯度：{how_t}"
    ),
    "outputs of all layers: {how_t}": "所有层的输出：{how_t}",
    "outputs of all layers and their gradients: {how_t}": "所有层的输出及其梯度：{how_t}",
    "outputs of the pools: {how_t}": "汇聚层的输出：{how_t}",
    "{model}: {how_t}": "{model}：{how_t}",
    "the difference from {model}: {how_t}": "与 {model} 之差：{how_t}",
    "activations ({how_t}), data": "激活值（{how_t}）、数据",
    "parameters, gradients, activations ({how_t}), data": "参数、梯度、激活值（{how_t}）、数据",
    "parameters, gradients, activations ({how_t})": "参数、梯度、激活值（{how_t}）",
    "parameters, gradients, optimizer state, activations ({how_t}), data": (
        "参数、梯度、优化器状态、激活值（{how_t}）、数据"
    ),
    "parameters, gradients, optimizer state, activations ({how_t})": (
        "参数、梯度、优化器状态、激活值（{how_t}）"
    ),
    "parameters, activations ({how_t}), data": "参数、激活值（{how_t}）、数据",
    "parameters and activations ({how_t})": "参数和激活值（{how_t}）",
    "parameters, gradients and optimizer state": "参数、梯度和优化器状态",
    "parameters and the largest output": "参数和最大的一层输出",
    "parameters and the two largest outputs in a row": "参数和相邻两层最大的输出",
    "the predicted peak with the layer less that without it": "有这一层与没有它时预测的峰值之差",
    "{n} bytes ({mb} MB, {mib}): {how_t}": "{n} 字节（{mb} MB，{mib}）：{how_t}",
    "{n} bytes ({mb} MB, {mib})": "{n} 字节（{mb} MB，{mib}）",
    "{size} MiB: the predicted peak with the layer less that without it": (
        "{size} MiB：有这一层与没有它时预测的峰值之差"
    ),
}
