"""Any result as a JSON document."""

from __future__ import annotations

import json

from nincost._result import Result


def render(result: Result) -> str:
    """The result's plain values, indented, with a newline at the end."""
    return json.dumps(result.to_dict(), indent=2, ensure_ascii=False) + "\n"
