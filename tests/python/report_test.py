#!/usr/bin/env python3
"""Reports of synthetic run directories: figures, page, table, and what bad directories get."""

import re
import unittest
from pathlib import Path

import h5py
import numpy as np
from report_case import ReportCase, write_predictions
from sklearn.metrics import roc_curve

from tevatrain import report, report_plots

PNG = b"\x89PNG\r\n"


class ReportTest(ReportCase):
    def test_a_finished_run_gives_all_figures_and_a_page_that_needs_no_other_file(self):
        run = self.run_folder("pfn")
        code, out, error = self.report(run)
        self.assertEqual((code, error), (0, ""))
        self.assertEqual(Path(out), run / "report" / "index.html")
        for name in ("training", "roc", "scores_pfn", "inputs_pfn"):
            self.assertTrue((run / "report" / f"{name}.png").read_bytes().startswith(PNG), name)
            self.assertIn("<svg", (run / "report" / f"{name}.svg").read_text(), name)
        page = Path(out).read_text()
        self.assertEqual(page.count('src="data:image/png;base64,'), 4)
        self.assertEqual(re.findall(r'(?:src|href)="(?!data:)', page), [])
        self.assertIn("seed: 1 # &lt;&amp;&gt;", page)

    def test_the_table_shows_values_with_errors_cuts_and_the_step_of_the_weights(self):
        _, out, _ = self.report(self.run_folder("pfn"))
        page = Path(out).read_text()
        for text in ("0.9437", "150 ± 11", "48.2 ± 3.1", "score ≥ 0.9312", "ε<sub>S</sub> = 0.3", "<td>160</td>"):
            self.assertIn(text, page)

    def test_a_rejection_without_background_weight_left_is_said_in_words(self):
        _, out, _ = self.report(self.run_folder("pfn", rejection=None))
        self.assertIn("<td>no background weight left<br><small>score ≥ 0.9312</small></td>", Path(out).read_text())

    def test_negative_weights_are_plotted(self):
        run = self.run_folder("nlo")
        with h5py.File(run / "predictions" / "test.h5", "r+") as file:
            score, label, weight = file["scores"][:, 1], file["label"][:], file["weight"][:]
            weight[::5] *= -1
            weight[(label == 0) & (score > 0.9)] = -0.5
            file["weight"][:] = weight
        curve = report_plots.RocCurve(score, label == 1, weight)
        self.assertLess(curve.background_efficiency.min(), 0)
        self.assertLess(np.diff(curve.signal_efficiency).min(), 0)
        self.assertEqual(self.report(run)[::2], (0, ""))

    def test_several_runs_share_the_roc_curve_and_keep_their_own_scores(self):
        runs = [self.run_folder("first/pfn"), self.run_folder("second/pfn"), self.run_folder("efn", predictions=False)]
        code, out, error = self.report(*runs, "--out", self.folder / "both")
        self.assertEqual((code, error), (0, ""))
        names = sorted(path.name for path in (self.folder / "both").glob("*.png"))
        self.assertEqual(names, ["inputs_first_pfn.png", "inputs_second_pfn.png", "roc.png", "scores_first_pfn.png",
                                 "scores_second_pfn.png", "training.png"])
        roc = report_plots.plot_roc([run for run in report.read_runs(runs) if run.scores is not None])
        labels = [text.get_text() for text in roc.axes[0].get_legend().get_texts()]
        self.assertEqual([label for label in labels if "AUC" in label], ["first/pfn, AUC 0.9437",
                                                                           "second/pfn, AUC 0.9437"])
        self.assertEqual(roc.axes[0].get_yscale(), "log")

    def test_an_unfinished_run_without_predictions_gets_its_loss(self):
        run = self.run_folder("young", predictions=False)
        lines = (run / "metrics.jsonl").read_text().splitlines()[:2]
        (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
        code, out, _ = self.report(run)
        self.assertEqual(code, 0)
        self.assertIn("No test metrics yet", Path(out).read_text())
        self.assertEqual([path.name for path in (run / "report").glob("*.png")], ["training.png"])

    def test_a_run_without_a_single_line_gets_a_page(self):
        run = self.run_folder("empty", predictions=False)
        (run / "metrics.jsonl").write_text("")
        self.assertEqual(self.report(run)[0], 0)

    def test_more_classes_than_two_are_plotted(self):
        run = self.run_folder("three", predictions=False)
        write_predictions(run, classes=("QCD", "W", "top"))
        self.assertEqual(self.report(run)[0], 0)

    def test_predictions_of_one_class_are_refused(self):
        for only, missing in ((0, "signal"), (1, "background")):
            run = self.run_folder(f"one{only}", predictions=False)
            write_predictions(run, only=only)
            code, out, error = self.report(run)
            self.assertEqual((code, out), (2, ""))
            self.assertIn(f"no {missing} events of positive weight", error)
            self.assertEqual(error.count("\n"), 1)

    def test_a_folder_that_is_no_run_a_damaged_line_and_a_damaged_file_are_named(self):
        code, _, error = self.report(self.folder)
        self.assertEqual(code, 2)
        self.assertIn("has no metrics.jsonl", error)
        run = self.run_folder("damaged")
        with open(run / "metrics.jsonl", "a") as file:
            file.write('{"kind": "tr')
        code, _, error = self.report(run)
        self.assertEqual(code, 2)
        self.assertIn("metrics.jsonl:17:", error)
        run = self.run_folder("truncated")
        (run / "predictions" / "test.h5").write_bytes(b"not HDF5")
        code, _, error = self.report(run)
        self.assertEqual(code, 2)
        self.assertIn("test.h5: cannot be read", error)


class RocCurveTest(unittest.TestCase):
    def test_agrees_with_scikit_learn_on_weighted_samples_with_ties(self):
        random = np.random.default_rng(1)
        for _ in range(20):
            size = random.integers(10, 300)
            score, weight = random.integers(0, 20, size) / 20, random.uniform(0.1, 3, size)
            is_signal = np.append(random.random(size - 2) < 0.4, [True, False])
            curve = report_plots.RocCurve(score, is_signal, weight)
            background, signal, cut = roc_curve(is_signal, score, sample_weight=weight, drop_intermediate=False)
            np.testing.assert_allclose(curve.signal_efficiency, signal)
            np.testing.assert_allclose(curve.background_efficiency, background)
            np.testing.assert_array_equal(curve.cut, cut)

    def test_a_working_point_is_the_first_cut_that_keeps_enough_signal(self):
        is_signal = np.array([True, False, True, False, False, True])
        curve = report_plots.RocCurve(np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), is_signal, np.ones(6))
        rejection, error = curve.at(np.array([1 / 3, 0.5, 1.0]))
        np.testing.assert_allclose(rejection, [np.inf, 3, 1])
        np.testing.assert_allclose(error[1:], [3, 1 / np.sqrt(3)])

    def test_a_working_point_is_the_first_cut_also_where_negative_weights_let_the_efficiency_fall(self):
        random = np.random.default_rng(2)
        for _ in range(20):
            is_signal, weight = random.random(200) < 0.5, random.choice([-1.0, 1.0, 2.0], 200)
            curve = report_plots.RocCurve(random.random(200), is_signal, weight)
            for wanted in np.linspace(0.01, 1, 50):
                left = curve.background_efficiency[np.argmax(curve.signal_efficiency >= wanted)]
                self.assertEqual(curve.at(wanted)[0], 1 / left if left > 0 else np.inf)

    def test_the_first_of_two_cuts_that_keep_enough_counts(self):
        is_signal = np.array([False, True, True, False, True, False])
        curve = report_plots.RocCurve(np.array([6, 5, 4, 3, 2, 1]), is_signal, np.array([1.0, 2, -1, 1, 1, 2]))
        np.testing.assert_array_equal(curve.signal_efficiency, [0, 0, 1, 0.5, 0.5, 1, 1])
        self.assertEqual(curve.at(0.75), (4, 4))

    def test_background_weights_that_cancel_leave_no_finite_rejection(self):
        is_signal = np.array([False, True, False, True, False])
        curve = report_plots.RocCurve(np.array([5, 4, 3, 2, 1]), is_signal, np.array([-1.0, 1, 1, 1, 2]))
        np.testing.assert_array_equal(curve.background_efficiency, [0, -0.5, -0.5, 0, 0, 1])
        np.testing.assert_array_equal(curve.at(np.array([0.5, 1])), np.inf)

    def test_numbers_show_two_digits_of_their_error(self):
        self.assertEqual(report_plots.number(153.27, 4.13), "153.3 ± 4.1")
        self.assertEqual(report_plots.number(1210.4, 95.2), "1210 ± 95")
        self.assertEqual(report_plots.number(2484.0, 1757.0), "2500 ± 1800")


if __name__ == "__main__":
    unittest.main()
