"""Tests of scripts/convert_csv.py. Run: python tests/scripts/convert_csv_test.py"""

import gzip
import unittest

import numpy as np
import pandas as pd
from convert_support import ConvertTest, columns_of

RNG = np.random.default_rng(1)
TRACKML = {"hits": {"hit_id": "i4", "x": "f4", "y": "f4", "z": "f4", "volume_id": "i4", "layer_id": "i4", "module_id": "i4"},
           "cells": {"hit_id": "i4", "ch0": "i4", "ch1": "i4", "value": "f4"},
           "particles": {"particle_id": "i8", "vx": "f4", "vy": "f4", "vz": "f4", "px": "f4", "py": "f4", "pz": "f4", "q": "i4", "nhits": "i4"},
           "truth": {"hit_id": "i4", "particle_id": "i8", "tx": "f4", "ty": "f4", "tz": "f4", "tpx": "f4", "tpy": "f4", "tpz": "f4", "weight": "f4"}}


def make_table(rows, features):
    """A label and float32 features, printed as the published files do."""
    return pd.DataFrame({"label": RNG.integers(0, 2, rows).astype("f4"), **{f"f{i}": RNG.normal(size=rows).astype("f4") for i in range(features)}})


class ConvertCsv(ConvertTest):

    script = "convert_csv.py"

    def write(self, name, frame, **options):
        frame.to_csv(self.folder / name, index=False, **options)

    def check_preset(self, preset, frames, names, header=False):
        files = [f"{index}.csv{'.gz' if index % 2 else ''}" for index in range(len(frames))]
        for file, frame in zip(files, frames):
            self.write(file, frame, header=header, float_format="%.18e")
        file, _ = self.convert("--preset", preset, *files, "out.h5")
        frame = pd.concat(frames)
        self.check(columns_of(file, "event"), {name: frame.iloc[:, index].to_numpy("f4" if index else "u1") for index, name in enumerate(names)})

    def test_higgs(self):
        jets = [f"jet_{jet}_{part}" for jet in "1234" for part in ("pt", "eta", "phi", "b_tag")]
        self.check_preset("higgs", [make_table(1000, 28), make_table(10, 28)],
                          ["label", "lepton_pt", "lepton_eta", "lepton_phi", "missing_energy_magnitude", "missing_energy_phi", *jets, "m_jj", "m_jjj",
                           "m_lv", "m_jlv", "m_bb", "m_wbb", "m_wwbb"])

    def test_susy(self):
        leptons = [f"lepton_{lepton}_{part}" for lepton in "12" for part in ("pt", "eta", "phi")]
        self.check_preset("susy", [make_table(7, 18)],
                          ["label", *leptons, "missing_energy_magnitude", "missing_energy_phi", "MET_rel", "axial_MET", "M_R", "M_TR_2", "R", "MT2", "S_R",
                           "M_Delta_R", "dPhi_r_b", "cos_theta_r1"])

    def test_hepmass_with_its_line_of_names_with_and_without_mass(self):
        jets = [f"jet_{jet}_{part}" for jet in "1234" for part in ("pt", "eta", "phi", "b_tag")]
        names = ["label", "lepton_pt", "lepton_eta", "lepton_phi", "missing_energy_magnitude", "missing_energy_phi", "num_jets", *jets, "m_jj", "m_jjj",
                 "m_lv", "m_jlv", "m_wwbb"]
        header = ["# label", *(f"f{i}" for i in range(28))]
        self.check_preset("hepmass", [make_table(50, 28), make_table(60, 28)], [*names, "mass"], header)
        (self.folder / "out.h5").unlink()
        self.check_preset("hepmass", [make_table(50, 27)], names, header[:-1])

    def test_types_of_the_first_rows(self):
        frame = pd.DataFrame({"run": np.arange(5) + 2**60, "jet 1 pt": [0.1, np.nan, np.inf, -1e-300, 5.0], "ok": [True, False] * 2 + [True],
                              "process": ["tt", "qcd", "", "tt", "ww"]})
        self.write("a.csv", frame, na_rep="nan")
        file, text = self.convert("a.csv", "out.h5")
        self.check(columns_of(file, "event"), {"run": frame["run"].to_numpy(), "jet_1_pt": frame["jet 1 pt"].to_numpy(), "ok": frame["ok"].to_numpy()})
        self.assertIn("left out: process (text; give a length with --dtype name=S16)", text)

    def test_types_and_columns_that_were_asked_for(self):
        self.write("a.csv", pd.DataFrame({"label": [1, 0], "x": [0.1, 2], "y": [3, 4], "n": ["µµ", "e"], "z": ["", "b"]}), sep=";")
        file, _ = self.convert("--sep", ";", "--event", "label,x,n", "--dtype", "*=float32,label=uint8,n=S4", "a.csv", "out.h5")
        self.check(columns_of(file, "event"), {"label": np.array([1, 0], "u1"), "x": np.array([0.1, 2], "f4"), "n": np.array(["µµ".encode(), b"e"])})

    def test_names_from_the_command_line_and_an_empty_file(self):
        (self.folder / "a.csv").write_text("1\t2.5\n3\t4.5\n\n")
        (self.folder / "b.csv").write_text("5\t1e3")
        file, _ = self.convert("--columns", "a,b", "--sep", r"\t", "a.csv", "b.csv", "out.h5")
        self.check(columns_of(file, "event"), {"a": np.array([1, 3, 5]), "b": np.array([2.5, 4.5, 1000])})
        (self.folder / "c.csv").write_text("a,b\n")
        (self.folder / "a.csv").write_text("a,b\n1,2.5\n")
        file, _ = self.convert("a.csv", "c.csv", "c.h5")
        self.check(columns_of(file, "event"), {"a": np.array([1]), "b": np.array([2.5])})
        file, _ = self.convert("--dtype", "a=int32,b=float32", "c.csv", "d.h5")
        self.check(columns_of(file, "event"), {"a": np.empty(0, "i4"), "b": np.empty(0, "f4")})

    def test_more_rows_than_a_block(self):
        frame = pd.DataFrame({f"c{index}": np.arange(300_000) for index in range(16)})
        self.write("a.csv.gz", frame)
        file, _ = self.convert("a.csv.gz", "out.h5")
        self.check(columns_of(file, "event"), {name: frame[name].to_numpy() for name in frame})

    def test_values_that_do_not_fit_are_named(self):
        for text, dtype, problem in (("a,b\n1,2\n3,x\n", "b=int64", "row 2, column b: 'x' is not of type int64"),
                                     ("a,b\n1,2\n3,\n", "*=float32", "row 2, column b: '' is not of type float32 (expected a whole row)"),
                                     ("a,b\n1,2\n3\n", "*=float32", "row 2, column b: ''"), ("a,b\n1,2\n3,4.5\n", "b=int32", "'4.5' is not of type int32"),
                                     ("a,b\n1,2\n3,300\n", "b=uint8", "row 2, column b: '300' is not of type uint8"),
                                     ("a,b\n1,2\n3,300\n", "b=S2", "row 2, column b: '300' is not of type |S2"),
                                     ("a,b\n1,True\n3,maybe\n", "b=bool", "row 2, column b: 'maybe' is not of type bool"),
                                     ("a,b\n1,2\n3,4,5\n", "*=int32", "Expected 2 fields in line 3, saw 3"),
                                     ("a,b\n1,2\n3,\"4\n", "*=int32", "EOF inside string")):
            (self.folder / "a.csv").write_text(text)
            self.refused(["--dtype", dtype, "a.csv", "out.h5"], "a.csv: ", problem)

    def test_a_column_with_a_hole_is_not_taken_for_text(self):
        (self.folder / "a.csv").write_text("a,b\n1,2\n3,\n")
        self.refused(["a.csv", "out.h5"], "a.csv: row 2, column b: '' is not of type float64")

    def test_later_files_must_have_the_same_columns(self):
        (self.folder / "a.csv").write_text("a,b\n1,2\n")
        for text, problem in (("a,c\n1,2\n", "b.csv: has the columns a, c (expected a, b as in the first file)"), ("b,a\n1,2\n", "has the columns b, a"),
                              ("a,b\n1,2.5\n", "b.csv: row 1, column b: '2.5' is not of type int64"), ("1,2\n", "b.csv: begins with numbers"),
                              ("", "b.csv: is empty"), ("a,b\n1,2,3\n", "b.csv: has 3 columns (expected 2: a, b)")):
            (self.folder / "b.csv").write_text(text)
            self.refused(["a.csv", "b.csv", "out.h5"], problem)

    def test_truncated_input(self):
        self.write("a.csv", make_table(5000, 28), header=False)
        data = (self.folder / "a.csv").read_bytes()
        (self.folder / "a.csv").write_bytes(data[:len(data) // 2 - len(data[:len(data) // 2].splitlines()[-1]) + 30])
        self.refused(["--preset", "higgs", "a.csv", "out.h5"], "a.csv: row ", "'' is not of type float32 (expected a whole row)")
        (self.folder / "a.csv.gz").write_bytes(gzip.compress(data)[:-100])
        self.refused(["--preset", "higgs", "a.csv.gz", "out.h5"], "a.csv.gz: cannot be read: Compressed file ended")
        damaged = bytearray(gzip.compress(data))
        damaged[len(damaged) // 2] ^= 255
        (self.folder / "a.csv.gz").write_bytes(damaged)
        self.refused(["--preset", "higgs", "a.csv.gz", "out.h5"], "a.csv.gz: ")

    def test_bad_arguments(self):
        (self.folder / "a.csv").write_text("a,b\n1,2\n")
        for words, text in ((["--columns", "a"], "a.csv: has 2 columns (expected 1: a)"), (["--columns", "a,a"], "two columns have one name"),
                            (["--preset", "susy"], "has 2 columns (expected 19"), (["--event", "c"], "--event: nothing fits 'c' (there are: a, b)"),
                            (["--dtype", "a=float128"], "--dtype a=float128: is no type"), (["--dtype", "a=number"], "is no type"),
                            (["--dtype", "c=int8"], "--dtype: nothing fits 'c'"), (["--preset", "trackml"], "a.csv: is no folder"),
                            (["--preset", "trackml", "--dtype", "x=int8"], "--dtype: is not for --preset trackml"),
                            (["--preset", "susy", "--columns", "a,b"], "--columns: is not for --preset susy"), (["--sep", "ab"], "--sep 'ab': is not one")):
            self.refused([*words, "a.csv", "out.h5"], text)

    def test_existing_output_and_one_file_for_each(self):
        self.write("a.csv", make_table(3, 2))
        self.write("b.csv.gz", make_table(4, 2))
        result = self.run_script("--per-file", "--jobs", "2", "a.csv", "b.csv.gz", "made")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([len(self.opened(f"made/{name}.h5")["event/label"]) for name in "ab"], [3, 4])
        self.out.write_text("precious")
        self.refused(["a.csv", "out.h5"], "out.h5: is there already")

    def test_a_stopped_conversion_leaves_nothing(self):
        self.write("a.csv", make_table(20000, 28))
        self.check_stops(*["a.csv"] * 30, "out.h5")

    def test_help_and_missing_package(self):
        self.check_help()
        (self.folder / "a.csv").touch()
        self.check_missing_package("pandas", "a.csv", "out.h5")


class ConvertTrackml(ConvertTest):

    script = "convert_csv.py"

    def make_event(self, folder, number, rows, suffix=".csv", kinds=TRACKML):
        tables = {}
        for kind in kinds:
            count = rows if kind != "cells" else 2 * rows
            tables[kind] = pd.DataFrame({name: (RNG.normal(size=count) * 50).astype(dtype) for name, dtype in TRACKML[kind].items()})
            if "particle_id" in tables[kind]:
                tables[kind]["particle_id"] += 2**61 + 1
            (self.folder / folder).mkdir(exist_ok=True)
            tables[kind].to_csv(self.folder / folder / f"event{number:09}-{kind}{suffix}", index=False)
        return tables

    def test_events_of_two_folders(self):
        events = [self.make_event("a", 1000, 900), self.make_event("a", 1001, 0, ".csv.gz"), self.make_event("a", 1010, 30000),
                  self.make_event("b", 7, 5)]
        file, text = self.convert("--preset", "trackml", "a", "b", "out.h5")
        self.check(columns_of(file, "event"), {"event_id": np.array([1000, 1001, 1010, 7])})
        for kind, types in TRACKML.items():
            stored, counts = columns_of(file, kind)
            self.assertEqual(counts.tolist(), [len(event[kind]) for event in events])
            self.check(stored, {name: np.concatenate([event[kind][name].to_numpy(dtype) for event in events]) for name, dtype in types.items()})
        self.assertIn("truth: hit_id, particle_id, tx", text)

    def test_test_sets_without_truth(self):
        event = self.make_event("a", 3, 4, kinds=("hits", "cells"))
        file, _ = self.convert("--preset", "trackml", "a", "out.h5")
        self.assertEqual(sorted(file), ["cells", "event", "hits"])
        self.check(columns_of(file, "hits")[0], {name: event["hits"][name].to_numpy() for name in TRACKML["hits"]})

    def test_bad_events_are_named(self):
        self.make_event("a", 1, 4)
        self.make_event("a", 2, 4)
        words, second = ["--preset", "trackml", "a", "out.h5"], self.folder / "a" / "event000000002-truth.csv"
        whole = second.read_text()
        for text, problem in ((None, "a: event 2 has cells, hits, particles (expected hits, cells, particles, truth"), ("", "-truth.csv: has the column 'nothing'"),
                              (whole[:len(whole) // 2].rsplit(",", 2)[0], "-truth.csv: row 2, column "), ("a,b\n1,2\n", "-truth.csv: has the column 'a'"),
                              ("hit_id,weight\n1,2\n", "-truth.csv: has the columns hit_id, weight (expected hit_id, particle_id")):
            second.unlink() if text is None else second.write_text(text)
            self.refused(words, problem)
        second.write_text(whole)
        (self.folder / "a" / "event000000002-hits.csv.gz").touch()
        self.refused(words, "is there plain and compressed")
        (self.folder / "empty").mkdir()
        self.refused(["--preset", "trackml", "empty", "out.h5"], "empty: has no event files")


if __name__ == "__main__":
    unittest.main()
