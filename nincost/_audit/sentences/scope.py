"""What an answer says it is about alone: `just the 2nd block, since we split the exercise`."""

from __future__ import annotations

import re

from nincost._audit.labelled import labels_of
from nincost._audit.subject import Subject

_SAID = re.compile(
    r"^[^\n]{0,24}?(?P<only>\b(?:first|second|third|fourth|last|1st|2nd|3rd|4th)(?: nin)? block)"
    r" only\b"
    r"|^\W*(?:(?:just|only)\s+(?:for\s+)?|(?:我)?[只仅](?:看|算|做|写|交|负责)了?\s*"
    r"|我(?:们组)?(?:负责|分到)(?:的是)?了?\s*|(?:my|our) (?:part|share|block)(?: is|:)?\s+"
    r"|I (?:was given|got|took|did|do|am doing|have)\s+(?:only\s+|just\s+)?(?:the\s+)?"
    r"(?=\w+ (?:nin )?block))"
    r"(?P<what>[^\n,，.。;；:：\d]{0,12}\d?[^\n,，.。;；:：\d]{1,14})(?=[\n,，.。;；:：(（])",
    re.IGNORECASE | re.MULTILINE,
)
_AT_MOST = 200  # characters of the answer's beginning in which it is said


def said_scope(text: str, subject: Subject) -> Subject | None:
    """The block or layer that alone is said to be counted; None where all of the model is."""
    said = _SAID.search(text[:_AT_MOST])
    if said is None or subject.layer is not None:
        return None
    layers = subject.layers(1)
    places = labels_of(layers).places(said["what"] or said["only"])
    names = {layers[place].name.split(".")[0] for place in places}
    if len(names) != 1:
        return None
    (name,) = names
    whole = [one for one in layers if one.name == name or one.name.startswith(f"{name}.")]
    own = [layers[place] for place in places]
    if len(own) == 1:
        return subject.within(own[0].name)
    return subject.within(name) if len(own) == len(whole) else None
