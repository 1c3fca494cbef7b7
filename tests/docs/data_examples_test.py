"""Every example of docs/data.md is checked and streamed, on files made by the writer that it names."""

import re
import shutil
import sys
import tempfile
import unittest
import warnings
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import program  # noqa: E402
import voxels  # noqa: E402
from tevatrain.flat import FlatWriter  # noqa: E402

EXAMPLE = re.compile(r"```yaml\n# example: (\w+)\n(.*?)```", re.S)
REST = """\
model: {name: pfn, phi: [4], f: [4]}
train: {epochs: 1, batch_size: 20, device: cpu, threads: 1}
optimizer: {name: adam, lr: 1e-3}
"""
WITHOUT_OBJECTS = REST.replace("pfn, phi: [4], f: [4]", "mlp, widths: [4]")
EVENTS = 60
RANDOM = np.random.default_rng(1)


def write_pandas_table(path):
    jets, label = program.toy_jets(EVENTS + 3, 1)
    program.write_table(path, jets[3:], label[3:])


def write_pandas_fixed(path):
    values = RANDOM.exponential(1, (EVENTS, 31))
    values[:, 15:30] = 0
    values[:, 30] = np.arange(EVENTS) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pd.DataFrame(values).to_hdf(path, key="df", format="fixed", complib="blosc", complevel=5)


def write_dense(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("incident_energies", data=RANDOM.uniform(1e3, 1e6, (EVENTS, 1)), compression="gzip")
        file.create_dataset("showers", data=RANDOM.exponential(10, (EVENTS, 368)) * RANDOM.integers(0, 2, (EVENTS, 368)), compression="gzip")
        file["label"] = np.arange(EVENTS) % 2


def write_variable_length(path):
    with h5py.File(path, "w") as file:
        points = file.create_dataset("point", (EVENTS,), h5py.vlen_dtype("f4"))
        for event in range(EVENTS):
            points[event] = RANDOM.exponential(10, 4 * (event % 9)).astype("f4")
        file["label"] = np.arange(EVENTS) % 2


def write_compound(path):
    jets = np.zeros(EVENTS, [("pt", "f4"), ("eta", "f2"), ("flavour_label", "i4")])
    jets["pt"], jets["eta"], jets["flavour_label"] = RANDOM.exponential(50, EVENTS) + 20, RANDOM.normal(0, 1, EVENTS), np.arange(EVENTS) % 3
    tracks = np.zeros((EVENTS, 40), [("d0", "f2"), ("z0", "f2"), ("valid", "?")])
    tracks["z0"], tracks["d0"], tracks["valid"] = RANDOM.normal(0, 1, (EVENTS, 40)), RANDOM.normal(0, 1, (EVENTS, 40)), np.arange(40) < RANDOM.integers(0, 41, (EVENTS, 1))
    with h5py.File(path, "w") as file:
        file.create_dataset("jets", data=jets, compression="lzf")
        file.create_dataset("tracks", data=tracks, compression="lzf")


def write_offsets(path):
    counts = RANDOM.integers(0, 30, EVENTS)
    with h5py.File(path, "w") as file:
        file["jets_f"] = RANDOM.exponential(100, (EVENTS, 2)) + 1
        file["jets_i"] = np.stack([np.arange(EVENTS), np.arange(EVENTS) % 2], 1)
        file.create_dataset("pfcs", data=RANDOM.exponential(1, (counts.sum(), 3)), compression="gzip")
        file["pfcs_index"] = np.concatenate([[0], np.cumsum(counts)]).astype("u4")


def write_converted(path):
    counts = RANDOM.integers(0, 30, EVENTS)
    with FlatWriter(path, {}) as writer:
        writer.append({"met": RANDOM.exponential(50, EVENTS).astype("f4"), "label": (np.arange(EVENTS) % 2).astype("u1"),
                       "weight": RANDOM.uniform(0.5, 2, EVENTS)},
                      {"part": ({name: RANDOM.exponential(1, counts.sum()).astype("f4") + 1 for name in ("pt", "eta")}, counts)})


def write_roles(path):
    """Two files, of which the name says the class."""
    for name in ("bkg", "sig"):
        with h5py.File(path.with_name(f"{name}_{path.name}"), "w") as file:
            file.create_dataset("jet", data=np.stack([RANDOM.uniform(200, 1000, EVENTS // 2), RANDOM.normal(0, 1, EVENTS // 2)], 1), compression="gzip")
            file["weight"] = RANDOM.uniform(0.5, 2, EVENTS // 2)


def write_values(path):
    jets = np.zeros(EVENTS, [("pt", "f4"), ("HadronConeExclTruthLabelID", "i4")])
    jets["pt"], jets["HadronConeExclTruthLabelID"] = RANDOM.exponential(50, EVENTS) + 20, np.tile([0, 4, 5], EVENTS // 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("jets", data=jets, compression="lzf")


def write_one_hot(path):
    with FlatWriter(path, {}) as writer:
        columns = {f"label_{name}": (np.arange(EVENTS) % 3 == i).astype("u1") for i, name in enumerate(("QCD", "Tbqq", "Tbl"))}
        writer.append({"met": RANDOM.exponential(50, EVENTS).astype("f4") + 1, **columns}, {})


def write_row_classes(path):
    with tempfile.TemporaryDirectory() as folder:
        voxels.write_events(folder, EVENTS, 0, 0)
        shutil.move(Path(folder) / "train.h5", path)


WRITERS = {"pandas_table": write_pandas_table, "pandas_fixed": write_pandas_fixed, "dense": write_dense,
           "variable_length": write_variable_length, "compound": write_compound, "offsets": write_offsets, "converted": write_converted,
           "values": write_values, "one_hot": write_one_hot, "file_classes": write_roles, "row_classes": write_row_classes}


class DataExamplesTest(unittest.TestCase):
    examples = dict(EXAMPLE.findall((program.ROOT / "docs/data.md").read_text()))

    def test_every_example_has_a_writer(self):
        self.assertEqual(self.examples.keys(), WRITERS.keys())

    def test_every_example_is_checked_and_streamed(self):
        for name, text in self.examples.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                for split in ("train", "val"):
                    WRITERS[name](Path(folder) / f"{split}.h5")
                config = Path(folder) / "example.yaml"
                rest = WITHOUT_OBJECTS if name in ("values", "one_hot", "file_classes", "row_classes") else REST
                config.write_text(re.sub(r"(?<![\w/])([\w*]*(?:train|val)\.h5)", rf"{folder}/\1", text) + rest)
                by_library = name == "variable_length"
                self.assertIn("features (training split)", program.require(program.run(folder, "check", config, warns=by_library)))
                streamed = program.require(program.run(folder, "bench", "data", config, warns=by_library))
                self.assertIn(f"{EVENTS} events in 3 batches of 20 from {2 if name == 'file_classes' else 1} file", streamed)


if __name__ == "__main__":
    unittest.main()
