"""Interrupts, as of a cell, at chosen moments of a thread's waiting."""

import concurrent.futures
import sys
import threading

WAITING = {threading.__file__, concurrent.futures._base.__file__}


def interrupted(work, *, at):
    """Whether `work` went through an `at`th line of the standard library's waiting."""
    left = at

    def trace(frame, event, arg):
        nonlocal left
        if frame.f_code.co_filename in WAITING:
            if event in ("line", "return"):
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
