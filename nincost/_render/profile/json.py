"""A profile as a JSON document."""

from __future__ import annotations

from dataclasses import replace

from nincost._profile.results import Profile
from nincost._profile.view import View, flat_rows
from nincost._render import json


def render(profile: Profile, *, view: View | None = None) -> str:
    """The document with the rows that `view` picks; each has every column."""
    return json.render(replace(profile, layers=tuple(flat_rows(profile, view or View()))))
