"""Writes the files that the tests of data/ read, each with its own usual writer.

python make_test_files.py FOLDER

Values follow one rule so that a test can compute them: value(row, column) = 100 * row + column, taken modulo what the
type can hold where it is narrow.
"""
import pathlib
import sys

import h5py
import hdf5plugin
import numpy as np
import pandas as pd

ROWS = 1000


def values(rows, columns, dtype, modulo=None):
    grid = 100 * np.arange(rows)[:, None] + np.arange(columns)[None, :]
    return (grid % modulo if modulo else grid).astype(dtype)


def pandas_tables(folder):
    jets = pd.DataFrame(values(ROWS, 804, "f4"), columns=[f"c{i}" for i in range(804)])
    jets["ttv"] = np.arange(ROWS) % 3
    jets["is_signal_new"] = np.arange(ROWS) % 2
    jets.to_hdf(folder / "top_jets.h5", key="table", format="table", complib="blosc", complevel=5)
    other = pd.DataFrame({"pt": np.arange(50.0), "n": np.arange(50), "good": np.arange(50) % 2 == 0, "name": "jet"})
    other.to_hdf(folder / "other_key.h5", key="events/jets", format="table", data_columns=True, complib="blosc:zstd",
                 complevel=5)
    other[["pt"]].to_hdf(folder / "two_tables.h5", key="a", format="table")
    other[["pt"]].to_hdf(folder / "two_tables.h5", key="b", format="table")


def pandas_fixed(folder):
    """Columns of three types in no order, as blocks; and a frame of numbers whose columns are numbers, as the LHC Olympics have."""
    frame = pd.DataFrame({"pt": np.arange(ROWS, dtype="f4"), "n": np.arange(ROWS) % 7, "eta": np.arange(ROWS, dtype="f4") / 8,
                          "mass": np.arange(ROWS) * 2.5, "label": np.arange(ROWS) % 2})
    frame.to_hdf(folder / "fixed.h5", key="jets", format="fixed", complib="blosc", complevel=5)
    pd.DataFrame(values(ROWS, 22, "f8")).to_hdf(folder / "olympics.h5", key="df", format="fixed", complib="blosc:zstd", complevel=3)
    for name, names in (("same_names", ["pt", "pt"]), ("more_names", ["pt", "eta", "phi"])):
        with h5py.File(folder / f"{name}.h5", "w") as f:
            f["jets/block0_values"], f["jets/block0_items"] = values(ROWS, 2, "f4"), np.array(names, "S3")
            f["jets"].attrs["pandas_type"] = np.bytes_("frame")
    with pd.HDFStore(folder / "two_frames.h5", "w") as store:
        for key in ("a", "b"):
            store.put(key, frame, format="fixed", track_times=False)


def dense(folder):
    with h5py.File(folder / "dense.h5", "w") as f:
        f.create_dataset("x", data=values(ROWS, 5, "f4"), chunks=(64, 5), compression="gzip", shuffle=True)
        cells = values(ROWS, 12, "f8").reshape(ROWS, 3, 4)
        f.create_dataset("showers/cells", data=cells, chunks=(100, 3, 2), maxshape=(None, 3, 4))
        f.create_dataset("big_endian", data=values(ROWS, 2, ">f4"))
        f.create_dataset("half", data=values(ROWS, 2, "f2", modulo=1024), compression=hdf5plugin.LZ4(), chunks=(128, 2))
        f.create_dataset("flag", data=np.arange(ROWS) % 3 == 0)
        for name in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"):
            f.create_dataset("int/" + name, data=values(ROWS, 1, name, modulo=100).reshape(ROWS))
        f["huge"] = np.full(ROWS, 2**63, "u8")
        f["fraction"] = np.arange(ROWS) / 4
        f["name"] = [b"jet"] * ROWS
        f.create_dataset("ragged", (ROWS,), dtype=h5py.vlen_dtype("f4"), chunks=(64,), compression="gzip")
        for row in range(ROWS):
            f["ragged"][row] = (100 * row + np.arange(row % 7 * 2)).astype("f4")
        f.create_dataset("texts", (ROWS,), dtype=h5py.string_dtype())
        f["one_value"] = 3.5
        f["short"] = np.zeros(ROWS - 1, "f4")
        f["x"].attrs["unit"] = "GeV"
        f["x"].attrs["range"] = [0.0, 1.5]
    with h5py.File(folder / "beyond.h5", "w") as f:
        beyond = np.ones((20, 2))
        beyond[7] = 1e40, -1e40  # finite, but not as float32
        f["x"], f["label"], f["ones"] = beyond, np.arange(20) % 2, np.ones((20, 2))


