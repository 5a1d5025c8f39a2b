"""What a number of bytes is of, said behind it: `7.97 MB params`, `6.10 MB for activations`."""

from __future__ import annotations

import re

_THING = (
    r"(?:(?:model|network|conv(?:olution)?(?:al)?|largest|biggest)\s+)?(?:param(?:eter)?s?|weights?"
    r"|grad(?:ient)?s?|activations?|acts?|outputs?|(?:feature |two )?maps?|momentum|moments?"
    r"|optimi[sz]er(?:\s+states?)?|buffers?)(?![A-Za-z])|参数|权重|梯度|激活值?|特征图|动量|优化器(?:状态)?"
)
#: Between a number and a comma, or the next number.
THING_AFTER = re.compile(
    rf"\s*(?:(?:for|of|in|goes? to|的|是|给)\s*)?(?:(?:the|its|their)\s+)?(?:{_THING})",
    re.IGNORECASE,
)
#: `参数7.97MB梯度7.97MB`: each stands before its number.
THING_BEFORE = re.compile(rf"(?<![A-Za-z])(?!maps)(?:{_THING})(?!\s*memory)[^:：]*$", re.IGNORECASE)
_BYTES = re.compile(r"\d\s*(?:[KMGTkmgt]i?[Bb]|[Bb]ytes?|字节)\s*$")


def ends_in_bytes(text: str, start: int, end: int) -> bool:
    """Whether a calculation at this place is one of bytes."""
    return bool(_BYTES.search(text[start:end]))
