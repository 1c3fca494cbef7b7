"""The JSON Schema that editors read: a schema by the rules of JSON Schema, and every shipped configuration obeys it."""

import copy
import json
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema
from ruamel.yaml import YAML  # YAML 1.2, as editors and the program read it: 1e-3 is a number

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import program  # noqa: E402

CONFIGS = sorted(program.ROOT.glob("configs/*/*.yaml"))


def read_yaml(path):
    return YAML(typ="safe", pure=True).load(path.read_text())


class SchemaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            cls.schema = json.loads(program.require(program.run(folder, "schema")))
        cls.validator = jsonschema.Draft202012Validator(cls.schema)

    def mistakes(self, config):
        return [error.json_path for error in self.validator.iter_errors(config)]

    def test_it_obeys_its_metaschema(self):
        self.assertEqual(self.schema["$schema"], jsonschema.Draft202012Validator.META_SCHEMA["$id"])
        jsonschema.Draft202012Validator.check_schema(self.schema)

    def test_every_shipped_configuration_obeys_it(self):
        self.assertGreaterEqual(len(CONFIGS), 3)
        for path in CONFIGS:
            with self.subTest(path.relative_to(program.ROOT)):
                self.assertEqual(self.mistakes(read_yaml(path)), [])

    def test_it_finds_mistakes(self):
        good = read_yaml(CONFIGS[0])
        for section, key, value in (("train", "epocs", 3), ("train", "epochs", "many"), ("train", "epochs", 0),
                                    ("model", "name", "pfm"), ("optimizer", "name", "adamm"), ("data", "reader", "root")):
            with self.subTest(f"{section}.{key}={value}"):
                config = copy.deepcopy(good)
                config[section][key] = value
                self.assertNotEqual(self.mistakes(config), [])


if __name__ == "__main__":
    unittest.main()