def compound(folder):
    jets = np.zeros(ROWS, dtype=[("pt", "f4"), ("n", "u1"), ("flavour", "i4"), ("name", "S4"), ("p4", "f8", (2, 2))])
    jets["pt"], jets["n"], jets["flavour"] = np.arange(ROWS), np.arange(ROWS) % 40, np.arange(ROWS) % 3
    jets["p4"] = values(ROWS, 4, "f8").reshape(ROWS, 2, 2)
    tracks = np.zeros((ROWS, 40), dtype=[("d0", "f2"), ("z0", "f4"), ("hits", "i2"), ("valid", "?")])
    grid = values(ROWS, 40, "f4")
    tracks["d0"], tracks["z0"], tracks["hits"] = grid % 512, grid, grid % 7
    tracks["valid"] = np.arange(40)[None, :] < (np.arange(ROWS) % 40)[:, None]
    with h5py.File(folder / "compound.h5", "w") as f:
        f.create_dataset("jets", data=jets, compression=hdf5plugin.LZ4(), chunks=(100,))
        f.create_dataset("tracks", data=tracks, compression="gzip", chunks=(10, 40))
        f["label"] = np.arange(ROWS) % 3


def flat(folder):
    """Events of 0 to 29 rows, one of them longer than a chunk; each way in which files tell which rows belong to an event."""
    counts = np.arange(ROWS) * 7 % 30
    counts[17] = 3000
    first = np.concatenate([[0], np.cumsum(counts)])
    rows = first[-1]
    event = np.repeat(np.arange(ROWS), counts)
    extents = np.zeros(ROWS, [("first", "u8"), ("N", "u4")])
    with h5py.File(folder / "flat.h5", "w") as f:
        # larcv3: records of voxels, chunks of 1000, extents
        voxels = np.zeros(rows, [("id", "u8"), ("value", "f4")])
        voxels["id"], voxels["value"] = np.arange(rows), event / 4
        extents["first"], extents["N"] = first[:-1], counts
        f.create_dataset("voxels/voxels", data=voxels, chunks=(1000,), compression="gzip")
        f.create_dataset("voxels/extents", data=extents, chunks=(100,), compression="gzip")
        # EnergyFlow MOD: rows of numbers and where they begin
        f.create_dataset("pfcs", data=values(rows, 3, "f8"), chunks=(777, 3), compression="gzip", shuffle=True)
        f["pfcs_index"] = first.astype("u4")
        f["pfcs_first"] = first[:-1].astype("u4")
        # NuML: a column a dataset; counts of the events that have rows
        f["hit/integral"] = np.arange(rows, dtype="f4")
        f["hit/plane"] = (event % 3).astype("i4")
        f["hit/counts"] = counts
        pairs = np.stack([np.arange(ROWS), counts], 1)[counts > 0]
        f["hit/event_id.seq_cnt"] = pairs
        f["hit/unsorted"] = pairs[::-1]
        # columns in chunks that no event crosses
        place, end = np.zeros(ROWS, int), 0
        for i, count in enumerate(counts):
            if count <= 512 and end % 512 + count > 512:
                end += 512 - end % 512
            place[i], end = end, end + count
        at = np.concatenate([np.arange(p, p + n) for p, n in zip(place, counts)])
        for name, column in (("pt", event + 0.5), ("index", np.arange(rows)), ("p3", values(rows, 3, "f4"))):
            full = np.full((end, *np.shape(column)[1:]), -1, np.asarray(column).dtype if name == "index" else "f4")
            full[at] = column
            f.create_dataset(f"part/{name}", data=full, chunks=(512, *full.shape[1:]), compression="gzip", shuffle=True)
        extents["first"] = place
        f["part/extents"] = extents
        # a group with offsets of its own
        f["own/row"] = np.arange(rows, dtype="f4")
        f["own/offsets"] = first
        f["label"] = np.arange(ROWS) % 2
        extents["first"][5] = end
        f["part/bad_extents"] = extents
        f["hit/bad_counts"] = counts + (np.arange(ROWS) == 3)
        f["hit/bad_offsets"] = first[::-1]
        f["hit/late_offsets"] = np.maximum(first, 1)
        extents["first"], extents["N"] = 1 + 2 * np.arange(ROWS), 2
        f["hit/late_extents"] = extents
        extents["first"][3] = 2**63
        f["hit/huge_extents"] = extents


