"""What a run gives: predictions, metrics, report, and an export that plain Python and plain LibTorch load."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (registers the blosc filter)
import numpy as np
import pandas as pd
import torch
from sklearn.metrics import accuracy_score, roc_auc_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

LIMIT = 1e-6


def ragged(jets):
    """Valid constituents and offsets, from raw [n, 200, 4]."""
    valid = jets[:, :, 0] > 0
    return torch.from_numpy(jets[valid]), torch.from_numpy(np.concatenate([[0], np.cumsum(valid.sum(1))]))


class DeliverTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = program.write_data(cls.temporary.name, train=1000, held_back=600)
        cls.config = program.write_config(cls.folder)
        cls.run_directory = cls.folder / "run"
        program.require(program.run(cls.folder, "train", cls.config, "--run", cls.run_directory))
        cls.exported = program.require(program.run(cls.folder, "export", cls.run_directory))
        program.require(program.run(cls.folder, "predict", cls.run_directory, "--out", cls.folder / "scores.h5"))
        with h5py.File(cls.folder / "test.h5") as file:
            cls.jets = file["table/table"]["values_block_0"][:, :800].reshape(-1, 200, 4)
        with h5py.File(cls.folder / "scores.h5") as file:
            cls.scores, cls.label = file["scores"][:], file["label"][:]
            cls.sample_id = file["sample_id"][:]
        cls.model = torch.jit.load(cls.run_directory / "export" / "model.pt")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_predictions_keep_the_order_of_the_file(self):
        self.assertEqual(self.scores.shape, (600, 2))
        np.testing.assert_array_equal(self.sample_id, np.arange(600))
        np.testing.assert_array_equal(self.label, program.toy_jets(600, 2)[1])
        np.testing.assert_allclose(self.scores.sum(1), 1, atol=1e-6)

    def test_any_field_is_copied_along_as_it_is_stored(self):
        out = self.folder / "columns.h5"
        columns = "values_block_1,truth=values_block_0:800,pt3=values_block_0:7"
        program.require(program.run(self.folder, "predict", self.run_directory, "--out", out, "--columns", columns))
        with h5py.File(out) as file, h5py.File(self.folder / "test.h5") as test:
            table = test["table/table"][:]
            self.assertEqual(file["values_block_1"].dtype, np.int64)
            np.testing.assert_array_equal(file["values_block_1"][:], table["values_block_1"])
            np.testing.assert_array_equal(file["truth"][:], table["values_block_0"][:, 800])
            np.testing.assert_array_equal(file["pt3"][:], table["values_block_0"][:, 7])
            np.testing.assert_array_equal(file["scores"][:], self.scores)
        for columns, message in (("weight=values_block_0:1", "--columns: 'weight' is a name that predictions use"),
                                 ("values_blok_1", "--columns: .*has no field 'values_blok_1'.*Did you mean 'values_block_1'"),
                                 ("a=values_block_1,a=values_block_1", "--columns: 'a' stands twice")):
            result = program.run(self.folder, "predict", self.run_directory, "--out", out, "--columns", columns)
            program.require(result, 2)
            self.assertRegex(result.stderr, message)

    def test_the_export_equals_predict_on_the_raw_file(self):
        lengths = (self.jets[:, :, 0] > 0).sum(1)
        self.assertTrue({0, 1, 200} <= set(lengths.tolist()))
        for batch in (1, 7, 500):
            for begin in range(0, 600 if batch > 1 else 50, batch):
                values, offsets = ragged(self.jets[begin:begin + batch])
                with torch.no_grad():
                    result = self.model(values, offsets, torch.zeros(len(offsets) - 1, 0)).numpy()
                np.testing.assert_allclose(result, self.scores[begin:begin + len(result)], atol=LIMIT, rtol=0)

    def test_the_padded_form_is_the_same(self):
        jets = torch.from_numpy(self.jets[:100])
        with torch.no_grad():
            result = self.model.forward_padded(jets, jets[:, :, 0] > 0, torch.zeros(100, 0)).numpy()
        np.testing.assert_allclose(result, self.scores[:100], atol=LIMIT, rtol=0)

    def test_the_export_names_its_inputs_and_classes(self):
        self.assertEqual(self.model.input_names(), {"part": ["E", "px", "py", "pz"]})
        self.assertEqual(self.model.class_names(), ["QCD", "top"])
        preprocessing = json.loads((self.run_directory / "export" / "preprocessing.json").read_text())
        self.assertEqual([feature["name"] for feature in preprocessing["features"]["part"]],
                         ["log_pt", "log_ptrel", "log_Erel", "delta_phi"])
        parity = json.loads((self.run_directory / "export" / "parity.json").read_text())
        self.assertLessEqual(parity["max_difference"], LIMIT)
        self.assertTrue(any(row["batch_size"] == 500 and row["events"] >= 500 for row in parity["comparisons"]))

    def test_a_feature_that_empty_events_do_not_have_is_exported(self):
        """log of the pt of nothing is infinite: such data have no empty jets, and the export compares none."""
        folder = self.folder / "full"
        folder.mkdir()
        for seed, name in enumerate(("train", "val", "test")):
            jets, label = program.toy_jets(300, seed)
            program.write_table(folder / f"{name}.h5", jets[1:], label[1:])
        config = program.write_config(folder, program.CONFIG.replace("jet_E: event_sum(E)}}",
                                                                     "jet_E: event_sum(E), log_jet_pt: 'log(pt(jet_px, jet_py))'}}"))
        program.require(program.run(folder, "train", config, "--run", folder / "run"))
        result = program.run(folder, "export", folder / "run")
        program.require(result)
        self.assertIn("parity leaves out the made-up event of 0 rows", result.stderr)
        parity = json.loads((folder / "run" / "export" / "parity.json").read_text())
        self.assertEqual({row["events"] for row in parity["comparisons"] if row["sample"] == "special"}, {2})

    def test_a_model_that_is_not_proved_has_no_name(self):
        folder = self.folder / "unproved"
        shutil.copytree(self.run_directory, folder)
        environment = {**program.environment(self.folder), "TEVATRAIN_PYTHON": "/bin/false"}
        result = subprocess.run([program.BINARY, "export", folder], capture_output=True, text=True, env=environment)
        program.require(result, 1)
        self.assertFalse((folder / "export" / "model.pt").exists())
        self.assertFalse((folder / "export" / "parity.json").exists())

    def test_a_plain_cpp_program_gives_the_same(self):
        build = self.folder / "build"
        wheel = Path(torch.__file__).parent
        for command in (["cmake", "-S", str(program.ROOT / "examples" / "cpp_inference"), "-B", str(build), f"-DTORCH_WHEEL={wheel}"],
                        ["cmake", "--build", str(build)]):
            subprocess.run(command, check=True, capture_output=True)
        lines = "".join(" ".join(repr(float(x)) for x in jet[jet[:, 0] > 0].ravel()) + "\n" for jet in self.jets[:20])
        output = subprocess.run([build / "tag_jets", self.run_directory / "export" / "model.pt"], input=lines, check=True,
                                capture_output=True, text=True).stdout.splitlines()
        self.assertEqual(output[0].split(), ["QCD", "top"])
        result = np.array([[float(x) for x in line.split()] for line in output[1:]])
        np.testing.assert_allclose(result, self.scores[:20], atol=2e-6, rtol=0)

    def test_evaluate_and_metrics_print_the_same_and_agree_with_scikit_learn(self):
        evaluated = program.require(program.run(self.folder, "evaluate", self.run_directory))
        # One minus a float32 near 1 has few digits: the loss of a single score is another.
        for score, first in (("scores", 0), ("scores:1", 1)):
            printed = program.require(program.run(self.folder, "metrics", self.folder / "scores.h5", "--score", score, "--label", "label",
                                                  "--weight", "weight"))
            self.assertEqual(printed.splitlines()[first:], evaluated.splitlines()[first:])
        values = {line.split()[0]: float(line.split()[1]) for line in evaluated.splitlines()}
        self.assertAlmostEqual(values["auc"], roc_auc_score(self.label, self.scores[:, 1]), places=4)
        right = self.scores[np.arange(len(self.label)), self.label].astype(float)
        self.assertAlmostEqual(values["loss"], -np.log(right.clip(np.finfo(np.float32).tiny)).mean(), places=4)
        self.assertAlmostEqual(values["accuracy"], accuracy_score(self.label, self.scores.argmax(1)), places=4)

    def test_metrics_of_scores_that_are_no_probabilities_are_those_of_their_order(self):
        path = self.folder / "logits.h5"
        with h5py.File(path, "w") as file:
            file["logit"], file["flavour"] = np.log(self.scores[:, 1] / self.scores[:, 0]), np.where(self.label, 5, 4)
        result = program.run(self.folder, "metrics", path, "--score", "logit", "--label", "flavour", "--signal", "5")
        self.assertNotIn("accuracy", program.require(result))
        self.assertIn("'logit' holds no probabilities", result.stderr)
        evaluated = program.require(program.run(self.folder, "evaluate", self.run_directory))
        numbers = [[line.split("(")[0] for line in text.splitlines() if "loss" not in line and "accuracy" not in line]
                   for text in (result.stdout, evaluated)]
        self.assertEqual(*numbers)

    def test_metrics_reads_scores_of_other_programs(self):
        auc = roc_auc_score(self.label, self.scores[:, 1])
        compound, table = self.folder / "compound.h5", self.folder / "scores_table.h5"
        with h5py.File(compound, "w") as file:
            jets = np.zeros(len(self.label), [("salt_ptop", "f2"), ("is_top", "u1"), ("pt", "f4")])
            jets["salt_ptop"], jets["is_top"] = self.scores[:, 1], self.label
            file["jets"] = jets
        frame = pd.DataFrame({"score": self.scores[:, 1].astype(float), "label": self.label})
        frame.to_hdf(table, key="table", format="table", data_columns=True)
        for file, score, label in ((compound, "jets:salt_ptop", "jets:is_top"), (table, "score", "label")):
            output = program.require(program.run(self.folder, "metrics", file, "--score", score, "--label", label))
            value = float(next(line for line in output.splitlines() if line.strip().startswith("auc")).split()[1])
            self.assertAlmostEqual(value, auc, places=3)

    def test_the_report_is_one_page_with_its_figures(self):
        page = Path(program.require(program.run(self.folder, "report", self.run_directory)).strip().splitlines()[-1])
        text = page.read_text()
        self.assertIn("data:image/png;base64", text)
        self.assertNotIn("src=\"http", text)
        for name in ("roc", "training"):
            self.assertTrue((page.parent / f"{name}.svg").is_file())

    def test_check_and_inspect_tell_what_is_there(self):
        output = program.require(program.run(self.folder, "check", self.config, "--order", self.folder / "order.h5", "--batches", "3"))
        # 3,224 weights make 16 + 16 + 32 + 16 + 16 floats a row or event; the rows of a batch of 100 jets are a few thousand.
        activations = float(re.search(r"activations: ([\d.]+) MiB for a batch of 100 events", output).group(1))
        self.assertTrue(0.2 < activations < 5, output)
        for word in ("seed: 1", "part.log_pt", "QCD", "event 2", "MiB"):
            self.assertIn(word, output)
        with h5py.File(self.folder / "order.h5") as file:
            self.assertEqual(file["offsets"][:].tolist(), [0, 100, 200, 300])
            self.assertEqual(len(set(file["sample_id"][:])), 300)
        output = program.require(program.run(self.folder, "inspect", self.folder / "train.h5"))
        for word in ("values_block_0", "float32[804]", "blosc"):
            self.assertIn(word, output)

    def test_outputs_replace_nothing_but_earlier_ones(self):
        def refused(message, *arguments):
            result = program.run(self.folder, *arguments)
            program.require(result, 2)
            self.assertRegex(result.stderr, message)

        copy, scores, order = (self.folder / name for name in ("copy.h5", "again.h5", "order-again.h5"))
        shutil.copy(self.folder / "test.h5", copy)
        shutil.copy(self.folder / "scores.h5", scores)
        before = copy.read_bytes()
        predict = ["predict", self.run_directory, "--data", copy, "--out"]
        check = ["check", self.config, "--batches", "1", "--order"]
        refused("--out: .*copy.h5 is one of the files that are read", *predict, copy)
        refused("--out: .*train.h5 is there already and was not written by this command", *predict, self.folder / "train.h5")
        refused("--order: .*train.h5 is one of the files that are read", *check, self.folder / "train.h5")
        refused("--order: .*copy.h5 is there already and was not written by this command", *check, copy)
        refused("--order: .*toy.yaml is there already", *check, self.config)
        self.assertEqual(copy.read_bytes(), before)
        program.require(program.run(self.folder, *predict, scores))
        for _ in range(2):
            program.require(program.run(self.folder, *check, order))

    def test_every_command_explains_itself(self):
        for command in ("train", "check", "evaluate", "predict", "export", "report", "inspect", "metrics", "schema"):
            self.assertIn("Example", program.require(program.run(self.folder, command, "--help")))
        self.assertEqual(json.loads(program.require(program.run(self.folder, "schema")))["type"], "object")


if __name__ == "__main__":
    unittest.main()
