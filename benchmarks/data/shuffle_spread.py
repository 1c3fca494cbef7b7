#!/usr/bin/env python3
"""How far batches of a file sorted by class are from a perfect shuffle: the standard deviation of the fraction of the first half of the
events over the batches of a whole epoch, in units of that of a perfect shuffle. With the default data.shuffle_rows, for
seeds from 1 to the number of rounds, and the root mean square of them.

The events are a label and 28 float32 that were never written, so the files are small; which events come is read from `tevatrain check --order`.

  benchmarks/data/shuffle_spread.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import datetime
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path

import contest
import h5py
import numpy as np
from bench_runs import MALLOC_DEFAULT, BenchError, machine, run_program, write_result

COLUMNS = 28
CHUNKS = {  # of the events, and of the label
    "1,000 rows": ((1000, COLUMNS), 1000),
    "1,000 rows, of the label 16,384": ((1000, COLUMNS), 16384),
    "one column of 42,969 rows, as h5py chooses": ((42969, 1), 10743),
}
CONFIG = """\
seed: {seed}
data:
  reader: dense
  train: {folder}/train.h5
  val: {folder}/val.h5
  objects:
    event: {{field: x, as: [{names}]}}
  label: {{field: label, classes: [s, t]}}
  features: {{event: {{{features}}}}}
  standardise: none
  workers: {workers}
model: {{name: mlp, widths: [8]}}
train: {{batch_size: {batch}, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""


def write(path, events, chunks, label_chunk):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (events, COLUMNS), "f4", chunks=(min(events, chunks[0]), chunks[1]))
        file.create_dataset("label", (events,), "u1", chunks=(min(events, label_chunk),))
        file["label"][events // 2:] = 1


def spread(ids, offsets, events):
    """Of whole batches."""
    batch = offsets[1]
    fractions = (ids[:len(ids) // batch * batch].reshape(-1, batch) < events // 2).mean(1)
    p = events // 2 / events
    return float(np.sqrt(np.mean((fractions - p) ** 2) / (p * (1 - p) / batch * (events - batch) / (events - 1))))


def measure(options, folder, seed, batch):
    names = [f"c{i}" for i in range(COLUMNS)]
    (folder / "spread.yaml").write_text(CONFIG.format(seed=seed, folder=folder, workers=options.workers, batch=batch, names=", ".join(names),
                                                      features=", ".join(f"f{name}: {name}" for name in names)))
    text, _ = run_program([options.binary.resolve(), "check", folder / "spread.yaml", "--order", folder / "order.h5", "--batches", -(-options.events // batch)],
                          MALLOC_DEFAULT, 1, TEVATRAIN_CACHE=str(folder / "cache"))
    with h5py.File(folder / "order.h5") as file:
        ids, offsets = file["sample_id"][:], file["offsets"][:]
    if not np.array_equal(np.bincount(ids, minlength=options.events), np.ones(options.events)):
        raise BenchError("the order does not hold every event once")
    return {"seed": seed, "spread": spread(ids, offsets, options.events), "printed_at_most": float(re.search(r"at most ([\d.]+) times", text)[1]),
            "shuffle_rows": int(re.search(r"shuffle_rows: (\d+)", text)[1])}


def main():
    options = contest.parse(__doc__, 11_000_000, rounds=4, more=[("--batch", {"type": int, "default": 1000})])
    cases = {}
    for name, chunks in CHUNKS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder) / "train.h5", options.events, *chunks)
            write(Path(folder) / "val.h5", 100, *chunks)
            rows = [measure(options, Path(folder), seed, options.batch) for seed in range(1, options.rounds + 1)]
        cases[name] = {"spread": statistics.fmean(row["spread"] ** 2 for row in rows) ** 0.5, "seeds": rows}
        print(json.dumps({"chunks": name, **cases[name]}), file=sys.stderr)
    date = datetime.date.today().isoformat()
    reached = all(case["spread"] <= 1.25 for case in cases.values())
    write_result({"date": date, "command": " ".join(sys.argv), "machine": machine(), "events": options.events, "batch_size": options.batch,
                  "target": 1.25, "reached": reached, "cases": cases}, options.out / f"{date}-shuffle-spread.json" if options.out else None)


if __name__ == "__main__":
    contest.main(main)
