"""The program, loaded once and forked for each run: `python -m tests.program.forking`.

To load Python, the libraries and the bank takes three times as long as what most tests do with it. Each run is a
process of its own all the same, with its own folder, environment and files.

It reads a line of JSON for each run, [module, arguments, folder, environment, file for what is printed, file for what
is told], and answers with a line: the code with which the run ended, or minus the signal.
"""

from __future__ import annotations

import atexit
import json
import os
import runpy
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence

from bot import cli, runtime  # noqa: F401 (what is loaded for every run)
from bot.settings import shipped_bank
from bot.shelf import read_file


def live(
    module: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str], out: str, err: str
) -> None:
    """Be the program in this process, and end it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    for descriptor, file in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(file, os.O_RDWR), descriptor)
    sys.argv = [module, *arguments]
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined] # What Python does at its end: it waits for threads.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    read_file(shipped_bank())  # Kept for all runs.
    for line in sys.stdin:
        child = os.fork()
        if not child:
            live(*json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
