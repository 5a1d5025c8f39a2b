"""An answer as a plain HTML table, for a notebook."""

from __future__ import annotations

from nincost._explain.topics.results import ExplainedTopic
from nincost._render.explain_topic import text as words
from nincost._render.parts import html


def render(found: ExplainedTopic) -> str:
    """No script and no style sheet."""
    above, _ = html.statements(words.title(found), ())
    about = html.paragraph(words.about(found)) if words.about(found) else ""
    below = "".join(html.paragraph(text) for _, text in words.statements(found))
    return above + about + html.table(words.headings(found), words.rows(found)) + below
