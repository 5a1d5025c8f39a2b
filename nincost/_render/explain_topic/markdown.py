"""An answer as Markdown."""

from __future__ import annotations

from nincost._explain.topics.results import ExplainedTopic
from nincost._render.explain_topic import text as words
from nincost._render.markdown import escape, table


def render(found: ExplainedTopic) -> str:
    """The question as the heading, the figures as a table, the sentences as a list."""
    lines = [f"# {escape(words.title(found))}", ""]
    if words.about(found):
        lines += [escape(words.about(found)), ""]
    columns = [escape(name) for name in words.headings(found)]
    cells = ([escape(cell) for cell in row] for row in words.rows(found))
    lines += table(columns, cells, [place > 0 for place in range(len(columns))])
    lines += ["", *(f"- {escape(text)}" for _, text in words.statements(found))]
    return "\n".join(lines) + "\n"
