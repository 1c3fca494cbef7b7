"""python/tevatrain/flat.py: what stands in the files that it writes. Run: PYTHONPATH=python python tests/python/flat_test.py"""

import shutil
import tempfile
import unittest
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  registers zstd
import numpy as np

from tevatrain.flat import EXTENT, FlatError, FlatWriter, column_name, data_section, events_a_chunk, place, rows_a_chunk

RNG = np.random.default_rng(1)


def make_object(counts, dtypes):
    rows = int(np.sum(counts))
    return {f"c{index}": (RNG.normal(size=rows) * 100).astype(dtype) for index, dtype in enumerate(dtypes)}, np.asarray(counts, np.int64)


class FlatFiles(unittest.TestCase):

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "a.h5"

    def write(self, *blocks, **attributes):
        with FlatWriter(self.path, attributes) as writer:
            for event, objects in blocks:
                writer.append(event, objects)

    def check_object(self, file, name, blocks):
        """That the file holds the rows of these blocks, event by event, and keeps the rule of chunks."""
        extents = file[name]["extents"][:]
        first, number = extents["first"].astype(np.int64), extents["N"].astype(np.int64)
        self.assertEqual(extents.dtype, EXTENT)
        np.testing.assert_array_equal(number, np.concatenate([counts for _, counts in blocks]))
        rows = np.repeat(first - np.cumsum(number) + number, number) + np.arange(number.sum())
        for column in blocks[0][0]:
            dataset = file[name][column]
            expected = np.concatenate([columns[column] for columns, _ in blocks])
            self.assertEqual(dataset.dtype, expected.dtype)
            np.testing.assert_array_equal(dataset[:][rows], expected)
            self.assertFalse(np.delete(dataset[:], rows, axis=0).any(), "rows that no extent names are not zero")
        chunks = {file[name][column].chunks[0] for column in blocks[0][0]}
        self.assertEqual(len(chunks), 1)
        chunk = chunks.pop()
        self.assertEqual(chunk & (chunk - 1), 0)
        crossing = (first // chunk != (first + number - 1) // chunk) & (number > 0)
        self.assertTrue((number[crossing] > chunk).all())
        self.assertTrue((first[number > chunk] % chunk == 0).all())
        self.assertTrue((np.diff(first) >= 0).all() and (first[1:] >= (first + number)[:-1]).all())
        return chunk

    def test_rows_of_many_blocks_lie_where_the_extents_say(self):
        blocks = [make_object(RNG.poisson(300, events), ("f4", "f8", "i4", "?", "u1")) for events in (7, 150, 1, 400)]
        hits = [make_object(RNG.poisson(2, len(counts)), ("i8",)) for _, counts in blocks]
        self.write(*(({"y": counts.astype("f4")}, {"part": (columns, counts), "hit": hit})
                     for (columns, counts), hit in zip(blocks, hits)))
        with h5py.File(self.path) as file:
            chunk = self.check_object(file, "part", blocks)
            self.assertEqual(chunk, 1 << 15)            # 18 bytes a row
            self.check_object(file, "hit", hits)
            np.testing.assert_array_equal(file["event/y"][:], np.concatenate([counts for _, counts in blocks]))
            # A chunk of 32768 rows holds about 109 events, but 28 bytes an event make the least chunk one of 4096.
            self.assertEqual({file[path].chunks[0] for path in ("event/y", "part/extents", "hit/extents")}, {4096})

    def test_the_data_section_names_every_column(self):
        self.write(({"y": np.zeros(2, "f4"), "w": np.zeros(2)}, {"part": make_object([1, 2], ["f4", "i4"])}))
        self.assertEqual(data_section(self.path), "data:\n  reader: flat\n  objects:\n    event: {field: event, columns: [w, y]}\n"
                                                  "    part: {field: part, columns: [c0, c1]}")

    def test_an_event_larger_than_a_chunk_begins_a_chunk(self):
        big = [make_object(counts, ["f4"] * 256) for counts in ([1000, 25, 5000, 900, 24], [0, 3, 1024, 1, 2049, 0, 1023])]
        self.write(*(({}, {"part": block}) for block in big))
        with h5py.File(self.path) as file:
            self.assertEqual(self.check_object(file, "part", big), 1024)
            self.assertEqual(file["part/extents"]["first"][:5].tolist(), [0, 1024, 2048, 7168, 8068])
            self.assertNotIn("event", file)

    def test_empty_events_blocks_and_files(self):
        block, none = make_object([0, 0, 3, 0], ["f4"]), make_object([], ["f4"])
        self.write(({}, {"part": none}), ({}, {"part": block}), ({}, {"part": none}))
        with h5py.File(self.path) as file:
            self.check_object(file, "part", [block])
        self.write(({"y": np.empty(0, "i2")}, {"part": none}))
        with h5py.File(self.path) as file:
            self.assertEqual((file["event/y"].shape, file["part/c0"].shape, file["part/extents"].shape), ((0,), (0,), (0,)))
            self.assertEqual((file["event/y"].dtype, file["part/extents"].dtype), ("i2", EXTENT))
        self.write(({}, {"part": make_object([0, 0], ["f4"])}))
        with h5py.File(self.path) as file:
            self.assertEqual((file["part/c0"].shape, file["part/extents"]["N"].tolist()), ((0,), [0, 0]))

    def test_event_columns_keep_type_and_width(self):
        event = {"b": np.array([True, False]), "h": np.array([1, 2], "f2"), "u": np.array([1, 2**64 - 1], "u8"), "s": np.array([b"tt", b"qcd"]),
                 "k": np.arange(6, dtype=">f4").reshape(2, 3)}
        self.write((event, None))
        with h5py.File(self.path) as file:
            for name, values in event.items():
                stored = file["event"][name]
                self.assertEqual(stored.dtype, values.dtype.newbyteorder("="))
                np.testing.assert_array_equal(stored[:], values)

    def test_chunks_of_events_alone_are_a_mebibyte(self):
        self.write(({"x": np.zeros((9, 28), "f4"), "y": np.zeros(9, "u1")}, {}))
        with h5py.File(self.path) as file:
            self.assertEqual((file["event/x"].chunks, file["event/y"].chunks), ((8192, 28), (8192,)))

    def test_storage_is_shuffled_zstd_in_an_old_format_with_its_attributes(self):
        self.write(({"x": np.zeros(3, "f4")}, {"part": make_object([1, 2, 3], ["f4"])}), command="convert")
        self.assertEqual(self.path.read_bytes()[8], 0)      # the superblock that every HDF5 library knows
        with h5py.File(self.path) as file:
            for path in ("event/x", "part/c0", "part/extents"):
                self.assertEqual((file[path].shuffle, list(file[path]._filters)), (True, ["shuffle", "32015"]))
            self.assertEqual(dict(file.attrs), {"tevatrain_format": "flat", "tevatrain_format_version": 1, "command": "convert"})

    def test_a_failure_leaves_nothing_and_keeps_what_was_there(self):
        self.path.write_text("precious")
        with self.assertRaises(ZeroDivisionError), FlatWriter(self.path, {}) as writer:
            writer.append({"x": np.zeros(3)})
            self.assertEqual(len(list(self.folder.iterdir())), 2)
            raise ZeroDivisionError
        self.assertEqual([path.read_text() for path in self.folder.iterdir()], ["precious"])

    def refused(self, text, *blocks):
        with self.assertRaises(FlatError) as caught:
            self.write(*blocks)
        self.assertIn(text, str(caught.exception))
        self.assertRegex(str(caught.exception), r"^[^\n]+ \(expected [^\n]+\)\. [A-Z][^\n]+\.$")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_does_not_fit_is_refused_by_name(self):
        x, part = np.zeros(3, "f4"), make_object([1, 2, 3], ["f4"])
        self.refused("event/y: is missing", ({"x": x, "y": x}, None), ({"x": x}, None))
        self.refused("event/y: was not there before", ({"x": x}, None), ({"x": x, "y": x}, None))
        self.refused("event/x: has float64[] a row (expected float32[] as before)", ({"x": x}, None), ({"x": x.astype("f8")}, None))
        self.refused("event/y: has 2 rows (expected 3", ({"x": x, "y": x[:2]}, None))
        self.refused("part/c0: has 6 rows (expected 5", ({"x": x}, {"part": (part[0], [1, 2, 2])}))
        self.refused("hit: has 2 events (expected 3", ({}, {"part": part, "hit": make_object([1, 2], ["f4"])}))
        self.refused("part: has an event of -1 rows", ({}, {"part": ({"c": x}, [-1, 4])}))
        self.refused("part: has an event of 4294967296 rows", ({}, {"part": ({"c": x}, [1 << 32])}))
        self.refused("event/jet pt: is no name", ({"jet pt": x}, None))
        self.refused("part/extents: is no name", ({}, {"part": ({"extents": x}, [3])}))
        self.refused("event: is no name of an object", ({}, {"event": ({"c": x}, [3])}))
        self.refused("event/x: has values of type complex64", ({"x": x.astype("c8")}, None))
        self.refused("part/c: has values of type |S1", ({}, {"part": ({"c": np.array([b"a"])}, [1])}))
        self.refused("event/x: has the shape (1, 1, 3)", ({"x": x.reshape(1, 1, 3)}, None))
        self.refused("part: has no column", ({}, {"part": ({}, [0])}))
        self.refused("event: has no column", ({}, None))
        self.refused("got no block")


class Arithmetic(unittest.TestCase):

    def test_chunks_are_about_a_mebibyte_and_never_below_1024_rows(self):
        self.assertEqual([rows_a_chunk(size) for size in (1, 4, 5, 64, 1000, 1 << 20)], [1 << 20, 1 << 18, 1 << 17, 1 << 14, 1024, 1024])

    def test_event_chunks_follow_the_largest_object(self):
        self.assertEqual(events_a_chunk(512, [(1 << 15, 16, 40.0), (1 << 18, 4, 2.0)]), 512)
        self.assertEqual(events_a_chunk(8, [(1024, 64, 100000.0)]), 1 << 14)
        self.assertEqual(events_a_chunk(8, [(1 << 18, 4, 0.001)]), 1 << 17)
        self.assertEqual(events_a_chunk(8, [(1 << 18, 4, 0.0)]), 1 << 17)

    def test_places_are_those_of_a_plain_loop(self):
        for chunk in (4, 16):
            counts, position, expected = RNG.poisson(3, 500) * RNG.integers(0, 4, 500), 5, []
            for count in counts.tolist():
                if count > chunk - position % chunk:
                    position += -position % chunk
                expected.append(position)
                position += count
            first, end = place(counts, 5, chunk)
            self.assertEqual((first.tolist(), end), (expected, position))

    def test_names_are_made_fit_for_expressions(self):
        self.assertEqual([column_name(text) for text in ("jet_pt", "Jet.PT", "jet 1 b-tag", "3x", "µ")], ["jet_pt", "Jet_PT", "jet_1_b_tag", "_3x", "_"])


if __name__ == "__main__":
    unittest.main()
