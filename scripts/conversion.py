"""What the scripts convert_*.py share: arguments, progress, refusals, and who writes which file of the flat layout.

A script gives Steps; the rest is the same for all: one OUT for all IN, or with --per-file one for each IN, in processes. Files appear
whole or not at all. A file that is there, made by the same command from inputs that are not newer, is skipped; another one is refused.
"""

import argparse
import fnmatch
import json
import os
import shlex
import signal
import sys
import time
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Callable, NamedTuple

from worker_processes import stop_signals_held, workers

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))
try:
    import h5py

    from tevatrain import flat
    IMPORT_ERROR = None
except ImportError as import_error:
    IMPORT_ERROR = import_error

SUFFIXES = (".h5", ".hdf5")
STOPPED = []    # when signals asked to stop: a library may swallow the exception of one, or turn it into an error of a file
NOT_OPTIONS = {"inputs", "out", "force", "per_file", "jobs"}    # they do not change what is in a file


class Failure(Exception):
    """A message for the user: wrong input."""


class Steps(NamedTuple):
    """What differs between the scripts; functions of a module, so that workers can call them."""
    name: str
    plan: Callable      # (first input, args) -> what is converted, the same for all inputs; its text is shown to the user
    blocks: Callable    # (input, plan, args) -> yields (event columns, objects, share of the input that is read), once at least


class Job(NamedTuple):
    inputs: list
    out: Path
    command: str


# ------------------------------------------------------------------------------------------------ choice of columns

def chosen(names, patterns, what):
    """The names that a pattern fits, in their own order; every pattern must fit one."""
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise Failure(f"{what}: nothing fits '{pattern}' (there are: {listed(names)}). Check the name.")
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def listed(names):
    """The names in one line; the first ones of many."""
    names = list(names)
    return ", ".join(names[:20]) + (f", ... {len(names)} in all" if len(names) > 20 else "") or "none"


