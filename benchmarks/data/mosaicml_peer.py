"""mosaicml-streaming: zstd shards, written and read by its own classes.

  write HDF5 FOLDER    the datasets `x` and `label` as shards; a sample is one event, or a block of --rows events
  read FOLDER          epochs of shuffled batches; a line each. The first one decompresses the shards into files beside them.
                       With --rows as they were written, workers shuffle the events of 16 blocks: less mixing, fewer samples
"""

import argparse
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers filters)
import numpy as np
import torch
from peer_loop import imports_are_done, print_result, run_loader
from streaming import MDSWriter, StreamingDataLoader, StreamingDataset
from streaming.base.util import clean_stale_shared_memory
from torch.utils.data import DataLoader, IterableDataset

WINDOW_BLOCKS = 16


class Blocks(IterableDataset):
    """Batches out of shuffled windows of blocks."""

    def __init__(self, dataset, batch):
        self.dataset, self.batch = dataset, batch

    def __iter__(self):
        random, window = np.random.default_rng(), []
        for sample in self.dataset:
            window.append(sample)
            if len(window) == WINDOW_BLOCKS:
                yield from self.batches(window, random)
                window = []
        if window:
            yield from self.batches(window, random)

    def batches(self, window, random):
        columns = {name: np.concatenate([sample[name] for sample in window]) for name in window[0]}
        order = random.permutation(len(columns["label"]))
        for first in range(0, len(order), self.batch):
            chosen = order[first:first + self.batch]
            yield {name: torch.from_numpy(values[chosen]) for name, values in columns.items()}


def write(options):
    with h5py.File(options.file) as file:
        x, label = file["x"], file["label"]
        rows = f"{options.rows}," if options.rows > 1 else ""
        columns = {"x": f"ndarray:{x.dtype.name}:{rows}{x.shape[1]}", "label": f"ndarray:int64:{options.rows}"}
        # A shard is full when its bytes are: about the events asked for, or the library's own 64 MiB.
        limit = {"size_limit": options.shard_events * (x.shape[1] * x.dtype.itemsize + 16)} if options.shard_events else {}
        with MDSWriter(out=str(options.folder), columns=columns, compression="zstd", **limit) as out:
            for first in range(0, len(x) - options.rows + 1, options.rows):
                values, kinds = x[first:first + options.rows], label[first:first + options.rows].astype(np.int64)
                out.write({"x": values if options.rows > 1 else values[0], "label": kinds})
    print_result(shards=len(list(options.folder.glob("*.zstd"))))


def read(options):
    clean_stale_shared_memory()
    single = options.rows == 1
    dataset = StreamingDataset(local=str(options.folder), shuffle=True, batch_size=options.batch if single else 1,
                               num_canonical_nodes=1, shuffle_block_size=max(1, options.block // options.rows))
    workers = {"num_workers": options.workers, "prefetch_factor": 8 if options.workers else None,
               "persistent_workers": options.workers > 0}
    loader = (StreamingDataLoader(dataset, batch_size=options.batch, **workers) if single else
              DataLoader(Blocks(dataset, options.batch), batch_size=None, **workers))
    for epoch in range(options.epochs):
        print_result(peer="mosaicml-streaming", epoch=epoch, workers=options.workers, rows=options.rows,
                     **run_loader(loader, lambda batch: len(batch["label"]), options.seconds, options.first_only))


def main():
    imports_are_done()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("write")
    command.add_argument("file", type=Path)
    command.add_argument("folder", type=Path)
    command.add_argument("--rows", type=int, default=1, help="events a sample")
    command.add_argument("--shard-events", type=int)
    command.set_defaults(run=write)
    command = commands.add_parser("read")
    command.add_argument("folder", type=Path)
    command.add_argument("--rows", type=int, default=1, help="events a sample")
    command.add_argument("--workers", type=int, default=0)
    command.add_argument("--batch", type=int, default=1024)
    command.add_argument("--block", type=int, default=1 << 18, help="events that are shuffled together")
    command.add_argument("--epochs", type=int, default=1)
    command.add_argument("--seconds", type=float, default=float("inf"), help="an epoch ends after this")
    command.add_argument("--first-only", action="store_true", help="stop at the first batch")
    command.set_defaults(run=read)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


if __name__ == "__main__":
    main()
