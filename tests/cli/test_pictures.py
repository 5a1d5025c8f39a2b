"""Pictures as a user asks for them on the command line."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from support.pictures import words

FORMATS = "'table', 'csv', 'json', 'markdown', 'latex', 'html'"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["profile", "--sort", "macs", "--top", "2"], "28 others"),
        (["memory", "--no-measure", "--batch-size", "4"], "forward"),
        (["fit", "--gpu", "2GiB"], "Batch size"),
        (["compare", "two-1x1", "one-1x1", "--no-memory"], "- block1.conv1x1_2"),
    ],
    ids=lambda value: value[0],
)
def test_a_command_writes_a_picture_by_its_files_ending(nincost_cli, tmp_path, arguments, shown):
    path = tmp_path / "picture.svg"
    done = nincost_cli(*arguments, "--output", path, "--width", "column")
    assert (done.status, done.out) == (0, "")
    assert f"wrote {path}" in done.err
    assert shown in words(path.read_bytes())
    again = nincost_cli(*arguments, "--output", path)
    assert again.status == 2
    assert "--force" in again.err


def test_a_picture_goes_into_a_pipe_as_bytes(capfdbinary):
    from nincost._cli.main import run

    with pytest.raises(SystemExit) as exit_:
        run(["profile", "--format", "png", "--width", "4"])
    assert not exit_.value.code
    out = capfdbinary.readouterr().out
    assert Image.open(io.BytesIO(out)).width == 1200


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["profile", "--format", "gif"], f"{FORMATS}, 'svg', 'png', 'pdf'"),
        (["check", "--format", "svg"], f"is not one of {FORMATS}"),
        (["profile", "--output", "a.jpg"], ".svg, .png, .pdf"),
        (["profile", "--format", "svg", "--width", "wide"], "expected column (3.4 inches)"),
        (["memory", "--timeline", "step.gif"], "end it in .svg, .png, .pdf"),
        (["profile", "--format", "svg", "--columns", "layer"], "choose 1 to 4 of params"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_line_and_status_2(nincost_cli, arguments, word):
    done = nincost_cli(*arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 1
    assert word in done.err


def test_a_timeline_stands_beside_another_format(nincost_cli, tmp_path):
    path = tmp_path / "step.png"
    done = nincost_cli(
        "memory", "--no-measure", "--format", "csv", "--timeline", path, "--width", "column"
    )
    assert done.out.startswith("layer,bytes,")
    assert Image.open(path).width == 1020
