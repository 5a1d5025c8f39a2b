"""`nincost audit`."""

from support.messages import Case

FILES = {
    "a.txt": "96*122",
    "half.txt": "output size 0.5\n",
    "latin.txt": "96*122 = \xe9".encode("latin-1"),
    "big.txt": b"1" * 5_000_000,
    "other.csv": "layer,width\nblock1.conv,3\n",
    "empty.csv": "layer,params\n",
    "long.csv": "layer,params\n" + "a,1\n" * 2_001,
    "many.txt": "1*2; " * 2_001,
    "word.csv": "layer,params\nblock1.conv,=5\n",
    "bad.csv": "layer,params\nblock1.conv,96*(\n",
    "cut.json": '{"layers": [',
    "none.json": '{"layers": []}',
}


def case(arguments, *says, **more):
    return Case(arguments, list(says), files=FILES, **more)


CASES = [
    case("audit", "nothing to grade", "--params, --macs, --flops or --memory"),
    case("audit {tmp}/none.txt", "cannot be read: No such file", "give a text file or a CSV"),
    case("audit {tmp}", "cannot be read: Is a directory"),
    case("audit /dev/zero", "larger than"),
    case("audit {tmp}/latin.txt", "not UTF-8 text", "save it as"),
    case("audit {tmp}/big.txt", "larger than", "grade a part"),
    case("audit -", "the answer is empty", "expected a calculation", stdin="\n"),
    case("audit -", "standard input is closed", "as a file", stdin=None),
    case("audit - two-1x1", "standard input", "UTF-8", stdin=b"\xff\x00\xff"),
    case(["audit", "--params", "96*("], "expected"),
    case(["audit", "--params", "96*\x1b[31m2"], "character"),
    case(["audit", "--params", "1" * 300_000], "characters", "grade a part"),
    case(["audit", "--params", "+".join(["1"] * 2_001)], "terms", "grade a part"),
    case("audit {tmp}/half.txt", "nothing in the answer could be graded", "or a shape"),
    case(["audit", "--memory", "weights 7.97 MB + ="], "too early", "expected a number"),
    case("audit {tmp}/many.txt", "more than 2,000 statements", "grade a part"),
    case("audit --params 96*122 --layer block9", "there is no layer 'block9'", "choose one such"),
    case("audit {tmp}/other.csv", "no column named", "layer"),
    case("audit {tmp}/empty.csv", "a heading and no rows", "a row for each layer"),
    case("audit {tmp}/long.csv", "rows", "grade a part"),
    case("audit {tmp}/word.csv", "is not a number", "11712"),
    case("audit {tmp}/bad.csv", "row", "expected"),
    case("audit {tmp}/cut.json", "begins as a JSON document and is none", "profile --format json"),
    case("audit {tmp}/none.json", "has no layers", "profile --format json"),
    case("audit {tmp}/a.txt --what size", "'size'", "params", "nincost audit --help"),
    case("audit {tmp}/a.txt two-1x2", "unknown model 'two-1x2'"),
]
