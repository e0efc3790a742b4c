"""Interrupts, as of a cell, at chosen moments of a thread's waiting."""

import concurrent.futures
import linecache
import sys
import threading

WAITING = {threading.__file__, concurrent.futures._base.__file__}


def names(frame, function):
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return frame.f_code.co_name == function or f"{function}()" in line


def interrupted(work, *, at, within=WAITING, but=""):
    """Whether `work` went through an `at`th line of the standard library's waiting.

    Or of the files `within`, without the function of the name `but` and the lines that call it.
    """
    left = at

    def trace(frame, event, arg):
        nonlocal left
        if frame.f_code.co_filename in within:
            if event in ("line", "return") and not (but and names(frame, but)):
                left -= 1
                if left == 0:
                    raise KeyboardInterrupt
            return trace
        return trace if event == "call" else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False