def split_list(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def named_columns(what, names, sources):
    """{column: source}; the names are made fit for expressions, two sources must not end as one column."""
    columns = {}
    for name, source in zip(map(flat.column_name, names), sources):
        if name in columns:
            raise Failure(f"{what}: '{columns[name]}' and '{source}' would both be the column '{name}' (expected one). Leave one out.")
        columns[name] = source
    return columns


# --------------------------------------------------------------------------------------------------------- progress

class Progress:
    """Events, rate and time left: at a terminal on one line, else every ten seconds, on standard error."""

    def __init__(self, stream=sys.stderr):
        self.stream, self.events = stream, 0
        self.start = self.last = time.monotonic()

    def show(self, events, share):
        self.events = events
        now = time.monotonic()
        wait = 0.2 if self.stream.isatty() else 10
        if now - self.last < wait and share < 1:
            return
        self.last = now
        left = f"{(now - self.start) * (1 - share) / share:.0f} s left" if share else "starting"
        text = f"{100 * share:.0f} %, {events} events, {self.rate():.0f} events/s, {left}"
        end = "\n" if share == 1 else ""
        self.stream.write(f"\r[{'#' * int(30 * share):<30}] {text}\033[K{end}" if self.stream.isatty() else f"{text}\n")
        self.stream.flush()

    def rate(self):
        return self.events / max(time.monotonic() - self.start, 1e-9)


# ------------------------------------------------------------------------------------------------- files and workers

def reading(path, action):
    """The result of an action that reads; whatever a damaged file makes the libraries raise becomes one line."""
    try:
        return action()
    except Failure:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise Failure(f"{path}: cannot be read: {type(error).__name__}: {reason} (expected a whole file). Copy or make it again.") from error


def size_of(path):
    """Bytes of a file, or of the files in a folder; 1 at least."""
    files = path.iterdir() if path.is_dir() else [path]
    return max(sum(file.stat().st_size for file in files), 1)


def write(steps, job, plan, args, show):
    """Writes the file of a job; show(events, share of the work) after every block. Returns the number of events."""
    attributes = {"source_files": json.dumps([path.name for path in job.inputs]), "command": job.command}
    sizes, done = [size_of(path) for path in job.inputs], 0
    with flat.FlatWriter(job.out, attributes) as writer:
        for path, size in zip(job.inputs, sizes):
            for event, objects, share in steps.blocks(path, plan, args):
                try:
                    writer.append(event, objects)
                except flat.FlatError as error:
                    raise Failure(f"{path}: {error}") from None
                if STOPPED:
                    raise KeyboardInterrupt
                show(writer.events, min((done + share * size) / sum(sizes), 0.999))
            done += size
    return writer.events


def unraisable(info):
    """Says nothing of a stop that came inside a callback, where nothing can be raised: write() sees it after its block."""
    if info.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(info)


def stop(_number, _frame):
    """Raises once; while the run clears up, further signals do nothing for some seconds (batch systems send several)."""
    sys.unraisablehook = unraisable
    STOPPED.append(time.monotonic())
    if len(STOPPED) == 1 or STOPPED[-1] - STOPPED[0] > 5:
        raise KeyboardInterrupt


def write_in_worker(steps, job, plan, args):
    """write() for a worker: a stop clears up, then ends the process, which would else take the next job."""
    signal.signal(signal.SIGTERM, stop)
    try:
        return write(steps, job, plan, args, lambda events, share: None)
    finally:
        if STOPPED:
            os._exit(130)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def write_all(steps, jobs, plan, args, progress):
    """Yields each job with its number of events when its file is whole."""
    if len(jobs) == 1:
        yield jobs[0], write(steps, jobs[0], plan, args, progress.show)
        return
    total, done = sum(size_of(job.inputs[0]) for job in jobs), 0
    with workers(min(args.jobs, len(jobs))) as executor:
        with stop_signals_held():
            futures = {executor.submit(write_in_worker, steps, job, plan, args): job for job in jobs}
        for future in as_completed(futures):
            events, job = future.result(), futures[future]
            if STOPPED:
                raise KeyboardInterrupt
            done += size_of(job.inputs[0])
            progress.show(progress.events + events, min(done / total, 0.999))
            yield job, events


def is_done(job):
    """True if the file is there, made by the same command; refuses to replace another one."""
    if not job.out.exists():
        return False
    try:
        with h5py.File(job.out, "r") as file:
            same = file.attrs.get("command") == job.command
    except OSError:
        same = False
    if not same:
        raise Failure(f"{job.out}: is there already and was not made by this command (expected no such file). "
                      "Choose another OUT, or replace it with --force.")
    newer = [path for path in job.inputs if path.stat().st_mtime > job.out.stat().st_mtime]
    if newer:
        raise Failure(f"{job.out}: is older than {newer[0]} (expected no such file, or a newer one). Replace it with --force.")
    return True


# ----------------------------------------------------------------------------------------------------- command line

def parser(doc, examples):
    """The arguments that every script has."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    made = argparse.ArgumentParser(description=doc, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("inputs", nargs="+", type=Path, metavar="IN", help="what to convert, in this order")
    made.add_argument("out", type=Path, metavar="OUT", help="the file to write, .h5; with --per-file a folder")
    made.add_argument("--per-file", action="store_true", help="one file OUT/<name of IN>.h5 for each IN")
    made.add_argument("--jobs", type=int, default=cores, metavar="N", help=f"processes of --per-file ({cores})")
    made.add_argument("--force", action="store_true", help="convert again and replace files that are there")
    return made


def command_of(name, args, inputs, out):
    """The command that makes one file, in one spelling."""
    words = [f"{name}.py"]
    for key, value in sorted(vars(args).items()):
        if key not in NOT_OPTIONS and value is not None:
            for item in value if isinstance(value, list) else [value]:
                words.append(f"--{key.replace('_', '-')}={item}")
    return shlex.join([*words, *map(str, inputs), str(out)])


def stem_of(path):
    return path.stem.removesuffix(".csv") if path.is_file() else path.name


def jobs_of(name, args):
    if not args.per_file:
        if args.out.suffix not in SUFFIXES:
            raise Failure(f"{args.out}: is no name of an HDF5 file (expected OUT as the last argument, ending in .h5). Name the file to write.")
        return [Job(args.inputs, args.out, command_of(name, args, args.inputs, args.out))]
    outs = [args.out / f"{stem_of(path)}.h5" for path in args.inputs]
    for index, out in enumerate(outs):
        if out in outs[:index]:
            raise Failure(f"{args.inputs[index]}: would be written to {out} like {args.inputs[outs.index(out)]} (expected different names). "
                          "Convert them in two commands.")
    return [Job([path], out, command_of(name, args, [path], out)) for path, out in zip(args.inputs, outs)]


def check_arguments(args):
    if IMPORT_ERROR is not None:
        raise Failure(f"packages: {IMPORT_ERROR} (expected all of requirements.txt). Run: pip install -r requirements.txt")
    if not 1 <= args.jobs <= 4096:
        raise Failure(f"--jobs: {args.jobs} is out of range (expected 1 to 4096). Give another number.")
    for path in args.inputs:
        if not path.exists():
            raise Failure(f"{path}: is not there (expected a file or folder to convert). Check the path.")
        if path == args.out:
            raise Failure(f"{path}: is IN and OUT (expected another OUT). Name the file to write last.")


def make_folder(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror} (expected a folder that can be written). Choose another OUT.") from None
    if not os.access(folder, os.W_OK):
        raise Failure(f"{folder}: cannot be written (expected a folder that can). Choose another OUT.")


def convert(steps, args):
    check_arguments(args)
    todo = []
    for job in jobs_of(steps.name, args):
        if not args.force and is_done(job):
            print(f"{job.out}: complete, skipped.")
        else:
            todo.append(job)
    if not todo:
        return
    plan = steps.plan(args.inputs[0], args)
    make_folder(args.out if args.per_file else args.out.parent)
    print(plan, flush=True)
    progress = Progress()
    made = []
    for job, events in write_all(steps, todo, plan, args, progress):
        made.append(f"{job.out}: {events} events, {job.out.stat().st_size / 1e6:.1f} MB")
    progress.show(progress.events, 1)
    print("\n".join([*made, f"{progress.events} events at {progress.rate():.0f} events/s.",
                     "To read it (docs/data.md; the label and the features are yours to add):", flat.data_section(todo[-1].out)]))


def main(steps, args):
    """Runs a script; the exit code: 0 done, 2 wrong input, 1 failure, 130 stopped."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        convert(steps, args)
    except BaseException as error:
        if STOPPED:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)       # the end of the interpreter would let them kill
            code, text = 130, "stopped; complete files stay. Run it again to make the others."
        elif isinstance(error, Failure):
            code, text = 2, str(error)
        elif isinstance(error, (OSError, RuntimeError, MemoryError, BrokenProcessPool)):
            code, text = 1, f"{error} (expected enough disk and memory). Check both, then run it again; complete files stay."
        else:
            raise
        over = "\r\033[K" if sys.stderr.isatty() else ""    # the line of the progress
        print(f"{over}{steps.name}: {text}", file=sys.stderr)
        return code
    return 0
