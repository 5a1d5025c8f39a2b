"""`nincost validate`."""

from support.messages import Case

FILES = {
    "list.json": "[1]",
    "cut.json": '{"gpu": ',
    "none.json": '{"gpu": "A", "versions": {}, "cases": []}',
    "file": "",
}

CASES = [
    Case("validate", ["no CUDA GPU to validate on", "--recorded"]),
    Case("validate --recorded {tmp}/missing.json", ["cannot be read (No such file", "give one"]),
    Case("validate --recorded {tmp}", ["cannot be read (Is a directory"]),
    Case("validate --recorded /dev/zero", ["is not what nincost validate writes"]),
    Case("validate --recorded {tmp}/list.json", ["is not what", "TypeError"], files=FILES),
    Case("validate --recorded {tmp}/cut.json", ["is not what", "JSONDecodeError"], files=FILES),
    Case("validate --recorded {tmp}/none.json", ["none of the suite's cases"], files=FILES),
]
