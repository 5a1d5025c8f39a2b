"""A result as a JSON document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from nincost._profile.results import Profile
from nincost._profile.view import View, flat_rows


class Document(Protocol):
    """Any result that can tell itself as plain values."""

    def to_dict(self) -> dict[str, Any]: ...


def render(result: Document) -> str:
    """Plain values, indented, with a newline at the end."""
    return text(result.to_dict())


def text(document: Mapping[str, Any]) -> str:
    """A document of plain values as text, as `render` writes a result's."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def render_profile(profile: Profile, view: View | None = None) -> str:
    """A profile's document with the rows that `view` picks; each has every column."""
    view = view or View()
    return render(replace(profile, layers=tuple(flat_rows(profile, view))))
