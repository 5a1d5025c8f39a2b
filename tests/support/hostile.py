"""Models that do what no model should. Named as a file by the tests; never imported by them."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import warnings

import click
import torch
from torch import nn

import nincost


class Base(nn.Module):
    """A linear layer, then `evil` on what it gave."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.evil(self.fc(x))

    def evil(self, x):
        return x


class Prints(Base):
    def evil(self, x):
        print("print")
        os.write(1, b"descriptor\n")
        sys.__stdout__.write("dunder\n")
        atexit.register(lambda: print("at exit"))
        return x


class ClosesStdout(Base):
    def evil(self, x):
        sys.stdout.close()
        sys.__stdout__.close()
        return x


class ClosesDescriptors(Base):
    def evil(self, x):
        os.close(1)
        os.close(2)
        return x


class NoStdout(Base):
    def evil(self, x):
        sys.stdout = None
        return x


class Exits(Base):
    def evil(self, x):
        sys.exit(0)


class ExitsEarly(Base):
    def __init__(self):
        super().__init__()
        sys.exit(7)


class Vanishes(Base):
    def evil(self, x):
        os._exit(5)


class Recursive(Base):
    def evil(self, x):
        return self.evil(x)


class CallsItself(Base):
    def forward(self, x):
        return self(x)


class BuildsItself(Base):
    def __init__(self):
        super().__init__()
        self.__init__()


class HoldsItself(Base):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential()
        self.inner._modules["outer"] = self


class GivesGenerator(Base):
    def forward(self, x):
        yield self.fc(x)


class GivesNone(Base):
    def evil(self, x):
        return None


class GivesText(Base):
    def evil(self, x):
        return "text"


class GivesOdd(Base):
    def evil(self, x):
        odd = {"a": [x, (x, {"b": {1, 2}})], 3: object()}
        odd["self"] = odd
        return odd


class GivesDeep(Base):
    def evil(self, x):
        for _ in range(5000):
            x = [x]
        return x


class GivesBomb(Base):
    def evil(self, x):
        for _ in range(60):
            x = [x, x]
        return x


class MakesLayerOnce(Base):
    def evil(self, x):
        if not hasattr(self, "more"):
            self.more = nn.Linear(4, 4, device=x.device)
        return self.more(x)


class MakesLayerAlways(Base):
    def evil(self, x):
        self.more = nn.Linear(4, 4, device=x.device)
        return self.more(x)


class DropsLayer(Base):
    def forward(self, x):
        x = self.fc(x)
        del self.fc
        return x


class ReplacesParameter(Base):
    def forward(self, x):
        self.fc.weight = nn.Parameter(torch.zeros(8, 4, device=x.device))
        self.fc.bias = None
        return self.fc(x)


class Untouchable(Base):
    """Raises on whatever one might ask of an object."""

    def __repr__(self):
        raise RuntimeError("repr")

    def __len__(self):
        raise RuntimeError("len")

    def __bool__(self):
        raise RuntimeError("bool")

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __hash__(self):
        return id(self)

    @property
    def weight(self):
        raise ValueError("property")


class FailsUnnamed(nn.Module):
    def __repr__(self):
        raise RuntimeError("repr")

    def forward(self, x):
        raise RuntimeError("inner")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("str")


class RaisesUnspeakable(Base):
    def evil(self, x):
        raise Unspeakable


class RaisesNothing(Base):
    def evil(self, x):
        raise RuntimeError


class Base2(BaseException):
    pass


class RaisesBase(Base):
    def evil(self, x):
        raise Base2("no Exception")


class RaisesBaseEarly(Base):
    def __init__(self):
        raise Base2("no Exception")


class RaisesGeneratorExit(Base):
    def evil(self, x):
        raise GeneratorExit


class RaisesStopIteration(Base):
    def evil(self, x):
        raise StopIteration


class RaisesMemoryError(Base):
    def evil(self, x):
        raise MemoryError


class RaisesBrokenPipe(Base):
    def evil(self, x):
        raise BrokenPipeError("mine")


class RaisesClick(Base):
    def evil(self, x):
        raise click.UsageError("the model's")


