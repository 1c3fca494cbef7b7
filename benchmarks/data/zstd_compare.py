#!/usr/bin/env python3
"""A zstd file as `tevatrain repack` writes it against mosaicml-streaming with zstd shards of the same events, in events/s.

Events of 1,024 float32, padded with zeros; batches of 1,024; the page cache is warm.
  tevatrain            `tevatrain bench data --stage raw`: shuffled among all events; decompresses every epoch
  streaming W          shuffled among all events, with W processes; the shards lie there decompressed since an epoch before
  streaming_first W    that epoch, which decompresses them. Both end after 5 s, long after the first batch, which needs all shards
  tevatrain_window     shuffled in windows of 4,096 events, as blocks has them
  blocks W             the best form of it found: a sample is a block of 256 events, windows of 16 blocks are shuffled in the
                       processes; decompressed shards

  .venv/bin/pip install --target=.peers/mosaicml --no-deps -r benchmarks/data/mosaicml_requirements.txt
  benchmarks/data/zstd_compare.py build/cpu/bin/tevatrain --out benchmarks/results
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import contest
import hdf5plugin
from bench_runs import MALLOC_DEFAULT, run_program
from stream_compare import CONFIG, VALUES, WINDOW, make_file

REQUIREMENTS = "benchmarks/data/mosaicml_requirements.txt"
BLOCK_ROWS = 256
SECONDS = 5


def mosaicml(*arguments):
    """Runs mosaicml_peer.py; its lines."""
    text, wall = run_program([sys.executable, Path(__file__).parent / "mosaicml_peer.py", *arguments], MALLOC_DEFAULT, 1,
                             PYTHONPATH=str(contest.peer_folder("mosaicml", REQUIREMENTS)))
    return [{**json.loads(line), "process_s": wall} for line in text.splitlines() if line.startswith("{")]


def link_shards(source, target):
    """A folder with the compressed shards only: reading leaves decompressed ones beside them."""
    target.mkdir()
    for file in (*source.glob("*.zstd"), source / "index.json"):
        os.link(file, target / file.name)
    return target


class Streaming:
    """Two epochs of a process; the contenders of one number of processes share it, the first one runs it."""

    def __init__(self, shards, rows, workers):
        self.shards, self.arguments, self.epochs = shards, ["--rows", rows, "--workers", workers, "--epochs", 2, "--seconds", SECONDS], []

    def run(self):
        with tempfile.TemporaryDirectory(dir=self.shards.parent) as work:
            self.epochs = mosaicml("read", link_shards(self.shards, Path(work) / "local"), *self.arguments)

    def first(self):
        self.run()
        return self.epochs[0]

    def second(self, again=False):
        if again:
            self.run()
        return self.epochs[1]


def contenders(options, folder, zstd):
    val = make_file(folder / "val.h5", 256)

    def ours(window, budget):
        config = CONFIG.format(file=zstd, val=val, names=", ".join(f"c{i}" for i in range(VALUES)), workers=options.workers,
                               window=window, budget=budget)
        return contest.bench_data(options, config, "--stage", "raw")

    result = {"tevatrain": lambda: ours(0, 4096)}
    for workers in range(options.workers + 1):
        events = Streaming(folder / "shards", 1, workers)
        result[f"streaming_first {workers}"] = events.first
        result[f"streaming {workers}"] = events.second
    result["tevatrain_window"] = lambda: ours(WINDOW, 128)
    for workers in range(options.workers + 1):
        result[f"blocks {workers}"] = lambda blocks=Streaming(folder / "blocks", BLOCK_ROWS, workers): blocks.second(again=True)
    return result


def main():
    options = contest.parse(__doc__, 131072)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zstd = make_file(folder / "zstd.h5", options.events, shuffle=True, **hdf5plugin.Zstd(clevel=3))
        mosaicml("write", zstd, folder / "shards")
        mosaicml("write", zstd, folder / "blocks", "--rows", BLOCK_ROWS)
        all_of = contenders(options, folder, zstd)
        events = [peer for peer in all_of if peer.startswith("streaming")]
        blocks = [peer for peer in all_of if peer.startswith("blocks")]
        contest.run("zstd", options, all_of, [contest.Ratio("tevatrain", events, 2), contest.Ratio("tevatrain_window", blocks, 2)],
                    bytes={"zstd.h5": zstd.stat().st_size,
                           **{kind: sum(file.stat().st_size for file in (folder / kind).glob("*.zstd")) for kind in ("shards", "blocks")}})


if __name__ == "__main__":
    contest.main(main)
