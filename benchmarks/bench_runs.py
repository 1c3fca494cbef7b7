"""What the benchmarks share: running a program with malloc settings, and saying where it ran."""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]

# glibc gives freed blocks of a step back to the kernel and faults them in again at the next: these keep them, and ask
# for huge pages.
MALLOC_TUNED = {
    "GLIBC_TUNABLES": ":".join(("glibc.malloc.mmap_max=0", "glibc.malloc.trim_threshold=100000000000",
                                "glibc.malloc.top_pad=268435456", "glibc.malloc.hugetlb=1")),
}
MALLOC_DEFAULT = {}


class BenchError(Exception):
    """A program that failed; the message says which and shows the end of what it wrote."""


def run_program(command, malloc, threads, **variables):
    """Runs a program; returns its standard output and the wall time of the whole process in seconds."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("MALLOC_") and name != "GLIBC_TUNABLES"}
    environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)} | malloc | variables
    command = [str(part) for part in command]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        end = (done.stdout + done.stderr)[-2000:].rstrip()
        raise BenchError(f"{' '.join(command)}: exit code {done.returncode}\n{end}")
    return done.stdout, time.perf_counter() - begin


def run_python(script, *arguments, malloc, threads):
    """Runs a script, named from this folder on; returns the JSON object of its last line with `process_s`, its wall time."""
    text, wall = run_program([sys.executable, Path(__file__).parent / script, *arguments], malloc, threads)
    return {**json.loads(text.splitlines()[-1]), "process_s": wall}


def interleaved_medians(implementations, repeats):
    """Milliseconds of functions by their names, each round beginning with another; the first two rounds only warm up."""
    times = {name: [] for name in implementations}
    names = list(implementations)
    for round_index in range(repeats + 2):
        shift = round_index % len(names)
        for name in names[shift:] + names[:shift]:
            start = time.perf_counter()
            result = implementations[name]()
            elapsed = time.perf_counter() - start
            del result
            if round_index >= 2:
                times[name].append(1e3 * elapsed)
    return {name: statistics.median(values) for name, values in times.items()}


def machine():
    """CPU, cores and versions, for the record."""
    model = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    commit = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=ROOT, capture_output=True, text=True)
    return {"cpu": model[0] if model else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "load_1min": os.getloadavg()[0], "kernel": platform.release(), "libc": " ".join(platform.libc_ver()),
            "python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__,
            "commit": commit.stdout.strip() or None}


def write_result(result, out):
    """Prints a result as JSON and writes it to a file if one is given."""
    text = json.dumps(result, indent=2)
    print(text)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n")
