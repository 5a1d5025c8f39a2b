"""What Jupyter shows of a result that has nothing of its own for it: its text."""

from __future__ import annotations

from html import escape

from nincost._result import Result


def render(result: Result) -> str:
    """What `print` shows, as it stands: no colours, so a dark notebook's are kept."""
    return f'<pre style="overflow-x:auto;line-height:1.25">{escape(str(result))}</pre>'
