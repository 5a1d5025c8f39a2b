"""The process that runs a script on the emulated GPU.

`python -m nincost._emulator.observe.script ORDERS SCRIPT ...`: ORDERS is `observer.Orders` as JSON;
the script and its arguments follow, as Python takes them: `train.py --lr 1` or `-m train --lr 1`.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from nincost._emulator.observe import hooks, spawned
from nincost._emulator.observe.end import (
    ScriptEnded,
    Watch,
    described,
    leave_process,
    print_traceback,
    write_before_exit,
)
from nincost._emulator.observe.observer import Observer, Orders
from nincost._emulator.observe.user_code import UserCode, packages_of

#: Exit status where the script raised, as Python has it, and after Ctrl-C, as shells have it.
_FAILED, _INTERRUPTED = 1, 130


def script_to_run(command: Sequence[str]) -> Callable[[], None]:
    """What runs a script as `python SCRIPT ...` or `python -m MODULE ...` would."""

    def run() -> None:
        if command[0] == "-m":
            sys.argv = list(command[1:])
            sys.path[0] = os.getcwd()
            runpy.run_module(command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(command)
            sys.path[0] = os.path.dirname(os.path.abspath(command[0]))
            runpy.run_path(command[0], run_name="__main__")

    return run


def run_observed(orders: Orders, command: Sequence[str]) -> NoReturn:
    """Run a script and end the process as Python would, with what was observed written.

    A script that ends by itself ends as ever, its exit handlers included; one that was ended, or
    failed, leaves the process at once.
    """
    script = script_to_run(command)
    observer = Observer(orders, UserCode(packages_of(command)))
    hooks.install(observer)
    spawned.pass_on(observer)
    write_before_exit(observer)
    watch = Watch(observer)
    watch.start()
    try:
        script()
    except ScriptEnded:
        leave_process(0)
    except SystemExit as request:
        observer.write("exit", status=_status(request))
        raise
    except KeyboardInterrupt:
        if not observer.write("interrupt"):
            spawned.wait_for_rank(observer)
        leave_process(_INTERRUPTED)
    except BaseException as error:
        observer.write("exception", **described(error, observer.user_code))
        if observer.ended is not None and observer.ended["how"] == "exception":
            print_traceback(error)
        leave_process(_FAILED)
    observer.write("exit", status=0)
    watch.stop()
    sys.exit(0)


def _status(request: SystemExit) -> int:
    code = request.code
    return code if isinstance(code, int) else 0 if code is None else 1


def main() -> None:
    """Run what the command line says, observed."""
    run_observed(Orders(**json.loads(sys.argv[1])), sys.argv[2:])


if __name__ == "__main__":
    main()
