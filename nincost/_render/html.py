"""Any result as an HTML page: what Jupyter shows of it, complete in one file, without a script."""

from __future__ import annotations

from html import escape

from nincost import _result
from nincost._chinese.translate import spoken
from nincost._result import Result

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    "body{font-family:system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}"
    "table{border-collapse:collapse}th,td{padding:.15em .6em;text-align:right}"
    "thead th{border-bottom:1px solid}"
)


def render(result: Result) -> str:
    """The page; its policy lets nothing load and nothing run."""
    title = result.headline().get("model", "")
    body = str(_result.render(result, "notebook"))
    return (
        f'<!doctype html>\n<html lang="{spoken()}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(f'nincost {result.renderers} {title}'.strip())}</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )
