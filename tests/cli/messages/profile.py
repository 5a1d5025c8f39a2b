"""`nincost profile`, and what all commands that take a model, an input and a format say."""

import contextlib
import sys
from unittest import mock

from support.messages import Case

NET = """
import sys, threading
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.fc = nn.Linear(4, width)
    def forward(self, x, y=None): return self.fc(x)

class Keys(Net):
    def __init__(self): super().__init__(4)
    def forward(self, *, ids): return self.fc(ids)

class Exits(Keys):
    def forward(self, x): sys.exit()

class Recurses(Keys):
    def forward(self, x): return self(x)

class Holds(Keys):
    def __init__(self):
        super().__init__()
        self._modules["self"] = self

class Trains(Keys):
    def train(self, mode=True): raise ValueError("no train")

class Bare(nn.Module):
    def __init__(self): pass

class Raises(Keys):
    def forward(self, x): raise ValueError("a reason")

class Lists(Keys):
    def named_modules(self, *args, **kwargs): raise ValueError("no list")

class Elsewhere(Keys):
    def forward(self, x):
        thread = threading.Thread(target=self.fc, args=(x,))
        thread.start()
        thread.join()
        return x

class Loops(Keys):
    def forward(self, x):
        while True: pass

built = nn.Linear(4, 4)

class Inverts(Keys):
    def forward(self, x): return torch.linalg.inv(self.fc(x))

def script(): return torch.jit.script(nn.Linear(4, 4))
def number(): return 3
def broken(): raise ValueError("a reason")
text = "text"
"""
FILES = {
    "net.py": NET,
    "empty.txt": "",
    "needs.py": "import nincost_needs_this\n",
    "exits.py": "raise SystemExit(3)\n",
    "bad.json": "{",
    "odd.json": '{"model_type": "bert", "architectures": ["NoSuchModel"]}',
    "bert.json": '{"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2}',
    "huge.json": b" " * (16 * 2**20 + 1),
    "there.csv": "mine\n",
}


def case(arguments, *says, **more):
    return Case(arguments, list(says), files=FILES, **more)


def missing(name):
    return lambda: mock.patch.dict(sys.modules, {name: None})


def full_disk():
    return mock.patch("os.fsync", side_effect=OSError(28, "No space left on device"))


@contextlib.contextmanager
def not_writable():
    with mock.patch("os.access", return_value=False):
        yield


@contextlib.contextmanager
def no_stdout():
    """As behind `> /dev/full`."""

    class Full:
        encoding = "utf-8"
        closed = False

        def write(self, text):
            raise OSError(28, "No space left on device")

        @property
        def buffer(self):
            return self

        def flush(self):
            pass

        def isatty(self):
            return False

        def fileno(self):
            raise OSError

    with contextlib.redirect_stdout(Full()):
        yield


