"""Words and forms that show a size of an output, a receptive field, or a number with its unit."""

from __future__ import annotations

import re

#: `一个输出点能看到原图上99个像素`: a receptive field.
SEEN = re.compile(r"像素|看到|\bpixels?\b|\bsees?\b", re.IGNORECASE)
#: `卷积后54，池化后26`: a size.
AFTER_LAYER = re.compile(r"(?:卷积|池化|汇聚)(?:层)?(?:之)?后(?:的|变?成|为|是|还是|得到?)?\s*$")
#: `885,120`: a number of five digits and more.
LARGE = re.compile(r"[\s(]*(?:\d{5,}|\d{1,3}(?:,\d{3})+)[\s)]*")
WITH_UNIT = re.compile(r"[\d.,\s]+[KMGT](?:FLOP|MAC)s?\s*", re.IGNORECASE)
#: `54.25 -> 55`: a size that was rounded.
FLOORED = re.compile(r"\s*\d{1,4}\.\d{1,4}\s*(?:->|=>|→|⇒|≈|~)\s*\d{1,4}\s*")
#: `$H_o = 10`, `h_out = 26`: a side of an output.
SIDE = re.compile(r"(?<![A-Za-z_\\])(?:[Hh]|[HhWw]_\{?(?:o|out)\}?|[HhWw](?:out|'))\s*=\s*$")
#: `in 96 x 26 x 26, out 256 x 26 x 26`, `padding 2 keeps the 26`.
IN_OUT = re.compile(r"(?<![A-Za-z])(?:in|out|进|出)\s*$", re.IGNORECASE)
KEEPS = re.compile(r"(?:\bkeeps?(?: the| it)?|保持(?:为|在)?)\s*$", re.IGNORECASE)
ARROW_BEFORE = re.compile(r"(?:->|=>|→|⇒)\s*$")


_SIZES = re.compile(r"[\s(\[]*\d{1,4}(?:\s*[x×X*,]\s*\d+|\s*\^\s*\{?2\}?|²)*[\s)\]$]*")


def is_shape(text: str) -> bool:
    """Whether it is one size or a product of such: `54`, `96x54x54`."""
    return bool(
        re.fullmatch(r"[\s(\[]*\d{1,4}(?:\s*[x×X*,]\s*\d+|\s*\^\s*\{?2\}?|²)*[\s)\]$]*", text)
    )
