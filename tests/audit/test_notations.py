"""Ways of writing: LaTeX, headings with commas, code, tables as they are pasted."""

from __future__ import annotations

import nincost


def test_latex_thousands_and_floors() -> None:
    text = (
        "MACs of a convolution: $k^2 c_i c_o H_o W_o$.\n\n"
        r"Block 1: $H_o = \lfloor (224-11)/4 \rfloor + 1 = 54$" + "\n"
        r"$$11^2\cdot 1\cdot 96\cdot 54^2 + 2\cdot 96^2\cdot 54^2 = 33{,}872{,}256 + "
        r"53{,}747{,}712 = 87{,}619{,}968$$" + "\n"
        r"Pooling: $\lfloor (54-3)/2 \rfloor + 1 = 26$. Block 2: $H_o = 26$" + "\n"
        r"$$5^2\cdot 96\cdot 256\cdot 26^2 + 2\cdot 256^2\cdot 26^2 = 503{,}939{,}072$$" + "\n"
        r"Block 3: $H_o = 12$" + "\n"
        r"$$3^2\cdot 256\cdot 384\cdot 12^2 + 2\cdot 384^2\cdot 12^2 = 169\,869\,312$$" + "\n"
        r"Block 4: $H_o = 5$" + "\n"
        r"$$3^2\cdot 384\cdot 10\cdot 5^2 + 2\cdot 10^2\cdot 5^2 = 869{,}000$$" + "\n"
        r"Total: $762{,}297{,}352$ MACs." + "\n"
    )
    audit = nincost.audit(text)
    assert audit.ok, str(audit)
    assert not audit.unread
    (shapes,) = audit.figures
    assert [one.written for one in shapes.figures] == ["54", "26", "26", "12", "5"]


def test_a_heading_with_a_comma_makes_no_csv() -> None:
    text = "MACs, layer by layer\n\n1. 11²·1·96·54 = 627,264\n2. 96²·54² = 26,873,856\n"
    (grade,) = nincost.audit(text).grades
    first = grade.terms[0].explanations[0]
    assert first.title == "output size not squared"
    assert first.detail == "the output has 54x54 places, not 54"
