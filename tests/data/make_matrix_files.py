"""Writes every filter x dtype x layout, and beside each file what h5py reads back from it: plain float64.

python make_matrix_files.py FOLDER

matrix.h5 and others hold datasets of ROWS rows each; expected_<name> holds the same paths, contiguous.
"""
import pathlib
import sys

import h5py
import hdf5plugin
import numpy as np

ROWS = 501

BLOSC = {f"blosc_{codec}_{shuffle}": hdf5plugin.Blosc(cname=codec, clevel=5, shuffle=number)
         for codec in ("blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd")
         for number, shuffle in ((hdf5plugin.Blosc.NOSHUFFLE, "none"), (hdf5plugin.Blosc.SHUFFLE, "bytes"),
                                 (hdf5plugin.Blosc.BITSHUFFLE, "bits"))}
OWN = {
    "none": {}, "gzip": {"compression": "gzip"}, "shuffle": {"shuffle": True}, "fletcher32": {"fletcher32": True},
    "gzip_shuffle": {"compression": "gzip", "shuffle": True}, "lzf": {"compression": "lzf"},
    "gzip_shuffle_fletcher32": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf_shuffle_fletcher32": {"compression": "lzf", "shuffle": True, "fletcher32": True},
    "lz4": hdf5plugin.LZ4(), "lz4_blocks": hdf5plugin.LZ4(nbytes=512), "lz4_shuffle": {**hdf5plugin.LZ4(), "shuffle": True},
    "zstd": hdf5plugin.Zstd(), "zstd_shuffle_fletcher32": {**hdf5plugin.Zstd(), "shuffle": True, "fletcher32": True}, **BLOSC,
}
LIBRARY = {"bitshuffle": hdf5plugin.Bitshuffle(), "blosc2": hdf5plugin.Blosc2(), "bzip2": hdf5plugin.BZip2(),
           "szip": {"compression": "szip"}, "scaleoffset": {"scaleoffset": 0}}
DTYPES = ["f2", "f4", "f8", ">f2", ">f4", ">f8", "i1", "u1", "i2", "u2", ">i2", "i4", "u4", ">u4", "i8", "u8", ">i8", "?"]
# Shape of a row and of a chunk: one number, rows in one piece, cut rows, cut rows of several dimensions.
LAYOUTS = {"scalar": ((), (64,)), "rows": ((6,), (50, 6)), "cut": ((7,), (40, 3)), "cube": ((3, 2, 5), (60, 2, 2, 2)),
           "slices": ((3, 4), (33, 1, 4)), "one_chunk": ((2,), (ROWS, 2))}


def values(shape, dtype):
    number = np.arange(np.prod((ROWS, *shape), dtype=int)).reshape(ROWS, *shape) * 7 % 120
    if np.dtype(dtype).kind == "f":
        return ((number - 60) / 8).astype(dtype)
    return (number % 2 if dtype == "?" else number - 60 * (np.dtype(dtype).kind == "i")).astype(dtype)


def simple(file, filters, layouts, dtypes=DTYPES):
    for name, options in filters.items():
        for layout in layouts:
            shape, chunk = LAYOUTS[layout]
            for dtype in dtypes:
                if name == "scaleoffset" and np.dtype(dtype).kind not in "iu":
                    continue
                file.create_dataset(f"{name}/{layout}/{dtype}", data=values(shape, dtype), chunks=chunk, **options)


