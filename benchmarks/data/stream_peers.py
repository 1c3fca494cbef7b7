"""The peers of streaming: each reads one epoch of `x` [events, values] and prints events and seconds as JSON.

  sequential   H5Dread of the whole file, a chunk at a time, no shuffle
  map_style    the usual Dataset of single random events under a DataLoader; stops after --seconds
  chunk_items  the best h5py form found: workers take windows of whole chunks, shuffle their events, give batches
"""

import argparse
import functools
import time

import h5py
import hdf5plugin  # noqa: F401  (registers filters)
import numpy as np
import torch
from peer_loop import imports_are_done, print_result, run_loader
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info


class Chunks(IterableDataset):
    """Shuffled windows of whole chunks; every worker takes every n-th window."""

    def __init__(self, paths, batch, window, seed=0):
        self.paths, self.batch, self.window, self.seed = paths, batch, window, seed
        self.chunks = []
        for number, path in enumerate(paths):
            with h5py.File(path, "r") as file:
                rows, chunk = len(file["x"]), file["x"].chunks[0]
            self.chunks += [(number, slice(first, first + chunk)) for first in range(0, rows, chunk)]

    def __iter__(self):
        worker = get_worker_info()
        index, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        random = np.random.default_rng(self.seed)
        chunks = [self.chunks[i] for i in random.permutation(len(self.chunks))]
        windows = [chunks[i:i + self.window] for i in range(0, len(chunks), self.window)]
        open_file = functools.lru_cache(64)(lambda number: h5py.File(self.paths[number], "r", rdcc_nbytes=0)["x"])
        for window in windows[index::workers]:
            events = np.concatenate([open_file(number)[rows] for number, rows in window])
            events = events[random.permutation(len(events))]
            for first in range(0, len(events), self.batch):
                yield torch.from_numpy(events[first:first + self.batch])


class Events(Dataset):
    def __init__(self, path):
        self.path, self.file = path, None
        with h5py.File(path, "r") as file:
            self.rows = len(file["x"])

    def __len__(self):
        return self.rows

    def __getitem__(self, event):
        self.file = self.file or h5py.File(self.path, "r")
        return torch.from_numpy(self.file["x"][event])


def chunk_items(options):
    return run_loader(DataLoader(Chunks(options.files, options.batch, options.window), batch_size=None, num_workers=options.workers,
                                 prefetch_factor=8 if options.workers else None), first_only=options.first_only)


def map_style(options):
    return run_loader(DataLoader(Events(options.files[0]), batch_size=64, shuffle=True, num_workers=options.workers),
                      seconds=options.seconds)


def sequential(options):
    begin = time.perf_counter()
    with h5py.File(options.files[0], "r") as file:
        x = file["x"]
        rows = x.chunks[0] if x.chunks else 256
        out = np.empty((rows, x.shape[1]), x.dtype)
        for first in range(0, len(x), rows):
            count = min(rows, len(x) - first)
            x.read_direct(out, np.s_[first:first + count], np.s_[:count])
        return {"events": len(x), "seconds": time.perf_counter() - begin}


def main():
    imports_are_done()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers = {"sequential": sequential, "map_style": map_style, "chunk_items": chunk_items}
    parser.add_argument("peer", choices=peers)
    parser.add_argument("files", nargs="+", help="several for chunk_items only")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--window", type=int, default=16, help="chunks that are shuffled together")
    parser.add_argument("--first-only", action="store_true", help="chunk_items: stop at the first batch")
    parser.add_argument("--seconds", type=float, default=5, help="map_style stops after this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print_result(peer=options.peer, workers=options.workers, **peers[options.peer](options))


if __name__ == "__main__":
    main()
