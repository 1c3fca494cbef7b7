#!/usr/bin/env python3
"""What a report reads of runs that give a class to each voxel: sums, events to show, and what bad files get."""

import tracemalloc
import unittest
from unittest import mock

import h5py
import numpy as np
from made_up_voxels import CLASSES, VoxelCase

from tevatrain import report, report_segmentation, report_segmentation_plots


class SumsTest(VoxelCase):
    def test_the_confusion_matrix_is_that_of_a_loop_over_all_rows_whatever_the_slices(self):
        run = self.voxel_folder(events=3, scale=0.3)
        with h5py.File(run / "predictions" / "test.h5") as file:
            scores, label, weight = file["scores"][:], file["label"][:], file["weight"][:].astype("f8")
        weights, counts = np.zeros((5, 5)), np.zeros((5, 5), dtype=int)
        for row in range(len(label)):
            weights[label[row], np.argmax(scores[row])] += weight[row]
            counts[label[row], np.argmax(scores[row])] += 1
        for at_once in (1, 35, 1 << 22):
            with mock.patch.object(report_segmentation, "VALUES_AT_ONCE", at_once):
                found = report.read_runs([run])[0].segmentation
            np.testing.assert_allclose(found.weights, weights, rtol=1e-12)
            np.testing.assert_array_equal(found.counts, counts)
        efficiency = [weights[i, i] / weights[i].sum() for i in range(5)]
        np.testing.assert_allclose(np.diag(found.percentages()), 100 * np.array(efficiency))

    def test_weights_and_not_rows_make_the_percentages(self):
        run = self.voxel_folder(events=2, scale=0.3)
        self.edit(run, "weight", lambda weight: np.where(np.arange(len(weight)) % 2, 0, 3).astype("f4"))
        found = report.read_runs([run])[0].segmentation
        rows = 100 * found.counts / found.counts.sum(1, keepdims=True)
        self.assertGreater(np.abs(found.percentages() - rows).max(), 0.5)
        np.testing.assert_allclose(found.percentages().sum(1), 100)

    def test_a_class_that_is_not_there_has_no_percentages(self):
        run = self.voxel_folder(events=2, scale=0.3)
        self.edit(run, "label", lambda label: np.where(label == 2, 1, label))
        run = report.read_runs([run])[0]
        self.assertTrue(np.isnan(run.segmentation.percentages()[2]).all())
        texts = [text.get_text() for text in report_segmentation_plots.plot_confusion(run).axes[0].texts]
        self.assertEqual(texts.count("–"), 5)

    def test_scores_are_read_in_slices(self):
        run = self.voxel_folder(events=40, scale=3.0)
        with h5py.File(run / "predictions" / "test.h5") as file:
            size = file["scores"].size * 4
            with mock.patch.object(report_segmentation, "VALUES_AT_ONCE", 1 << 14):
                tracemalloc.start()
                report_segmentation.sum_rows(file, len(CLASSES))
                peak = tracemalloc.get_traced_memory()[1]
                tracemalloc.stop()
        self.assertGreater(size, 4_000_000)
        self.assertLess(peak, size / 4)


