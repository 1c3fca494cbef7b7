"""Worker processes that stop with their parent: Ctrl-C or SIGTERM there, or its end, ends them all."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}


@contextlib.contextmanager
def stop_signals_held():
    """A stop that comes meanwhile takes effect at the end: a worker is not started half. Wrap every submit() in it. Main thread only."""
    held = []
    handlers = {number: signal.signal(number, lambda number, frame: held.append(number)) for number in STOP_SIGNALS}
    # Workers that start now inherit the mask. It alone does not hold a signal: another thread may take it for the process.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if held:
            signal.raise_signal(held[0])


def start_worker():
    """What a worker does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)    # the parent decides what Ctrl-C does
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    threading.Thread(target=stop_with_parent, daemon=True).start()


def stop_with_parent():
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def workers(jobs, initializer=start_worker):
    """An executor of so many processes; an exception inside the `with` terminates them."""
    # spawn: a forked child would share locks and open files with the threads of the parent
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(jobs, context, initializer=initializer) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise
