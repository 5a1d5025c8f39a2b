"""A profile as a plain HTML table, for a notebook: no script, no style sheet."""

from __future__ import annotations

from html import escape

from nincost import _units as units
from nincost._profile.results import Profile
from nincost._profile.view import View, total_row, tree_rows
from nincost._render.profile.text import notes, summary, title


def render(profile: Profile) -> str:
    """The module tree with its sums, and the totals in words."""
    rows = []
    for drawn in tree_rows(profile, View()):
        cost = drawn.cost
        pad = f"padding-left:{len(drawn.branch) // 3 * 1.2 + 0.4:.1f}em"
        name = escape(drawn.label)
        rows.append(
            "<tr>"
            f'<td style="text-align:left;{pad}">{f"<b>{name}</b>" if drawn.is_group else name}</td>'
            f'<td style="text-align:left">{escape(cost.type)}</td>'
            f'<td style="text-align:left">{"; ".join(map(str, cost.output_shapes))}</td>'
            f"<td>{units.exact(cost.params)}</td><td>{units.exact(cost.macs)}</td>"
            f"<td>{units.size(cost.activation_bytes)}</td></tr>"
        )
    total = total_row(profile)
    rows.append(
        '<tr><th style="text-align:left" colspan="3">total</th>'
        f"<th>{units.exact(total.params)}</th><th>{units.exact(total.macs)}</th>"
        f"<th>{units.size(total.activation_bytes)}</th></tr>"
    )
    headings = ("Layer", "Type", "Output", "Params", "MACs", "Activation")
    words = [f"<b>{escape(name)}</b>: {escape(text)}" for name, text in summary(profile)]
    words += [escape(text) for text in notes(profile)]
    return (
        f"<p><b>{escape(title(profile))}</b></p><table><thead><tr>"
        + "".join(f"<th>{name}</th>" for name in headings)
        + f"</tr></thead><tbody>{''.join(rows)}</tbody></table><p>{'<br>'.join(words)}</p>"
    )
