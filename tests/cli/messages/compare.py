"""`nincost compare`."""

from support.messages import Case

CASES = [
    Case("compare", ["no model to compare", "two-1x1 one-1x1"]),
    Case("compare two-1x1", ["one model alone", "--batch-sizes 1,128"]),
    Case(
        "compare two-1x1 one-1x1 --batch-sizes 1,2,3",
        ["there are 2 models, but 3 columns", "give 1 for all"],
    ),
    Case(
        ["compare", "two-1x1", "--batch-sizes", ",".join(["1"] * 65)],
        ["65 columns are asked for", "give fewer"],
    ),
    Case("compare two-1x1 --batch-sizes 1,x", ["'1,x'", "such as 1,128"]),
    Case("compare two-1x1 two-1x2", ["unknown model 'two-1x2'"]),
    Case("compare two-1x1 one-1x1 --gpu none", ["unknown GPU 'none'"]),
    Case(
        "compare two-1x1 one-1x1 --columns macz", ["unknown column 'macz'", "did you mean 'macs'"]
    ),
    Case(
        "compare zero-1x1 two-1x1 one-1x1 --no-memory --sort macs_change",
        ["no column 'macs_change'", "choose from model"],
    ),
]
