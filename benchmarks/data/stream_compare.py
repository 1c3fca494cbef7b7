#!/usr/bin/env python3
"""Streaming of HDF5 against its peers, interleaved and repeated, in events/s: 131,072 events of 1,024 float32, padded with
zeros, in chunks of 1 MiB, as gzip + shuffle and uncompressed; the page cache is warm, or with --cold has none of the file when a contender starts.

  tevatrain     `tevatrain bench data --stage raw`: batches of 1,024 out of shuffled windows of 4,096 events, as chunk_items has them,
                two workers, 128 MiB for loading
  tevatrain_all the same out of one window of all events, which are then held in memory that is touched for the first time
  delivered     `--stage read`: chunks brought into memory, without batches
  raw           the file's bytes by plain reads in the same process and with as many threads, best of three passes (with --cold one)
  raw_shuffled  with --cold, the same in shuffled blocks of 1 MiB, without reading ahead
  and the peers of stream_peers.py; chunk_items with 0, 1 and 2 workers, of which the best counts

  benchmarks/data/stream_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import argparse
import datetime
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_runs import MALLOC_DEFAULT, BenchError, machine, run_program, run_python, write_result  # noqa: E402

VALUES = 1024
WINDOW = 4096       # events that are shuffled together: 16 chunks
CONFIG = """\
data:
  reader: dense
  train: {file}
  val: {val}
  objects:
    event: {{field: x, as: [{names}]}}
  label: {{field: label, classes: [a, b]}}
  features: {{event: {{first: c0}}}}
  workers: {workers}
  shuffle_rows: {window}
  budget_mib: {budget}
model: {{name: mlp, widths: [8]}}
train: {{batch_size: 1024, device: cpu, threads: 1}}
optimizer: {{name: adam, lr: 1e-3}}
"""
TARGETS = {"gzip: tevatrain / chunk_items": 3, "gzip: tevatrain / map_style": 250, "gzip: tevatrain / sequential": 3,
           "plain: delivered / raw": 0.85, "plain: delivered / raw_shuffled": None}


def make_file(path, events, **options):
    """Events of 100 to 900 values that fall like momenta, then zeros."""
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        x = file.create_dataset("x", (events, VALUES), "f4", chunks=(256, VALUES), **options)
        for first in range(0, events, 4096):
            count = min(4096, events - first)
            values = np.sort(random.exponential(10, (count, VALUES)).astype("f4"))[:, ::-1]
            values[np.arange(VALUES)[None] >= random.integers(100, 560, count)[:, None]] = 0
            x[first:first + count] = values
        file["label"] = (np.arange(events) % 2).astype("u1")
    return path


def run_tevatrain(options, file, stage, window, budget):
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "stream.yaml"
        names = ", ".join(f"c{i}" for i in range(VALUES))
        val = make_file(Path(folder) / "val.h5", 256)
        config.write_text(CONFIG.format(file=file, val=val, names=names, workers=options.workers, window=window, budget=budget))
        text, _ = run_program([options.binary.resolve(), "bench", "data", config, "--stage", stage, "--json", *["--cold"] * options.cold],
                              MALLOC_DEFAULT, 1)
    return json.loads(text)


def run_peer(peer, file, workers):
    return run_python("data/stream_peers.py", peer, file, "--workers", workers, malloc=MALLOC_DEFAULT, threads=1)


def forget(file):
    """Drops a file from the page cache."""
    with open(file, "rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run_round(options, files):
    prepare = forget if options.cold else lambda file: None
    rates = {}
    for name, file in files.items():
        for series, stage, window, budget in (("tevatrain", "raw", WINDOW, 128), ("tevatrain_all", "raw", 0, 4096),
                                              ("delivered", "read", WINDOW, 128)):
            result = rates[f"{name}: {series}"] = run_tevatrain(options, file, stage, window, budget)
        for order in ("raw", *["raw_shuffled"] * options.cold):
            mib_s = result["raw_read_mib_s" if order == "raw" else "raw_shuffled_mib_s"]
            rates[f"{name}: {order}"] = {"events": options.events, "seconds": file.stat().st_size / 2**20 / mib_s}
        for workers in (0, 1, 2):
            prepare(file)
            rates[f"{name}: chunk_items {workers}"] = run_peer("chunk_items", file, workers)
        prepare(file)
        rates[f"{name}: sequential"] = run_peer("sequential", file, 1)
    prepare(files["gzip"])
    rates["gzip: map_style"] = run_peer("map_style", files["gzip"], options.workers)
    return {name: result["events"] / result["seconds"] for name, result in rates.items()}


def summary(rounds):
    median = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    for name in ("gzip", "plain"):
        median[f"{name}: chunk_items"] = max(median[f"{name}: chunk_items {workers}"] for workers in (0, 1, 2))
    ratios = {}
    for pair, target in TARGETS.items():
        ours, peer = (part if ": " in part else f"{pair.split(': ')[0]}: {part}" for part in pair.split(" / "))
        if peer not in median:
            continue
        ratio = median[ours] / median[peer]
        ratios[pair] = {"ratio": ratio, "target": target, "reached": ratio >= target} if target else {"ratio": ratio}
    return {"median_events_per_s": median, "ratios": ratios}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path, help="the program tevatrain")
    parser.add_argument("--events", type=int, default=131072)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cold", action="store_true", help="drop the file from the page cache before each contender")
    parser.add_argument("--out", type=Path, help="folder for <date>-stream.json, with --cold <date>-stream-cold.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = {"gzip": make_file(Path(folder) / "gzip.h5", options.events, compression="gzip", compression_opts=1, shuffle=True),
                 "plain": make_file(Path(folder) / "plain.h5", options.events)}
        sizes = {name: file.stat().st_size for name, file in files.items()}
        rounds = []
        for number in range(options.rounds):
            rounds.append(run_round(options, files))
            print(f"round {number + 1} of {options.rounds}: " + json.dumps({k: round(v) for k, v in rounds[-1].items()}), file=sys.stderr)
    date = datetime.date.today().isoformat()
    result = {"date": date, "command": "benchmarks/data/stream_compare.py" + " --cold" * options.cold, "machine": machine(), "events": options.events,
              "bytes": sizes, "workers": options.workers, **summary(rounds), "rounds": rounds}
    write_result(result, options.out / f"{date}-stream{'-cold' * options.cold}.json" if options.out else None)


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"stream_compare: {error}")