def many_flat(folder):
    """Megabytes of rows with empty events first, last and in a long run; the same without chunks."""
    counts = np.arange(20000) * 13 % 30
    counts[:50] = counts[-50:] = counts[5000:9000] = 0
    first = np.concatenate([[0], np.cumsum(counts)])
    with h5py.File(folder / "many_flat.h5", "w") as f:
        f.create_dataset("rows", data=values(first[-1], 3, "f4"), chunks=(8192, 3), compression="gzip", compression_opts=1)
        f["plain"] = values(first[-1], 3, "f4")
        f["offsets"] = first
        f["counts"] = counts
    with h5py.File(folder / "huge_label.h5", "w") as f:
        # never written: all zero
        f.create_dataset("x", (40_000, 256), "f4", chunks=(64, 256))
        f.create_dataset("label", (40_000,), "i8", chunks=(40_000,))
    with h5py.File(folder / "huge_events.h5", "w") as f:
        # never written either
        f.create_dataset("x", (40, 200_000), "f4", chunks=(1, 200_000))
        f["label"] = np.arange(40) % 2
    with h5py.File(folder / "long_rows.h5", "w") as f:
        # a few rows with nearly all of the values, next to each other
        rows = f.create_dataset("ragged", (500,), dtype=h5py.vlen_dtype("f4"), chunks=(64,), compression="gzip")
        for row in range(500):
            rows[row] = np.arange(300_000 if 100 <= row < 104 else row % 5, dtype="f4")
    with h5py.File(folder / "linked.h5", "w") as f:
        f["near"] = np.zeros((20000, 3), "f4")
        f["far"] = h5py.ExternalLink("many_flat.h5", "/counts")


def parts(folder):
    """Three files of one set, numbered so that text order is not number order; a copy; and one that does not fit."""
    first = 0
    for number, rows in ((1, 300), (2, 0), (10, 500)):
        with h5py.File(folder / f"part_{number}.h5", "w") as f:
            x = values(ROWS, 4, "f4")[first : first + rows]
            f.create_dataset("x", data=x, chunks=(50, 4), maxshape=(None, 4))
        first += rows
    with h5py.File(folder / "part_double.h5", "w") as f:
        f["x"] = values(10, 4, "f8")
    with h5py.File(folder / "part_wide.h5", "w") as f:
        f["x"] = values(10, 5, "f4")
    with h5py.File(folder / "many_units.h5", "w") as f:
        f.create_dataset("x", data=values(20000, 64, "f4"), chunks=(1000, 64))
        f.create_dataset("contiguous", data=values(20000, 64, "f4"))


