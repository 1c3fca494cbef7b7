"""What the scripts that make events share: blocks from worker processes in order, files that are whole or not there, progress, errors."""

import collections
import json
import os
import signal
import sys
import time
from concurrent.futures.process import BrokenProcessPool

try:
    import h5py
except ImportError:     # whoever makes events says so
    h5py = None

from worker_processes import stop_signals_held


class Failure(Exception):
    """A message for the user and the exit code: 2 for wrong input, 1 for anything else."""

    def __init__(self, message, code=2):
        super().__init__(message)
        self.code = code


def in_order(executor, function, blocks, jobs):
    """Yields function(block) of each block in order; looks only a little ahead, so that memory stays bounded."""
    pending = collections.deque()
    for block in blocks:
        with stop_signals_held():
            pending.append(executor.submit(function, block))
        if len(pending) > 2 * jobs:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def is_done(path, parameters):
    """True if the file is there with these parameters; refuses to replace a file made in another way."""
    if not path.exists():
        return False
    try:
        with h5py.File(path, "r") as file:
            stored = json.loads(file.attrs["tevatrain"])["parameters"]
    except (OSError, KeyError, ValueError):
        raise Failure(f"{path}: was not made by this script (expected no file, or one of an earlier run). "
                      "Choose another --out, or replace it with --force.") from None
    changed = [key for key in parameters if stored.get(key) != parameters[key]]
    if changed:
        what = ", ".join(f"{key} {stored.get(key)}" for key in changed)
        wish = ", ".join(f"{key} {parameters[key]}" for key in changed)
        raise Failure(f"{path}: was made with {what} (expected {wish}). Choose another --out, or replace it with --force.")
    return True


def make_folder(folder):
    """Makes a folder that can be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror} (expected a folder that can be written). Choose another --out.") from None


class Progress:
    """A bar at a terminal, else a line every ten seconds, on standard error."""

    def __init__(self, total, unit, stream=sys.stderr):
        self.total, self.unit, self.stream, self.done = total, unit, stream, 0
        self.start = self.last = time.monotonic()
        self.add(0)

    def rate(self):
        return self.done / max(time.monotonic() - self.start, 1e-9)

    def add(self, count):
        self.done += count
        now, rate = time.monotonic(), self.rate()
        left = f"{(self.total - self.done) / rate:.0f} s left" if self.done else "starting"
        text = f"{self.done}/{self.total} {self.unit}, {rate:.0f} {self.unit}/s, {left}"
        if self.stream.isatty():
            bar = "#" * (30 * self.done // self.total)
            self.stream.write(f"\r[{bar:<30}] {text}\033[K" + ("\n" if self.done == self.total else ""))
        elif now - self.last >= 10 or self.done == self.total:
            self.stream.write(f"{text}\n")
            self.last = now
        self.stream.flush()


def main(name, run, disk_errors=()):
    """Runs run(arguments of the command line). @return the exit code"""
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # a terminated run clears up like Ctrl-C
    try:
        run(sys.argv[1:])
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        return failure.code
    except KeyboardInterrupt:
        print(f"\n{name}: stopped; complete files stay. Run it again to make the others.", file=sys.stderr)
        return 130
    except (OSError, BrokenProcessPool, *disk_errors) as error:
        print(f"{name}: {error} (expected enough disk and memory). Check both, then run it again; complete files stay.", file=sys.stderr)
        return 1
    return 0
