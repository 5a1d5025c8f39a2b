"""What a comparison says."""

from __future__ import annotations

SENTENCES: dict[str, str] = {
    "Comparison": "比较",
    "{a} against {b}": "{a} 与 {b} 比较",
    "activation_elements": "激活值个数",
    "activation_bytes": "激活值内存",
    "added": "增加",
    "removed": "减少",
    "changed": "改变",
    "MACs": "乘加",
    "{n} layers the same, {n2} changed, {n3} added, {n4} removed": (
        "{n} 层相同，{n2} 层改变，增加 {n3} 层，减少 {n4} 层"
    ),
}
