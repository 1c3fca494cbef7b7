"""Writes small files of which a test damages every byte: checksums over all chunks, and in latest.h5 over all metadata too.

python make_flip_files.py FOLDER
"""
import pathlib
import sys

import h5py
import numpy as np

ROWS = 40

if __name__ == "__main__":
    for name, bounds in (("earliest.h5", ("earliest", "v108")), ("latest.h5", ("v110", "v110"))):
        with h5py.File(pathlib.Path(sys.argv[1]) / name, "w", libver=bounds) as file:
            x = np.arange(ROWS * 6).reshape(ROWS, 6)
            file.create_dataset("packed", data=(x * 0.5).astype("f4"), chunks=(16, 6), compression="gzip", shuffle=True, fletcher32=True)
            file.create_dataset("summed", data=x[:, :2].astype("i2"), chunks=(9, 2), fletcher32=True)
            file.create_dataset("grown", data=x[:, 0].astype(">f8"), chunks=(12,), maxshape=(None,), fletcher32=True, compression="lzf")
            extents = np.zeros(ROWS, [("first", "u4"), ("N", "u2")])
            extents["first"], extents["N"] = np.arange(ROWS), 1
            file.create_dataset("extents", data=extents, chunks=(ROWS,), compression="gzip", fletcher32=True)
