#!/usr/bin/env python3
"""Pages of runs that give a class to each voxel: figures, displayed events and tables."""

import re
import unittest
from pathlib import Path
from unittest import mock

import numpy as np
from made_up_voxels import CLASSES, VoxelCase, metrics, write_voxel_metrics, write_voxel_predictions

from tevatrain import report, report_plots, report_segmentation, report_segmentation_plots, report_tables


class EventDisplayTest(VoxelCase):
    def test_a_display_has_equal_units_on_its_axes_their_names_and_a_title_with_numbers(self):
        run = self.voxel_run(inputs=("u", "v", "w"))
        event = run.segmentation.displays[0]
        figure = report_segmentation_plots.plot_event(run, event)
        self.assertEqual(len(figure.axes), 3)
        for axis in figure.axes:
            self.assertEqual((axis.get_xlabel(), axis.get_ylabel(), axis.get_zlabel()), ("u", "v", "w"))
            lengths = [np.diff(limits)[0] for limits in (axis.get_xlim(), axis.get_ylim(), axis.get_zlim())]
            np.testing.assert_allclose(axis._box_aspect / lengths / (axis._box_aspect[0] / lengths[0]), 1)
        above = sorted((text.get_position()[0], text.get_text()) for text in figure.texts if text.get_position()[1] == 0.865)
        self.assertEqual([text.split(":")[0] for _, text in above], ["truth", "prediction", "wrong"])
        texts = " ".join(text.get_text() for text in figure.texts)
        accuracy = 100 * np.mean(event.label == event.found)
        for text in (f"event {event.sample_id}: {len(event.label):,} voxels, accuracy {accuracy:.1f}%",
                     f"wrong: {np.sum(event.label != event.found):,}"):
            self.assertIn(text, texts)
        self.assertLessEqual({*CLASSES, "correct"}, {text.get_text() for text in figure.legends[0].get_texts()})

    def test_the_panels_have_the_colours_of_truth_of_prediction_and_of_the_wrong_rows(self):
        run = self.voxel_run()
        event = run.segmentation.displays[0]
        with mock.patch.object(report_segmentation_plots, "scatter") as scatter:
            report_segmentation_plots.plot_event(run, event)
        wrong, colors = event.label != event.found, np.array(report_plots.COLORS)
        expected = [(event.coordinates, colors[event.label]), (event.coordinates, colors[event.found]),
                    (event.coordinates[~wrong], report_segmentation_plots.CORRECT_COLOR),
                    (event.coordinates[wrong], colors[event.label[wrong]])]
        for call, (places, color) in zip(scatter.call_args_list, expected, strict=True):
            np.testing.assert_array_equal(call.args[1], places)
            np.testing.assert_array_equal(call.args[2], color)

    def test_a_large_event_is_thinned_and_says_so(self):
        run = self.voxel_run(events=1)
        event = run.segmentation.displays[0]
        with mock.patch.object(report_segmentation_plots, "MOST_POINTS", len(event.label) // 2):
            figure = report_segmentation_plots.plot_event(run, event)
        self.assertIn("(one in 3 drawn)", " ".join(text.get_text() for text in figure.texts))
        self.assertEqual(len(figure.axes[0].collections[0].get_offsets()), -(-len(event.label) // 3))

    def test_one_voxel_and_a_flat_event_are_drawn(self):
        run = self.voxel_run(events=1)
        for places in (np.ones((1, 3)), np.array([[1.0, 5, 7], [300, 80, 7]])):
            label = np.arange(len(places))
            event = report_segmentation.EventDisplay(1, places, label, label)
            report_segmentation_plots.plot_event(run, event).savefig(self.folder / "one.svg")


class FiguresTest(VoxelCase):
    def test_the_curve_has_every_class_and_the_mean_with_gaps_where_undefined(self):
        axis = report_segmentation_plots.plot_iou_curve(self.voxel_run(events=1, scale=0.3)).axes[0]
        lines = {line.get_label(): line.get_data() for line in axis.get_lines()}
        self.assertEqual(list(lines), [*CLASSES, "mean"])
        np.testing.assert_array_equal(lines["mean"][0], 100 * np.arange(1, 9))
        expected = [metrics(0.85 * (1 - np.exp(-epoch / 2))) for epoch in range(1, 9)]
        np.testing.assert_allclose(lines["mean"][1], [values["mean_iou"] for values in expected])
        np.testing.assert_allclose(lines["delta"][1], [np.nan, *(values["iou_delta"] for values in expected[1:])])

    def test_the_bars_of_runs_stand_side_by_side_with_their_numbers(self):
        runs = report.read_runs([self.voxel_folder("uresnet", events=1, scale=0.3), self.voxel_folder("mlp", events=1, scale=0.3)])
        runs[1].test |= {"iou_michel": None, "mean_iou": 0.25}
        axis = report_segmentation_plots.plot_iou_bars(runs).axes[0]
        centers = [[bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in axis.containers]
        np.testing.assert_allclose(np.mean(centers, 0), np.arange(6), atol=1e-12)
        texts = [text.get_text() for text in axis.texts]
        self.assertEqual(texts[:6], [f"{runs[0].test[key]:.3f}" for key in (*(f"iou_{name}" for name in CLASSES), "mean_iou")])
        self.assertEqual((texts[8], texts[11]), ("–", "0.250"))

    def test_numbers_over_narrow_bars_stand_upright(self):
        run = self.voxel_run(events=1, scale=0.3)
        for runs, rotation in (([run], 0), ([run] * 6, 90)):
            axis = report_segmentation_plots.plot_iou_bars(runs).axes[0]
            self.assertEqual({text.get_rotation() for text in axis.texts}, {rotation})

    def test_many_classes_with_long_names_are_drawn_in_colours_of_their_own(self):
        run = self.voxel_run(events=1, scale=0.3)
        run.classes = [f"a_class_with_number_{index}" for index in range(14)]
        counts = np.arange(14 * 14).reshape(14, 14)
        run.segmentation = report_segmentation.Segmentation(counts.astype(float), counts)
        axis = report_segmentation_plots.plot_confusion(run).axes[0]
        self.assertEqual({text.get_rotation() for text in axis.get_xticklabels()}, {30})
        self.assertEqual(len(set(report_segmentation_plots.class_colors(14))), 14)

    def test_a_legend_has_no_more_columns_than_fit(self):
        run = self.voxel_run(events=1, scale=0.3)
        for names in (CLASSES, [f"a_class_with_number_{index}" for index in range(14)]):
            run.inputs["classes"] = names
            run.inputs["features"][0]["counts"] = [[1.0] * 50] * len(names)
            figure = report_plots.plot_inputs(run)
            figure.canvas.draw()
            legend = figure.legends[0].get_window_extent()
            self.assertGreater(legend.x0, 0)
            self.assertLess(legend.x1, figure.bbox.x1)


class PageTest(VoxelCase):
    def test_a_finished_run_gives_its_own_figures_and_no_roc_curve(self):
        run = self.voxel_folder()
        code, out, error = self.report(run)
        self.assertEqual((code, error), (0, ""))
        names = ["confusion_uresnet", *(f"event_{number}_uresnet" for number in (1, 2, 3)), "inputs_uresnet", "iou",
                 "iou_uresnet", "training"]
        for kind in ("png", "svg"):
            self.assertEqual(sorted(path.stem for path in (run / "report").glob(f"*.{kind}")), names)
        self.assertEqual(Path(out).read_text().count('src="data:image/png;base64,'), len(names))
        display = run / "report" / "event_1_uresnet.svg"
        self.assertIn("<image", display.read_text())
        self.assertLess(display.stat().st_size, 300_000)

    def test_runs_of_both_kinds_get_the_figures_and_tables_of_their_kind(self):
        events, voxels = self.run_folder("pfn"), self.voxel_folder(events=1, scale=0.3)
        code, out, error = self.report(events, voxels, "--out", self.folder / "both")
        self.assertEqual((code, error), (0, ""))
        names = {path.stem for path in (self.folder / "both").glob("*.png")}
        self.assertEqual(names, {"training", "training_rows", "roc", "scores_pfn", "inputs_pfn", "inputs_uresnet", "iou",
                                 "iou_uresnet", "confusion_uresnet", "event_1_uresnet"})
        page = Path(out).read_text()
        self.assertEqual(page.count("<table"), 3)
        self.assertIn("150 ± 11", page)

    def test_a_run_before_its_first_test_shows_its_curve(self):
        run = self.folder / "young"
        run.mkdir()
        write_voxel_metrics(run, test=None)
        code, out, _ = self.report(run)
        self.assertEqual(code, 0)
        self.assertEqual({path.stem for path in (run / "report").glob("*.png")}, {"training", "iou_young"})
        self.assertIn("No test metrics yet", Path(out).read_text())

    def test_a_run_without_test_events_shows_those_of_validation(self):
        run = self.folder / "val"
        run.mkdir()
        write_voxel_metrics(run, test="best_validation")
        write_voxel_predictions(run, events=1, scale=0.3, name="val")
        run = report.read_runs([run])[0]
        self.assertEqual((run.split, run.unit), ("validation", "row"))
        self.assertEqual(report_segmentation_plots.plot_iou_bars([run]).axes[0].get_title(loc="right"), "validation events")
        self.assertIn("<td>validation</td>", report_tables.tables([run]))


class TablesTest(VoxelCase):
    def test_the_first_table_is_short_and_the_second_has_a_row_a_class_of_a_run(self):
        runs = report.read_runs([self.voxel_folder("uresnet", events=1, scale=0.3), self.voxel_folder("mlp", events=1, scale=0.3)])
        runs[1].test["purity_michel"] = None
        first, second = re.findall("<table.*?</table>", report_tables.tables(runs))
        self.assertEqual(re.findall("<th>(.*?)</th>", first), ["run", "events", "weights of step", "loss", "accuracy", "mean IoU"])
        rows = re.findall("<tr>(.*?)</tr>", second)[1:]
        self.assertEqual(len(rows), 2 * len(CLASSES))
        count = runs[0].segmentation.counts.sum(1)[1]
        values = [f"{runs[0].test[key + '_track']:.5g}" for key in ("iou", "efficiency", "purity")]
        self.assertEqual(re.findall("<t[dh].*?>(.*?)</t", rows[1]), ["track", f"{count:,}", *values])
        self.assertIn("<td>–</td>", rows[7])

    def test_a_run_without_predictions_has_its_classes_from_the_metrics(self):
        folder = self.folder / "bare"
        folder.mkdir()
        write_voxel_metrics(folder)
        run = report.read_runs([folder])[0]
        self.assertEqual(run.row_classes(), list(CLASSES))
        self.assertIn("low_energy", report_tables.tables([run]))


if __name__ == "__main__":
    unittest.main()
