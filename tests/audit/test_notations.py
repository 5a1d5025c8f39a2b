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


def test_a_comment_begins_another_amount() -> None:
    text = (
        "b1 = 96*(1*11*11+1) + 2*96*(96+1)      # 30336\n"
        "b2 = 256*(96*5*5+1) + 2*256*(256+1)    # 746240\n"
        "b3 = 384*(256*3*3+1) + 2*384*(384+1)   # 1180800\n"
        "b4 = 10*(384*3*3+1) + 2*10*(10+1)      # 34790\n\n"
        "# macs: weights times output positions\n"
        "m1 = (96*1*121 + 2*96*96) * 54**2      # 87619968\n"
        "m2 = (256*96*25 + 2*256*256) * 26**2   # 503939072\n"
        "m3 = (384*256*9 + 2*384*384) * 12**2   # 169869312\n"
        "m4 = (10*384*9 + 2*10*10) * 5**2       # 869000\n"
    )
    audit = nincost.audit(text)
    assert [(grade.what, grade.ok) for grade in audit.grades] == [("params", True), ("macs", True)]


def test_a_column_of_calculations_is_no_amount() -> None:
    text = (
        "| 层 | 计算式 | 参数量 |\n|:--|:--|--:|\n"
        "| NiN块1 卷积 | (11×11×1+1)×96 | 11712 |\n| NiN块1 1×1卷积 ×2 | (96+1)×96×2 | 18624 |\n"
    )
    assert [grade.what for grade in nincost.audit(text, layer="block1").grades] == ["params"]


def test_rows_of_one_name_are_layers_in_order() -> None:
    text = (
        "Layer           Output shape     # params\n"
        "conv 11x11 /4   96 x 54 x 54       11,712\n"
        "conv 1x1        96 x 54 x 54        9,312\n"
        "conv 1x1        96 x 54 x 54        9,216\n"
    )
    (grade,) = nincost.audit(text, layer="block1").grades
    assert [term.value for term in grade.terms] == [11_712, 9_312, 9_216]
    assert [mistake.key for mistake in grade.mistakes] == ["bias-missing"]


def test_a_unit_in_a_heading_is_that_of_the_lines_under_it() -> None:
    text = (
        "参数量（单位：万）\nNiN块1   3.03\nNiN块2  74.62\nNiN块3 {}\nNiN块4   3.48\n总计   199.2\n"
    )
    assert nincost.audit(text.format("118.08")).ok
    assert not nincost.audit(text.format("181.08")).ok


def test_a_shape_after_its_formula_is_of_the_same_layer() -> None:
    text = "第三步：3×3最大池化，步幅2，⌊(54-3)/2⌋+1=26，输出96×26×26，没有参数。\n"
    assert nincost.audit(text).ok


def test_a_pools_formula_is_not_the_blocks_before_it() -> None:
    text = "第一块\n输出 54x54\n池化后 (55-3)/2+1 = 27\n第二块\n池化后 (27-3)/2+1 = 13\n"
    (shapes,) = nincost.audit(text).figures
    assert [one.subject for one in shapes.figures][1:] == ["pool1", "pool2"]


def test_a_scans_dots_spaces_and_copies() -> None:
    text = (
        "Parameters :\n"
        "1)  96 . ( 11 . 11 . 1 + 1 ) = 11 712\n    96 . ( 96 + 1 ) = 9312 , 2 times : 18 624\n"
    )
    audit = nincost.audit(text, layer="block1")
    assert audit.ok, str(audit)
    assert not audit.unread
    text = " 1st block   11 x 11 x 1 x 96 + 96 = 11 712\n    96 x 96 + 96 = 9 312   ( x 2 )\n"
    audit = nincost.audit(f"Number of parameters\n{text}", layer="block1")
    assert audit.ok, str(audit)
    assert not audit.unread


def test_bullets_under_bullets_are_no_minus_signs() -> None:
    text = (
        "- MACs\n  - stage 1\n    - 11²·1·96·54² = 33 872 256\n    - 96²·54² = 26 873 856 (×2)\n"
        "  - Σ = 87 619 968\n"
    )
    audit = nincost.audit(text, layer="block1")
    assert audit.ok, str(audit)
    wrong = nincost.audit(text.replace("33 872 256", "33 872 265"), layer="block1")
    assert not wrong.ok


def test_formulas_with_names_are_no_calculations() -> None:
    audit = nincost.audit("FLOPs 1,525 M\nMACs 762 M  (= FLOPs / 2)\n")
    assert audit.ok
    assert not audit.unread
    audit = nincost.audit("计算量加起来大概7.62亿次乘加\nflops再乘2 15.25亿\n")
    assert audit.ok
    assert not audit.unread


def test_twice_is_no_term_and_block_is_a_subtotal_where_a_term_is_wrong() -> None:
    text = (
        "Parameters\n- 5x5 conv: 256 x 96 x 25 + 256 = 614,656\n"
        "- 1x1 conv: 256 x 256 = 65,536, twice = 131,072\n- block: 745,728\n"
    )
    (grade,) = nincost.audit(text, layer="block2").grades
    (mistake,) = grade.mistakes
    assert (mistake.key, len(mistake.layers)) == ("bias-missing", 2)


def test_what_is_counted_for_a_pool_costs_nothing() -> None:
    text = (
        "* 1st NiN block: 30,336 parameters\n* 2nd NiN block: 746,240 parameters\n"
        "* 3rd NiN block: 1,180,800 parameters\n* 4th NiN block: 34,790 parameters\n"
        "* Global average pooling 5x5: 5*5*10*10 + 10 = 2,510 parameters\n"
        "* Total: 1,994,676 parameters\n"
    )
    (grade,) = nincost.audit(text).grades
    (extra,) = [term for term in grade.terms if term.verdict == "extra"]
    assert extra.explanations[0].detail == "AdaptiveAvgPool2d has no parameters"


def test_words_of_an_audit() -> None:
    text = str(nincost.audit("params: 96*(3*11*11+1)\n", layer="block1.conv"))
    assert "1 of 1 term wrong" in text
    assert "3 input channels, where there is 1" in text
    chinese = str(nincost.audit("参数量：1992166\n", lang="zh"))
    assert "参数量：正确：1,992,166" in chinese
    assert "是正确值的 10 倍" in str(nincost.audit("参数量：1992万\n", lang="zh"))
    shapes = str(nincost.audit("flatten: (1, 10)\nglobal pool: (1, 10, 1, 1)\n"))
    assert "floor" not in shapes


def test_a_row_has_a_shape_a_field_and_an_amount() -> None:
    text = (
        "NiN shapes / receptive field / params\n 1. block1   96x54x54    RF {}    30,336\n"
        " 2. pool     96x26x26    RF 19    0\n"
    )
    (fields,) = [one for one in nincost.audit(text.format(11)).figures if one.what == "fields"]
    assert fields.ok
    (fields,) = [one for one in nincost.audit(text.format(13)).figures if one.what == "fields"]
    assert not fields.ok


def test_a_kernel_is_no_shape() -> None:
    text = "Block 3 (output 12x12)\n  7. conv 3x3, pad 1: 12*12*384*3*3*256 = 127,401,984\n"
    assert all(one.what != "shapes" or one.ok for one in nincost.audit(text).figures)