def virtual(folder):
    """Virtual datasets x and y: of whole files, and of what is not that."""
    def write(name, **datasets):
        with h5py.File(folder / f"virtual_{name}.h5", "w") as f:
            for path, sources in datasets.items():
                layout = h5py.VirtualLayout((sum(last - first for *_, first, last in sources), 4), "f4")
                row = 0
                for file, dataset, rows, first, last in sources:
                    source = h5py.VirtualSource(file, dataset, shape=(rows, 4))  # all of it has another form in the file
                    layout[row:row + last - first] = source if last - first == rows and "pair_2" in file else source[first:last]
                    row += last - first
                f.create_virtual_dataset(path, layout)
    for number in (1, 2):
        with h5py.File(folder / f"pair_{number}.h5", "w") as f:
            f.create_dataset("x", data=values(300, 4, "f4"), chunks=(50, 4))
            f.create_dataset("y", data=-values(300, 4, "f4"), chunks=(50, 4))
    first, second = ("pair_1.h5", "x", 300, 0, 300), (str((folder / "pair_2.h5").resolve()), "x", 300, 0, 300)
    y_of = lambda source: (source[0], "y", *source[2:])
    write("whole", x=[first, second], y=[y_of(first), y_of(second)])
    write("crossed", x=[first, second], y=[y_of(second), y_of(first)])
    write("renamed", x=[first, ("pair_2.h5", "y", 300, 0, 300)])
    write("partial", x=[("pair_1.h5", "x", 300, 100, 300), second])
    write("head", x=[("pair_1.h5", "x", 300, 0, 200), second])
    with h5py.File(folder / "virtual_gap.h5", "w") as f:
        layout = h5py.VirtualLayout((310, 4), "f4")
        layout[10:] = h5py.VirtualSource("pair_1.h5", "x", shape=(300, 4))
        f.create_virtual_dataset("x", layout, fillvalue=7)
    with h5py.File(folder / "virtual_hole.h5", "w") as f:  # where the other rows of the first file would be
        layout = h5py.VirtualLayout((600, 4), "f4")
        layout[:200] = h5py.VirtualSource("pair_1.h5", "x", shape=(300, 4))[:200]
        layout[300:] = h5py.VirtualSource("pair_2.h5", "x", shape=(300, 4))
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "virtual_ends.h5", "w") as f:  # the first and the last row of a file
        layout = h5py.VirtualLayout((300, 4), "f4")
        layout[::299] = h5py.VirtualSource("pair_1.h5", "x", shape=(300, 4))[::299]
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "virtual_doubled.h5", "w") as f:  # the same rows twice, and others not at all
        layout = h5py.VirtualLayout((600, 4), "f4")
        for number in (1, 2):
            layout[:300] = h5py.VirtualSource(f"pair_{number}.h5", "x", shape=(300, 4))
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "values.h5", "w") as f:
        f["a"], f["b"] = np.float32(7), np.float32(8)
        f["blocks"] = values(300, 4, "f4").reshape(300, 2, 2)
    with h5py.File(folder / "virtual_values.h5", "w") as f:
        layout = h5py.VirtualLayout((2,), "f4")
        for row, name in enumerate("ab"):
            layout[row] = h5py.VirtualSource("values.h5", name, shape=())
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "virtual_blocks.h5", "w") as f:
        layout = h5py.VirtualLayout((300, 4), "f4")
        layout[:] = h5py.VirtualSource("values.h5", "blocks", shape=(300, 2, 2))
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "wide.h5", "w") as f:
        f.create_dataset("x", data=values(300, 8, "f4"), chunks=(50, 8))
    with h5py.File(folder / "virtual_narrow.h5", "w") as f:
        layout = h5py.VirtualLayout((300, 4), "f4")
        layout[:] = h5py.VirtualSource("wide.h5", "x", shape=(300, 8))[:, :4]
        f.create_virtual_dataset("x", layout)
    write("grown", x=[("pair_1.h5", "x", 200, 0, 200), second])
    write("short", x=[("pair_1.h5", "x", 400, 0, 400), second])
    with h5py.File(folder / "virtual_strided.h5", "w") as f:  # every second row from each file, and more of them than there are
        layout = h5py.VirtualLayout((640, 4), "f4")
        layout[0::2] = h5py.VirtualSource("pair_1.h5", "x", shape=(320, 4))[:320]
        layout[1::2] = h5py.VirtualSource("pair_2.h5", "x", shape=(320, 4))[:320]
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "virtual_widened.h5", "w") as f:  # the file behind it became wider
        layout = h5py.VirtualLayout((300, 4), "f4")
        layout[:] = h5py.VirtualSource("wide.h5", "x", shape=(300, 4))
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "virtual_retyped.h5", "w") as f:
        layout = h5py.VirtualLayout((300, 4), "f8")
        layout[:] = h5py.VirtualSource("pair_1.h5", "x", shape=(300, 4), dtype="f4")
        f.create_virtual_dataset("x", layout)
    write("missing", x=[first, ("gone.h5", "x", 300, 0, 300)])


def damaged(folder):
    whole = (folder / "dense.h5").read_bytes()
    (folder / "truncated.h5").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.h5").write_bytes(b"")
    (folder / "text.h5").write_text("pt,eta,phi\n1,2,3\n" * 100)
    (folder / "bad_chunk.h5").write_bytes(whole)
    with h5py.File(folder / "bad_chunk.h5", "r") as f:
        chunk = f["x"].id.get_chunk_info(3)
    with open(folder / "bad_chunk.h5", "r+b") as f:
        f.seek(chunk.byte_offset)
        f.write(b"\xff" * chunk.size)
    with h5py.File(folder / "newer.h5", "w", libver="latest") as f:  # by HDF5 2.0: for no earlier one
        f.create_dataset("x", data=values(ROWS, 5, "f4"), chunks=(64, 5), compression="gzip")
        f["jets"] = np.zeros(ROWS, [("pt", "f4"), ("n", "i4")])
    with h5py.File(folder / "newer_virtual.h5", "w", libver="latest") as f:
        layout = h5py.VirtualLayout((ROWS // 2, 5), "f4")
        layout[:] = h5py.VirtualSource("dense.h5", "x", (ROWS, 5))[::2]
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "newer_part.h5", "w", libver=("earliest", "v110")) as f:
        layout = h5py.VirtualLayout((ROWS, 5), "f4")
        layout[:] = h5py.VirtualSource("newer.h5", "x", (ROWS, 5))
        f.create_virtual_dataset("x", layout)
    with h5py.File(folder / "unknown_filter.h5", "w") as f:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((10,))
        creation.set_filter(32008 + 400, h5py.h5z.FLAG_OPTIONAL, ())
        h5py.h5d.create(f.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((10,)), creation)


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for write in (pandas_tables, pandas_fixed, dense, compound, flat, many_flat, parts, virtual, damaged):
        write(target)
