#!/usr/bin/env python3
"""Seconds from the start of the process to the first batch of 1,024 events, from 1,000 files of 256 events of 64 float32.

  tevatrain            `tevatrain bench data --first-batch --stage raw`, to the end of the process: opens all files
  tevatrain_indexed    the same after `tevatrain index`
  h5py W               a DataLoader with W processes over whole chunks (chunk_items of stream_peers.py): opens all files for their sizes
  streaming W          mosaicml-streaming, 1,000 zstd shards
  weaver W             weaver-core on 1,000 Parquet files, four files read at a time, fixed standardisation

A run also fingerprints the files before its first step; this loads only, as the peers do. All shuffle windows of 4,096 events (weaver:
1,024). The page cache is warm. A peer's `after_imports_s` leaves out the start of Python and its imports: from the first statement behind them.
  benchmarks/data/first_batch_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import tempfile
import time
from pathlib import Path

import contest
import h5py
import hdf5plugin  # noqa: F401  (registers filters)
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from bench_runs import MALLOC_DEFAULT, run_program, run_python
from stream_compare import CONFIG
from weaver_compare import weaver
from zstd_compare import link_shards, mosaicml

VALUES, FILE_EVENTS, WINDOW = 64, 256, 4096
NAMES = [f"c{i}" for i in range(VALUES)]
WEAVER = f"""\
new_variables:
  is_a: 1 - label
  is_b: label
preprocess: {{method: manual}}
inputs:
  features: {{length: null, vars: [{", ".join(f"[{name}, null]" for name in NAMES)}]}}
labels: {{type: simple, value: [is_a, is_b]}}
"""


def write_h5(path, values, label):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", data=values, chunks=(FILE_EVENTS, VALUES), compression="gzip", compression_opts=1, shuffle=True)
        file["label"] = label


def make_files(folder, files):
    """train/*.h5, parquet/*.parquet and the shards of the same events."""
    random = np.random.default_rng(3)
    for name in ("train", "parquet"):
        (folder / name).mkdir()
    everything = []
    for number in range(files):
        values = random.normal(size=(FILE_EVENTS, VALUES)).astype("f4")
        label = random.integers(0, 2, FILE_EVENTS).astype("u1")
        write_h5(folder / f"train/{number:04}.h5", values, label)
        table = pa.table({**{name: values[:, i] for i, name in enumerate(NAMES)}, "label": label.astype("i8")})
        pq.write_table(table, folder / f"parquet/{number:04}.parquet", compression="LZ4")
        everything.append((values, label))
    write_h5(folder / "val.h5", *everything[0])
    write_h5(folder / "all.h5", np.concatenate([v for v, _ in everything]), np.concatenate([label for _, label in everything]))
    mosaicml("write", folder / "all.h5", folder / "shards", "--shard-events", FILE_EVENTS)


def first_batch(run):
    """Of a peer: seconds to its first batch."""
    begin = time.time()
    result = run()
    return {**result, "seconds": result["first_batch_unix_s"] - begin, "after_imports_s": result["first_batch_unix_s"] - result["ready_unix_s"]}


def contenders(options, folder):
    config = CONFIG.format(file=folder / "train" / "*.h5", val=folder / "val.h5", names=", ".join(NAMES), workers=options.workers, window=WINDOW,
                           budget=512)
    train, parquet = (sorted((folder / name).iterdir()) for name in ("train", "parquet"))
    weaver_config = folder / "weaver.yaml"
    weaver_config.write_text(WEAVER)

    def tevatrain(cache):
        result = contest.bench_data(options, config, "--stage", "raw", "--first-batch", TEVATRAIN_CACHE=str(cache))
        return {**result, "seconds": result["process_s"]}

    def tevatrain_new():
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            return tevatrain(cache)

    (folder / "index.yaml").write_text(config)
    run_program([options.binary.resolve(), "index", folder / "index.yaml"], MALLOC_DEFAULT, 1, TEVATRAIN_CACHE=str(folder / "cache"))

    def h5py_loader(workers):
        return run_python("data/stream_peers.py", "chunk_items", *train, "--workers", workers, "--window", WINDOW // FILE_EVENTS,
                          "--first-only", malloc=MALLOC_DEFAULT, threads=1)

    def streaming(workers):
        with tempfile.TemporaryDirectory(dir=folder) as work:
            local = link_shards(folder / "shards", Path(work) / "local")
            return mosaicml("read", local, "--workers", workers, "--block", WINDOW, "--first-only")[0]

    def weaver_loader(workers):
        return weaver(*parquet, "--workers", workers, "--batch", 1024, "--by-files", "--fetch-step", 4, "--first-only", config=weaver_config)

    result = {"tevatrain": tevatrain_new, "tevatrain_indexed": lambda: tevatrain(folder / "cache")}
    for name, peer in (("h5py", h5py_loader), ("streaming", streaming), ("weaver", weaver_loader)):
        for workers in range(options.workers + 1):
            result[f"{name} {workers}"] = lambda peer=peer, workers=workers: first_batch(lambda: peer(workers))
    return result


def main():
    options = contest.parse(__doc__, FILE_EVENTS * 1000)
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), options.events // FILE_EVENTS)
        all_of = contenders(options, Path(name))
        peers = [[peer for peer in all_of if peer.startswith(kind)] for kind in ("h5py", "streaming", "weaver")]
        contest.run("first-batch", options, all_of, [contest.Ratio(ours, kind, 1 / 3) for ours in ("tevatrain", "tevatrain_indexed") for kind in peers], measured="seconds",
                    files=options.events // FILE_EVENTS)


if __name__ == "__main__":
    contest.main(main)