class EventChoiceTest(VoxelCase):
    def test_the_events_are_those_with_most_classes_and_of_these_the_nearest_to_the_median_size(self):
        num_rows = np.array([10, 50, 0, 52, 90, 51, 49])
        present = np.zeros((7, 5), dtype=bool)
        present[[0, 1, 3, 4, 6], :4] = True
        present[5, :2] = True
        offsets = np.concatenate([[0], np.cumsum(num_rows)])
        self.assertEqual(np.median(num_rows[num_rows > 0]), 50.5)
        self.assertEqual(report_segmentation.choose_events(offsets, present), [1, 3, 6])
        self.assertEqual(report_segmentation.choose_events(np.zeros(3, dtype=int), present[:2]), [])

    def test_two_runs_show_the_same_events_with_the_truth_of_the_file(self):
        folders = [self.voxel_folder("good", quality=3.0), self.voxel_folder("bad", quality=0.5)]
        good, bad = (run.segmentation.displays for run in report.read_runs(folders))
        self.assertEqual([event.sample_id for event in good], [event.sample_id for event in bad])
        self.assertEqual(len(good), 3)
        self.assertTrue(all(one.num_wrong() < other.num_wrong() for one, other in zip(good, bad)))
        with h5py.File(folders[0] / "predictions" / "test.h5") as file:
            for event in good:
                index = int(np.flatnonzero(file["sample_id"][:] == event.sample_id)[0])
                first, last = file["offsets"][index:index + 2]
                np.testing.assert_array_equal(event.label, file["label"][first:last])
                np.testing.assert_array_equal(event.coordinates[:, 2], file["inputs/z"][first:last])

    def test_x_y_and_z_are_taken_where_they_are_there_else_the_first_three_inputs(self):
        for inputs, chosen in ((("z", "y", "x"), ["x", "y", "z"]), (("wire", "time", "plane"), ["plane", "time", "wire"]),
                               (("x", "y"), []), ((), [])):
            run = self.voxel_run("".join(inputs) or "none", events=2, scale=0.3, inputs=inputs)
            self.assertEqual(run.segmentation.coordinate_names, chosen)
            self.assertEqual(len(run.segmentation.displays), 2 if chosen else 0)
        folder = self.voxel_folder("more", events=2, scale=0.3)
        with h5py.File(folder / "predictions" / "test.h5", "r+") as file:
            file["inputs/a"] = file["inputs/x"][:]
        self.assertEqual(report.read_runs([folder])[0].segmentation.coordinate_names, ["x", "y", "z"])


class BadFilesTest(VoxelCase):
    def refused(self, name, dataset, change):
        """The one line that a run with a changed dataset gets."""
        run = self.voxel_folder(name, events=2, scale=0.3)
        self.edit(run, dataset, change)
        code, out, error = self.report(run)
        self.assertEqual((code, out, error.count("\n")), (2, "", 1), error)
        self.assertTrue(error.startswith(f"report: {run}/predictions/test.h5: "), error)
        self.assertTrue(error.endswith(f"Write it anew: tevatrain predict {run} --out {run}/predictions/test.h5.\n"), error)
        return error

    @staticmethod
    def with_value(index, value):
        def change(values):
            values[index] = value
            return values
        return change

    def test_offsets_that_do_not_match_are_refused(self):
        self.assertRegex(self.refused("last", "offsets", self.with_value(2, 99999)), r"/offsets go from 0 to 99999 \(from 0 to the \d+ rows")
        self.assertIn("/offsets go from 1 to", self.refused("first", "offsets", self.with_value(0, 1)))
        self.assertIn("and fall in between", self.refused("fall", "offsets", self.with_value(1, 99999)))
        self.assertIn("/offsets has the shape [2] ([3] fits", self.refused("short", "offsets", lambda values: values[:2]))

    def test_scores_labels_and_weights_that_are_no_such_things_are_refused(self):
        self.assertIn("/scores of row 7 are not finite: [", self.refused("nan", "scores", self.with_value((7, 1), np.nan)))
        self.assertIn("/label of row 3 is 5 (0 to 4", self.refused("label", "label", self.with_value(3, 5)))
        self.assertIn("/label of row 2 is -1 (0 to 4", self.refused("none", "label", self.with_value(2, -1)))
        self.assertIn("/weight has 1 values that are not finite", self.refused("weight", "weight", self.with_value(3, np.inf)))

    def test_lengths_that_contradict_each_other_are_refused(self):
        self.assertIn("/scores has the shape", self.refused("scores", "scores", lambda scores: scores[:-1]))
        self.assertIn("/scores has the shape", self.refused("classes", "class_names", lambda names: names[:3]))
        self.assertIn("/weight has the shape", self.refused("weight", "weight", lambda weight: weight[1:]))
        self.assertIn("/inputs/y has", self.refused("inputs", "inputs/y", lambda places: places[1:]))
        self.assertIn("/inputs/x, y, z of rows 0 to", self.refused("places", "inputs/x", self.with_value(3, np.nan)))

    def test_datasets_that_are_missing_or_of_another_type_are_refused(self):
        for name in ("scores", "label", "weight", "sample_id", "class_names"):
            self.assertIn("cannot be read", self.refused(f"no_{name}", name, lambda _: None))
        self.assertIn("cannot be read", self.refused("single", "label", lambda _: 3))
        self.assertIn("cannot be read", self.refused("text", "scores", lambda scores: scores.astype("S8")))


if __name__ == "__main__":
    unittest.main()