CASES = [
    # the model's name
    case("profile --variant two-1x2", "unknown variant 'two-1x2'", "(did you mean 'two-1x1'?)"),
    case("profile two-1x2", "unknown model 'two-1x2'", "torchvision:NAME", "did you mean"),
    case(["profile", " "], "name is empty", "try two-1x1"),
    case("profile two-1x1 --variant two-1x1", "both MODEL 'two-1x1' and --variant", "give one"),
    case("profile torchvision:resnet5", "nearest are resnet50"),
    case("profile torchvision:resnet18 --arg weights=DEFAULT", "weights", "leave it out"),
    case("profile torchvision:resnet18", "torchvision cannot be imported", "pip install",
         around=missing("torchvision")),
    case("profile timm:resnet5", "unknown timm model", "resnet50"),
    case("profile timm:resnet18 --arg pretrained=true", "never", "leave it out"),
    case("profile {tmp}/net.py:built --arg a=1 --input 4", "built already", "leave --arg out"),
    case("profile {tmp}/net.py", "name a model in it", "net.py:Net"),
    case("profile {tmp}/net.ipynb", "a notebook is not imported", "nincost.profile(model)"),
    case("profile {tmp}", "is no model", "give hf:"),
    case("profile someone/some-model", "nothing is downloaded", "hf:FOLDER"),
    case("profile hf:", "'hf:' names no model", "write hf:FOLDER"),
    Case("profile hf:{tmp}", ["has the architectures [5]", "LlamaForCausalLM"],
         files={"config.json": '{"model_type": "llama", "architectures": [5]}'}),
    case("profile hf:{tmp}", "no config.json", "nothing is downloaded"),
    case("profile hf:/dev/zero", "no config.json"),
    case("profile hf:{tmp}/huge.json", "larger than any config.json"),
    case("profile hf:{tmp}/bad.json", "could not be read", "config.json with its model_type"),
    case("profile hf:{tmp}/odd.json", "no architecture 'NoSuchModel'", "another version"),
    case("profile hf:{tmp}/bert.json --arg num_attention_heads=x --input 3:int64",
         "does not take num_attention_heads='x'"),
    case("profile {tmp}/none.py:Net", "no file", "is there", "path/to/file.py:Class"),
    case(f"profile {300 * 'n'}.py:Net", "no file", "is there", "path/to/file.py:Class"),
    case("profile {tmp}:Net", "is no regular file"),
    case("profile {tmp}/empty.txt:Net", "is not a Python file"),
    case("profile {tmp}/needs.py:Net", "No module named 'nincost_needs_this'", "install what"),
    case("profile {tmp}/exits.py:Net", "could not be imported: SystemExit: 3 (exits.py, line 1)"),
    case("profile no_such_module:Net", "no module 'no_such_module'", "package.module:factory"),
    case("profile {tmp}/net.py:Nett", "has no 'Nett'", "did you mean 'Net'"),
    case("profile {tmp}/net.py:text", "is 'str'", "a class or a function"),
    case("profile {tmp}/net.py:number", "returned 'int'", "expected a class or function"),
    case("profile {tmp}/net.py:broken", "could not be built: ValueError: a reason (net.py, line"),
    case("profile {tmp}/net.py:script", "TorchScript", "give the Python module"),
    case("profile {tmp}/net.py:Bare --input 4", "call super().__init__() first"),
    case("profile {tmp}/net.py:Net", "needs width", "--arg width=VALUE"),
    # its arguments
    case("profile --arg x", "--arg 'x' is not key=value", "--arg num_classes=10"),
    case("profile --arg nm_classes=3", "takes no argument 'nm_classes'", "did you mean"),
    case("profile --arg num_classes=0", "num_classes is 0", "at least 1"),
    case("profile --arg dropout=2", "dropout is 2", "such as 0.5"),
    # its input
    case("profile --input x=", "is not [NAME=]SHAPE[:DTYPE]", "3x224x224"),
    case("profile --input 1xAx3", "'A' is no size", "3x224x224"),
    case("profile --input 0x224x224", "size of 0", "at least 1"),
    case("profile --input 1x224x224:float99", "unknown dtype 'float99'", "choose"),
    case("profile --input 999999999999x999999999", "more elements than can exist"),
    case("profile --input x=4 --input x=4", "'x' is given twice"),
    case("profile --batch-size 0", "batch size is 0", "at least 1"),
    case("profile {tmp}/net.py:Keys", "does not say what input it takes", "give --input"),
    case("profile {tmp}/net.py:Keys --input 4", "does not take the input 1x4", "NAME=SHAPE"),
    case("profile --input 3x224x224", "layer 'block1.conv'", "needs 1 channel, not 3"),
    case("profile --input 224x224", "got 1x224x224", "write --input 1x224x224"),
    case("profile resnet18 --input 224x224 -b 3", "got 3x224x224", "write --input 3x224x224"),
    case("profile resnet18 --input 224x224x3", "channels first", "write --input 3x224x224"),
    case("profile resnet18 --input 1,3,224,224", "no batch", "--input 3x224x224 --batch-size 1"),
    case("profile vit_b_16 --input 224x224x3", "its usual one is --input 3x224x224"),
    case("profile --input 1x20x20", "at least 3x3, not 1x1", "larger --input"),
    # its run
    case("profile {tmp}/net.py:Exits --input 4", "layer 'Exits' (Exits) ended the program"),
    case("profile {tmp}/net.py:Recurses --input 4", "calls itself without end (net.py, line"),
    case("profile {tmp}/net.py:Holds --input 4", "nested without end", "must not hold itself"),
    case("profile {tmp}/net.py:Trains --input 4", "ValueError: no train (net.py, line"),
    case("profile {tmp}/net.py:Raises --input 4", "failed on 1x4: ValueError: a reason (net.py"),
    case("profile {tmp}/net.py:Lists --input 4", "ValueError: no list (net.py, line"),
    case("profile {tmp}/net.py:Elsewhere --input 4", "'fc' in a thread of its own"),
    case("profile {tmp}/net.py:Loops --input 4 --timeout 1.2", "not done after 1.2 s",
         "layer 'Loops' (Loops) (net.py, line"),
    case("profile --timeout 0", "timeout is 0", "such as 60"),
    case("profile {tmp}/net.py:Inverts --input 4x4 --strict", "aten.linalg_inv_ex",
         "leave --strict out", status=1),
    # what is shown
    case("profile --sort mac", "unknown column 'mac'", "did you mean 'macs'"),
    case("profile --top 0", "top is 0", "at least 1"),
    # where it goes
    case("profile --output x.xml", "'x.xml' names no format", ".csv", "--format"),
    case("profile --output {tmp} --format csv", "is a folder", "a file's name"),
    case("profile --output {tmp}/there.csv", "exists already", "--force"),
    case("profile --output {tmp}/none/a.csv", "there is no folder", "make it"),
    case(f"profile --output {{tmp}}/{300 * 'a'}.csv", "too long", "another name"),
    case("profile --output {tmp}/a.csv", "cannot be written to", "another folder",
         around=not_writable),
    case("profile --output {tmp}/a.csv", "could not be written: No space left", "free some space",
         around=full_disk),
    case("profile", "standard output is closed", "--output FILE",
         around=lambda: contextlib.redirect_stdout(None)),
    case("profile", "could not be written: No space left", "--output", around=no_stdout),
    case("profile --output {tmp}/a.svg --width wide", "width is 'wide'", "expected column"),
    case("profile --output {tmp}/a.svg --columns layer", "a picture of 0 amounts", "choose 1 to 4"),
    # click's own
    case("resnet50", "'resnet50' is a model", "nincost profile resnet50"),
    case("net.py:Net", "is a model", "nincost profile net.py:Net"),
    case("profil", "no command 'profil'", "did you mean 'profile'"),
    case("profile --foo", "--foo", "nincost profile --help"),
    case("profile a b", "unexpected extra argument", "nincost profile --help"),
    case("profile --mode test", "'test'", "eval", "nincost profile --help"),
    case("profile --format xml", "'xml'", "csv", "nincost profile --help"),
    case("profile --batch-size x", "'x'", "integer", "nincost profile --help"),
]  # fmt: skip
