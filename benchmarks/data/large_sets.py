#!/usr/bin/env python3
"""Seconds to the first batch of 1,024 events of large data sets, from the start of the process; no peers.

  chunks      a dataset of 131,072 gzip chunks, no plan kept: what finding them takes
  files       10,000 files of 256 events, not indexed
  index       `tevatrain index` of these files, one process a worker
  indexed     the first batch after it
  events      10^8 events of 4 float32, all but the first chunk never written, shuffled in windows of 4,194,304. `first_batch_s` is counted
              from where the files are open
  mixed       the same with the default window, 2 * 10^7 events, all of which a first batch takes

The page cache is warm.
  benchmarks/data/large_sets.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import shutil
import tempfile
from pathlib import Path

import contest
import h5py
import numpy as np
from bench_runs import MALLOC_DEFAULT, run_program

CHUNKS, FILES = 131072, 10000
CONFIG = """\
data:
  reader: dense
  train: {train}
  val: {folder}/val.h5
  objects:
    event: {{field: x, as: [a, b, c, d]}}
  label: {{field: label, classes: [s, t]}}
  features: {{event: {{first: a}}}}
  workers: {workers}
  budget_mib: 2048
model: {{name: mlp, widths: [8]}}
train: {{batch_size: 1024, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def write(path, events, chunk, written=None):
    """Events of four numbers and a label; only the first ones are written, all by default."""
    written = written or events
    random = np.random.default_rng(7)
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (events, 4), "f4", chunks=(chunk, 4), compression="gzip")
        file.create_dataset("label", (events,), "u1", chunks=(min(events, 262144),))
        for first in range(0, written, 16384):
            count = min(16384, written - first)
            file["x"][first:first + count] = random.normal(size=(count, 4))
            file["label"][first:first + count] = np.arange(count) % 2


def make_files(folder, events):
    write(folder / "val.h5", 100, 100)
    write(folder / "chunks.h5", 4 * CHUNKS, 4)
    write(folder / "events.h5", events, 32768, written=32768)
    (folder / "many").mkdir()
    write(folder / "one.h5", 256, 256)
    for number in range(FILES):
        shutil.copy(folder / "one.h5", folder / f"many/{number:05}.h5")


def contenders(options, folder):
    cache = folder / "cache"

    def config(train):
        return CONFIG.format(train=folder / train, folder=folder, workers=options.workers)

    def first_batch(train, stage, *changes, kept=False):
        if not kept:
            shutil.rmtree(cache, ignore_errors=True)
        result = contest.bench_data(options, config(train), "--stage", stage, "--first-batch", *changes, TEVATRAIN_CACHE=str(cache))
        return {**result, "seconds": result["process_s"]}

    def index():
        shutil.rmtree(cache, ignore_errors=True)
        (folder / "index.yaml").write_text(config("many/*.h5"))
        _, wall = run_program([options.binary.resolve(), "index", folder / "index.yaml", "--jobs", options.workers], MALLOC_DEFAULT, 1,
                              TEVATRAIN_CACHE=str(cache))
        return {"seconds": wall}

    return {"chunks": lambda: first_batch("chunks.h5", "raw"), "events": lambda: first_batch("events.h5", "features", "data.shuffle_rows=4194304"),
            "mixed": lambda: first_batch("events.h5", "features"),
            "files": lambda: first_batch("many/*.h5", "raw"), "index": index, "indexed": lambda: first_batch("many/*.h5", "raw", kept=True)}


def main():
    options = contest.parse(__doc__, 100_000_000)
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), options.events)
        contest.run("large-sets", options, contenders(options, Path(name)), [], measured="seconds", chunks=CHUNKS, files=FILES)


if __name__ == "__main__":
    contest.main(main)
