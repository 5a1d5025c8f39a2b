"""Letters that a scan has in the place of digits: `443O2336`, `54x54x96x11xll`, `第l块`.

They are read as digits only where a digit must stand, and only in a text that was scanned.
"""

from __future__ import annotations

import re

_DIGITS = str.maketrans({"l": "1", "I": "1", "|": "1", "O": "0", "o": "0"})
#: `443O2336`, `l27401984`: digits and such letters, and nothing else beside them.
_MIXED = re.compile(
    r"(?<![A-Za-z_\d])(?=[lIOo\d]*\d)(?=\d*[lIO])[lIOo\d]{3,}(?![A-Za-z_\d])|(?<=x)[lIO\d]{3,}(?!\w)"
)
_SAYS_SO = re.compile(
    r"(?<![A-Za-z])ocr(?![A-Za-z])|\bscann?(?:ed)?\b|扫描|识别结果", re.IGNORECASE
)
#: `1O.2`, `1Ox10`, `lx1`, `= llO`, `l 992 166`, `11xll`.
_IN_A_NUMBER = re.compile(
    r"(?<![A-Za-z_])(?:"
    r"(?=[lIO\d.,]*\d)(?=[\d.,]*[lIO])[lIO\d]+(?:[.,][lIO\d]+)*(?![A-WY-Za-wyz_])"
    r"|[lIO](?=x[\dlIO])"
    r"|(?<==\s)[lIO]{2,}(?![A-Za-z_])"
    r"|l(?=(?: \d{3})+(?!\d))"
    r"|l(?= (?:image|picture|input|photo))"
    r")"
    r"|(?<=[\d\s)lIO]x)[lIO\d]*[lIO][lIO\d]*(?![A-Za-z_])"
    r"|(?<=第)[lI](?=\s?[个块层题步])"
    r"|(?<=\^)[lIO\d]+(?![A-Za-z_])"
)
#: `0rtega`: no number begins so.
_IN_A_NAME = re.compile(r"(?<![\w.])0(?=[a-z]{3})")


def with_digits(text: str) -> str:
    """The text with digits in the place of such letters, as long as before."""
    if not (_SAYS_SO.search(text) or any(re.search(r"\d", m[0]) for m in _MIXED.finditer(text))):
        return text
    text = _IN_A_NAME.sub("O", text)
    for _ in range(2):  # `lx1Ox10`: what stands beside one may be mended with it
        text = _IN_A_NUMBER.sub(lambda m: m[0].translate(_DIGITS), text)
    return text