def unusual(file):
    """Layouts of one dtype that say where chunks are, or are not."""
    x = values((6,), "f4")
    grown = file.create_dataset("grown", data=x[:100], chunks=(30, 6), maxshape=(None, 6), compression="gzip")
    for end in range(130, ROWS + 1, 53):
        grown.resize(min(end, ROWS), axis=0)
        grown[end - 53 if end > 130 else 100:end] = x[end - 53 if end > 130 else 100:end]
    grown.resize(ROWS, axis=0)
    shrunk = file.create_dataset("shrunk", (2 * ROWS, 6), "f4", chunks=(30, 6), maxshape=(None, 6))
    shrunk[:ROWS] = x
    shrunk[ROWS:] = 1
    shrunk.resize(ROWS, axis=0)
    sparse = file.create_dataset("sparse", (ROWS, 6), "f4", chunks=(30, 6), fillvalue=-7.5, compression="gzip")
    sparse[200:260] = x[200:260]
    file.create_dataset("never_written", (ROWS, 6), "f4", chunks=(30, 6))
    file.create_dataset("never_written_contiguous", (ROWS,), "f4", fillvalue=3)
    file.create_dataset("incompressible", data=np.random.default_rng(1).random((ROWS, 6)), chunks=(30, 6), compression="lzf")
    file.create_dataset("contiguous", data=x)
    file.create_dataset("contiguous_big_endian", data=x.astype(">f8"))
    file.create_dataset("two_unlimited", data=x, chunks=(30, 6), maxshape=(None, None), compression="gzip")
    file.create_dataset("one_unlimited", data=x, chunks=(30, 6), maxshape=(None, 6), compression="gzip")
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_layout(h5py.h5d.COMPACT)
    compact = h5py.h5d.create(file.id, b"compact", h5py.h5t.STD_I16BE, h5py.h5s.create_simple((ROWS,)), creation)
    h5py.Dataset(compact)[...] = values((), "i2")
    creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    creation.set_chunk((30, 6))
    creation.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    early = h5py.h5d.create(file.id, b"early", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((ROWS, 6)), creation)
    h5py.Dataset(early)[...] = x
    crowded = file.create_dataset("continued_header", data=x, chunks=(30, 6), compression="gzip")
    for number in range(60):
        crowded.attrs[f"attribute_{number}"] = "text " * 20
    colours = h5py.enum_dtype({"RED": 1, "GREEN": 2, "BLUE": 42}, basetype=">i2")
    file.create_dataset("enum", data=np.array([1, 2, 42])[np.arange(ROWS) % 3].astype(">i2"), dtype=colours, chunks=(64,))


def elsewhere(file, folder):
    """Datasets whose bytes lie in other files."""
    x = values((6,), "f4")
    half = x[:200].nbytes
    file.create_dataset("external", data=x, external=[(folder / "external_1.bin", 64, half), (folder / "external_2.bin", 0, x.nbytes - half)])
    layout = h5py.VirtualLayout((ROWS, 6), "f4")
    for first, last in ((0, 123), (200, ROWS)):
        layout[first:last] = h5py.VirtualSource(folder / "matrix.h5", "gzip/rows/f4", shape=(ROWS, 6))[first:last]
    file.create_virtual_dataset("virtual", layout, fillvalue=-1)


def expected(folder, name):
    """What h5py reads, as float64."""
    with h5py.File(folder / name, "r") as file, h5py.File(folder / f"expected_{name}", "w") as plain:
        def copy(path, item):
            if isinstance(item, h5py.Dataset):
                plain[path] = item[...].astype("f8")
        file.visititems(copy)


def compound(folder):
    record = np.dtype({"names": ["a", "b", "flag", "c", "array", "text", "d"],
                       "formats": ["f2", ">i4", "?", "u1", ("f4", (2, 3)), "S3", ">f8"], "offsets": [0, 2, 6, 7, 8, 32, 40], "itemsize": 56})
    filters = {name: OWN[name] for name in ("none", "gzip_shuffle", "lzf", "lz4", "zstd", "blosc_zstd_bytes")}
    with h5py.File(folder / "compound_matrix.h5", "w") as file, h5py.File(folder / "expected_compound_matrix.h5", "w") as plain:
        for layout, (shape, chunk) in LAYOUTS.items():
            rows = np.zeros((ROWS, *shape), record)
            for name in record.names:
                kind = record[name].base
                number = np.arange(rows[name].size).reshape(rows[name].shape) * 11 % 90
                rows[name] = number.astype("S3") if kind.kind == "S" else (number % 2 if kind == "?" else number).astype(kind)
            for filter_name, options in {**filters, **{"bitshuffle": LIBRARY["bitshuffle"]}}.items():
                if layout in ("cube", "slices") and filter_name == "bitshuffle":
                    continue
                path = f"{filter_name}/{layout}"
                file.create_dataset(path, data=rows, chunks=chunk, **options)
                back = file[path][...]
                for name in record.names:
                    if name != "text":
                        plain[f"{path}/{name}"] = back[name].astype("f8")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with h5py.File(target / "matrix.h5", "w") as f:
        simple(f, OWN, LAYOUTS)
        unusual(f)
    with h5py.File(target / "library.h5", "w") as f:
        simple(f, LIBRARY, ("scalar", "rows", "cut"), [d for d in DTYPES if d[0] != ">"])
        elsewhere(f, target)
    with h5py.File(target / "latest.h5", "w", libver=("v110", "v110")) as f:
        simple(f, {name: OWN[name] for name in ("none", "gzip_shuffle")}, LAYOUTS, ["f4", ">i2"])
        unusual(f)
    with h5py.File(target / "user_block.h5", "w", userblock_size=1024) as f:
        simple(f, {name: OWN[name] for name in ("none", "gzip_shuffle")}, LAYOUTS, ["f4"])
        unusual(f)
    for made in ("matrix.h5", "library.h5", "latest.h5", "user_block.h5"):
        expected(target, made)
    compound(target)
