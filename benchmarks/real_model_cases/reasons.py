"""Why some cases differ: what is known of each, for the report."""

from __future__ import annotations

_ROUTED = "boxes rest on assumptions here, and are read back as zeros there"
_TINY = "a tensor that the model's own `_apply` moves is not counted: 512 bytes"
_FUSED = "eval without gradients takes torch's fused path, which is not modelled"
_SPARSE = "sparse gradients are not followed on meta: refused"

REASONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "faster_rcnn train", "faster_rcnn mobile train", "mask_rcnn train", "retinanet train",
            "fcos train",
        ),
        _ROUTED,
    ),
    **dict.fromkeys(("sparse embeddings SparseAdam", "sparse embeddings SGD"), _SPARSE),
    **dict.fromkeys(
        ("encoder infer, fused", "attention infer, fused", "vit_b_16 infer"), _FUSED
    ),
    **dict.fromkeys(
        ("yolov8n train", "yolo11n train", "yolov8n-seg train", "yolov8n infer"),
        _TINY,
    ),
    "fourier operator": "cuFFT's workspace is not modelled: named as not counted",
    "qwen2.5-vl train": "lengths are read back as zeros there, and the model stops",
}  # fmt: skip
