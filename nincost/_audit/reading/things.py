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


#: Words after a number that is an amount, a size, or goes on; any other is counted by it.
_NO_THING = re.compile(
    r"(?:million|billion|thousand|mega|giga|param|weight|bias|value|float|element|number|entr|byte"
    r"|bit|mac|flop|mult|madd|add|op|total|sum|alto|more|less|few|left|pixel|wide|high|tall|by|map"
    r"|channel|out|in|feature|position|unit|neuron|per|each|for|from|and|or|but|plus|minus|times"
    r"|of|on|at|to|the|then|with|as|is|are|was|so|which|that|because|since|again|here|if|when|after"
    r"|before|conv|layer|block|pool|kernel|filter|stride|pad|half|twice|also|too|instead|not|same"
    r"|there|now|maxpool|avgpool|dropout|flatten|relu|where|while|both|only|all|approx|about|exact|round)",
    re.IGNORECASE,
)
_COUNTED = re.compile(r"\s+(?P<word>[A-Za-z]{3,})(?![A-Za-z])|\s?(?:人|页|分钟|小时|遍|天|周|道)")


def counts_things(after: str) -> bool:
    """Whether what stands behind a small number is a thing that it counts: `2 friends`."""
    found = _COUNTED.match(after)
    return bool(found) and not (found and found["word"] and _NO_THING.match(found["word"]))
