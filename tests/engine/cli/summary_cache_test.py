"""The cache of the standardisation saves a pass over the data and changes nothing else."""

import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

ONE_SET = program.CONFIG.replace("""\
  train: {folder}/train.h5
  val: {folder}/val.h5
  test: {folder}/test.h5
""", """\
  files: {folder}/train.h5
  split: {{train: 0.6, val: 0.2, test: 0.2}}
""")
FLAT = "data.features.part.flat=E * 0 + 1"


class SummaryCacheTest(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = program.write_data(temporary.name, train=300, held_back=100)
        self.config = program.write_config(self.folder)

    def train(self, name, *overrides, cache="cache", warns=False):
        """A new run with the cache folder <cache>/cache."""
        (self.folder / cache).mkdir(exist_ok=True)
        result = program.run(self.folder / cache, "train", self.config, "--run", self.folder / name, "train.epochs=1", *overrides,
                             warns=warns)
        program.require(result)
        return result

    def entries(self, cache="cache"):
        return sorted((self.folder / cache / "cache").glob("summary-*.json"))

    def poison(self):
        """Every constant of the cache becomes another: a run that reads it has other results."""
        for path in self.entries():
            summary = json.loads(path.read_text())
            for feature in summary["features"]:
                feature["mean"] += 1
            path.write_text(json.dumps(summary))

    def check_same(self, name, other):
        self.assertEqual(program.differences(self.folder / name, self.folder / other), [])
        self.assertEqual(*((self.folder / run / "inputs.json").read_bytes() for run in (name, other)))

    def check_not_reused(self, *overrides):
        """With a poisoned cache the run is that of an empty cache."""
        name = f"changed-{len(list(self.folder.iterdir()))}"
        self.train(name, *overrides)
        self.train(name + "-cold", *overrides, cache=name + "-empty")
        self.check_same(name, name + "-cold")

    def test_a_warm_cache_gives_the_bits_of_a_cold_one(self):
        self.train("cold")
        self.assertEqual(len(self.entries()), 1)
        self.train("warm")
        self.check_same("warm", "cold")
        (self.folder / "empty").mkdir()
        self.assertEqual(*(program.require(program.run(self.folder / cache, "check", self.config)) for cache in ("cache", "empty")))

    def test_the_same_features_of_the_same_data_are_read_from_the_cache(self):
        self.train("cold")
        self.poison()
        moved = self.folder / "moved.h5"
        moved.write_bytes((self.folder / "train.h5").read_bytes())
        for number, overrides in enumerate(([], [f"data.train={moved}"], ["seed=2"], ["data.workers=2", "optimizer.lr=0.01"])):
            with self.subTest(overrides):
                self.train(f"warm-{number}", *overrides)
                self.assertEqual(len(self.entries()), 1)
        self.assertIn("model", program.differences(self.folder / "warm-0", self.folder / "cold"))

    def test_another_expression_or_fit_is_not_served_from_the_cache(self):
        self.train("cold")
        self.poison()
        for overrides in (["data.features.part.log_pt=log(E)"], ["data.standardise=median_width"], ["data.raw_features=[part.delta_phi]"],
                          ["data.objects.part.valid=E > 5"]):
            with self.subTest(overrides):
                self.check_not_reused(*overrides)

    def test_another_content_of_a_file_is_not_served_from_the_cache(self):
        self.train("cold")
        self.poison()
        jets, label = program.toy_jets(300, 0)
        jets[200, 0, 1] += 1
        program.write_table(self.folder / "train.h5", jets, label)
        self.check_not_reused()

    def test_another_seed_or_share_of_one_set_of_files_is_not_served_from_the_cache(self):
        self.config = program.write_config(self.folder, ONE_SET)
        self.train("cold")
        self.poison()
        for overrides in (["seed=2"], ["data.split.train=0.5"]):
            with self.subTest(overrides):
                self.check_not_reused(*overrides)

    def test_a_damaged_entry_is_made_anew(self):
        self.train("cold")
        entry = self.entries()[0]
        whole = entry.read_text()
        summary = json.loads(whole)
        damages = {"empty": "", "cut": whole[:len(whole) // 2], "no object": "[]", "no key": "{}",
                   "no features": json.dumps({**summary, "features": []}), "wrong type": whole.replace('"mean": ', '"mean": "x", "m": ')}
        for name, text in damages.items():
            with self.subTest(name):
                entry.write_text(text)
                self.assertIn(f"{entry}: cannot be understood", self.train(name).stderr)
                self.check_same(name, "cold")
                self.assertEqual(entry.read_text(), whole)

    def test_a_folder_that_cannot_be_written_costs_time_only(self):
        self.train("cold")
        for name in ("file", "entry"):
            (self.folder / name).mkdir()
        (self.folder / "file" / "cache").write_text("no folder")
        (self.folder / "entry" / "cache" / self.entries()[0].name).mkdir(parents=True)
        for name in ("file", "entry"):
            with self.subTest(name):
                self.assertIn("cache: ", self.train(f"{name}-run", cache=name).stderr)
                self.check_same(f"{name}-run", "cold")

    def test_a_feature_that_does_not_vary_is_named_every_time(self):
        warning = "warning: data.features.part.flat: does not vary"
        for name in ("cold", "warm"):
            with self.subTest(name):
                self.assertIn(warning, self.train(name, FLAT, warns=True).stderr)
        self.assertEqual(len(self.entries()), 1)
        self.check_same("warm", "cold")


if __name__ == "__main__":
    unittest.main()
