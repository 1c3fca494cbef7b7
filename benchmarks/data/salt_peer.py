"""Batches of an ATLAS flavour-tagging file as salt reads them: one contiguous slice a batch, batches in random order.

After umami-hep/salt, salt/data/datasets.py and samplers.py (read 2026-11): the slice is read into a record array of the
variables wanted with `read_direct`, these become float32, padded rows are set to 0 and all is checked to be finite.
"""

import argparse

import h5py
import hdf5plugin  # noqa: F401  (registers filters)
import numpy as np
import torch
from numpy.lib.recfunctions import structured_to_unstructured
from peer_loop import print_result, run_loader
from torch.utils.data import DataLoader, Dataset, Sampler


class Slices(Sampler):
    """Contiguous batches, in random order."""

    def __init__(self, rows, batch):
        self.slices = [slice(first, min(first + batch, rows)) for first in range(0, rows, batch)]

    def __len__(self):
        return len(self.slices)

    def __iter__(self):
        return (self.slices[i] for i in torch.randperm(len(self.slices)))


class SliceDataset(Dataset):
    def __init__(self, path, variables, label):
        """variables: of each dataset; `jets` is read with its label as well, `tracks` with `valid`."""
        self.path, self.variables, self.label, self.file = path, variables, label, None
        with h5py.File(path) as file:
            self.rows = len(file["jets"])

    def __len__(self):
        return self.rows

    def open(self):
        self.file = h5py.File(self.path)
        self.arrays = {}
        for name, wanted in self.variables.items():
            dtype = self.file[name].dtype
            names = [*wanted, self.label if name == "jets" else "valid"]
            self.arrays[name] = np.empty(0, [(field, dtype[field]) for field in names])

    def __getitem__(self, rows):
        if self.file is None:
            self.open()
        inputs, masks = {}, {}
        for name, wanted in self.variables.items():
            dataset, records = self.file[name], self.arrays[name]
            records.resize((rows.stop - rows.start, *dataset.shape[1:]), refcheck=False)
            dataset.read_direct(records, rows)
            # A copy: the records are written over by the next batch, and their strides are none that torch knows.
            values = torch.from_numpy(structured_to_unstructured(records[wanted], dtype=np.float32, copy=True))
            if name == "jets":
                label = torch.as_tensor(records[self.label].copy(), dtype=torch.long)
            else:
                masks[name] = ~torch.from_numpy(records["valid"])
                values[masks[name]] = 0
            if not torch.isfinite(values).all():
                raise ValueError(f"{name}: a value is not finite")
            inputs[name] = values
        return inputs, masks, label


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--jets", nargs="+", required=True)
    parser.add_argument("--tracks", nargs="+", required=True)
    parser.add_argument("--label", default="flavour_label")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--batch", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dataset = SliceDataset(options.file, {"jets": options.jets, "tracks": options.tracks}, options.label)
    loader = DataLoader(dataset, batch_size=None, sampler=Slices(len(dataset), options.batch), num_workers=options.workers,
                        prefetch_factor=4 if options.workers else None)
    print_result(peer="salt", workers=options.workers, batch=options.batch, **run_loader(loader, lambda batch: len(batch[2])))


if __name__ == "__main__":
    main()
