"""Why some cases differ: what is known of each, for the report."""

from __future__ import annotations

_ROUTED = "which boxes there are is assumed: half of those proposed here, all of them there"
_SPARSE = "sparse gradients are not followed on meta: refused"
_MATCHED = "predicted are the anchors that a CPU matches; there overlaps are zeros, and all match"

REASONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "faster_rcnn train", "faster_rcnn mobile train", "mask_rcnn train",
        ),
        _ROUTED,
    ),
    **dict.fromkeys(("retinanet train", "ssdlite train"), _MATCHED),
    **dict.fromkeys(("sparse embeddings SparseAdam", "sparse embeddings SGD"), _SPARSE),
}  # fmt: skip
