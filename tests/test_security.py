"""docs/security.md holds: nothing that nincost reads runs code, but the files that a user names."""

from __future__ import annotations

import ast
import json
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nincost

ROOT = Path(nincost.__file__).parent

#: Calls that run what they are given, or may; and where one is right.
DANGEROUS = {
    "eval", "exec", "compile", "__import__", "pickle.load", "pickle.loads", "pickle.Unpickler",
    "torch.load", "torch.hub.load", "torch.jit.load", "marshal.loads", "shelve.open", "yaml.load",
    "os.system", "os.popen", "subprocess.getoutput", "torch.hub.load_state_dict_from_url",
    "urllib.request.urlopen",
}  # fmt: skip
ALLOWED = {
    "_emulator/described/warm.py": {"pickle.loads"},  # what the process that it started wrote
    "_emulator/ranks/objects.py": {"pickle.loads"},  # what another rank of the same run wrote
    "_emulator/supervise.py": {"pickle.loads"},  # what the process that it started wrote
    "_measure/real_steps.py": {"torch.load"},  # what nincost itself wrote
    "_train/checkpoint.py": {"torch.load"},  # tensors and plain values alone
}


def calls() -> list[tuple[str, str, ast.Call]]:
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = file.relative_to(ROOT).as_posix()
                found.append((name, ast.unparse(node.func), node))
    return found


def test_nothing_dangerous_is_called() -> None:
    found = {(file, name) for file, name, _ in calls() if name in DANGEROUS}
    assert found == {(file, name) for file, names in ALLOWED.items() for name in names}


def test_no_shell_and_no_remote_code() -> None:
    for file, name, node in calls():
        for keyword in node.keywords:
            value = ast.unparse(keyword.value)
            assert (keyword.arg, value) != ("shell", "True"), file
            assert keyword.arg != "trust_remote_code" or value == "False", file
            assert keyword.arg != "pretrained" or value == "False", file
        if name == "torch.load" and not file.startswith("_measure/"):
            assert "weights_only=True" in ast.unparse(node), file
        if name.endswith("from_pretrained"):
            assert "local_files_only=True" in ast.unparse(node), file


def test_code_beside_a_configuration_is_not_run(
    nincost_cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}})
    )
    done = nincost_cli("profile", f"hf:{tmp_path}")
    assert done.status == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("command", [["audit"], ["validate", "--recorded"]])
def test_a_pickle_in_the_place_of_a_text_is_not_loaded(
    nincost_cli: Callable[..., Any], tmp_path: Path, command: list[str]
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "a.json").write_bytes(f"cos\nsystem\n(S'touch {ran}'\ntR.".encode())
    done = nincost_cli(*command, str(tmp_path / "a.json"))
    assert done.status == 2
    assert not ran.exists()


def test_a_snapshot_is_plain_data(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    """No opcode in it names a class or calls anything."""
    file = tmp_path / "a.pickle"
    assert nincost_cli("memory", "--snapshot", str(file), "--no-suggest").status == 0
    found = {operation.name for operation, _, _ in pickletools.genops(file.read_bytes())}
    assert not found & {"GLOBAL", "STACK_GLOBAL", "REDUCE", "INST", "OBJ", "NEWOBJ", "BUILD"}


def test_an_argument_is_a_literal(nincost_cli: Callable[..., Any], tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    done = nincost_cli("profile", "--arg", f"num_classes=open({str(ran)!r}, 'w')")
    assert done.status == 2
    assert not ran.exists()
