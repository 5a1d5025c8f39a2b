"""A cuDNN that is too old to be queried for a card that is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.emulated import answer, needs_emulator

from nincost._devices.cards import get_gpu
from nincost._emulator.launch import environment

pytestmark = needs_emulator

CONVOLUTION = """
import ctypes, json, torch
layer = torch.nn.Conv2d(64, 64, 3, padding=1).cuda()
x = torch.randn(8, 64, 56, 56, device="cuda", requires_grad=True)
y = layer(x)
torch.cuda.reset_peak_memory_stats()
held = torch.cuda.memory_allocated()
y = layer(x)
kind, name = ctypes.c_char_p(), ctypes.c_char_p()
notes, ask = [], ctypes.CDLL(None).nincost_emulated_note
while ask(len(notes), ctypes.byref(kind), ctypes.byref(name)):
    notes.append([kind.value.decode(), name.value.decode()])
print(json.dumps([torch.cuda.max_memory_allocated() - held - y.nbytes, notes]))
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for a made-up cuDNN")
def test_an_old_cudnn_is_not_queried_and_that_is_noted(tmp_path: Path) -> None:
    source, old = tmp_path / "old.c", tmp_path / "libcudnn.so.9"
    source.write_text("unsigned long cudnnGetVersion(void) { return 90100; }\n")
    command = ["cc", "-shared", "-fPIC", "-Wl,-soname,libcudnn.so.9", "-o", str(old), str(source)]
    subprocess.run(command, check=True)
    preload = f"{environment(get_gpu('h100'))['LD_PRELOAD']}:{old}"
    workspace, notes = answer(CONVOLUTION, variables={"LD_PRELOAD": preload})
    assert workspace == 0
    assert ["modelled", "workspaces of cuDNN, which is older than 9.8: taken for none"] in notes