class RaisesAbort(Base):
    def evil(self, x):
        raise click.Abort


class RaisesOurs(Base):
    def evil(self, x):
        raise nincost.NincostError("the model's own")


class RaisesEscapes(Base):
    def evil(self, x):
        raise ValueError("\x1b[31mred\x00\u202e" + 100_000 * "e" + "\nsecond line")


class OwnCall(Base):
    def __call__(self, x):
        return super().__call__(x)


class OwnNamedModules(Base):
    def named_modules(self, *args, **kwargs):
        raise RuntimeError("named_modules")


class OwnParameters(Base):
    def parameters(self, recurse=True):
        raise RuntimeError("parameters")


class OwnTrain(Base):
    def train(self, mode=True):
        raise RuntimeError("train")


class OwnSetattr(Base):
    def __setattr__(self, name, value):
        if name == "training" and "fc" in self.__dict__.get("_modules", ()):
            raise RuntimeError("setattr")
        super().__setattr__(name, value)


class NotSetUp(nn.Module):
    def __init__(self):
        pass


class NoForward(nn.Module):
    pass


class NoModule:
    pass


class GivesAnother(nn.Module):
    def __new__(cls):
        return 3


class UsesThread(Base):
    def forward(self, x):
        found = []
        thread = threading.Thread(target=lambda: found.append(self.fc(x)))
        thread.start()
        thread.join()
        return found[0]


class LeavesThread(Base):
    def evil(self, x):
        threading.Thread(target=time.sleep, args=(0.3,)).start()
        return x


class Asks(Base):
    def evil(self, x):
        input("? ")
        return x


class ChangesEverything(Base):
    def evil(self, x):
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.set_grad_enabled(True)
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
        torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic
        torch.autograd.set_detect_anomaly(True)
        warnings.simplefilter("error")
        sys.setrecursionlimit(300)
        os.chdir("/")
        return x


class Terminates(Base):
    def evil(self, x):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


class Interrupts(Base):
    def evil(self, x):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)


class SwallowsSignal(Base):
    def evil(self, x):
        try:
            os.kill(os.getpid(), int(os.environ["SIGNAL_TO_SWALLOW"]))
            time.sleep(1)
        except BaseException:
            pass
        return x


class WaitsInThread(Base):
    def evil(self, x):
        threading.Thread(target=time.sleep, args=(60,), name="poller").start()
        return x


class NeverExits(Base):
    def evil(self, x):
        atexit.register(time.sleep, 60)
        return x


class Loops(Base):
    def evil(self, x):
        while True:
            x = x + 1


class LoopsEarly(Base):
    def __init__(self):
        while True:
            pass


class Sleeps(Base):
    def evil(self, x):
        time.sleep(1000)


class SwallowsAll(Base):
    def evil(self, x):
        while True:
            with contextlib.suppress(BaseException):
                time.sleep(1000)


NAMES = [
    "=cmd()",
    "+1",
    "-1+1",
    "@SUM",
    "\uff1dcmd()",
    "a,b",
    'q"q',
    "new\nline",
    "tab\tb",
    "cr\rx",
    "<script>alert(1)</script>",
    "|pipe|",
    "`tick`",
    "[link](javascript:alert(1))",
    "![img](http://x)",
    "\x1b[31mred",
    "\x00nul",
    "\u202ertl",
    500 * "a",
    "  ",
    "*b*",
    "~~s~~",
    "\ud800half",
    "=",
    " =1",
    "\u2028",
    "${x}",
    "{{7*7}}",
    "<!--",
    "&lt;",
    "]]>",
    "\x85n",
    "\x0bv",
    "</title><svg onload=x>",
    "\x9b31m",
    "\\",
    "name",
]


class Named(nn.Module):
    """A layer of each name in `NAMES`."""

    def __init__(self):
        super().__init__()
        for name in NAMES:
            self._modules[name] = nn.Linear(4, 4)

    def forward(self, x):
        for layer in self._modules.values():
            x = layer(x)
        return x


Misnamed = type("<script>\x1b[31m\n=1", (Base,), {})
