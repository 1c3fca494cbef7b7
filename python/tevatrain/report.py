"""Report of one or several runs: one self-contained HTML page, and each figure as PNG and SVG.

Knows a run only through its directory: metrics.jsonl, config.yaml, inputs.json and predictions.
Figures: loss and learning rate, input distributions by class. Of runs that label events: ROC curve with background
rejection on a log axis (overlaid for several runs), score distribution by class. Of runs that label rows of an object:
intersection over union of every class, at the end and against the step, confusion matrix, event displays.
"""

import argparse
import base64
import html
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from tevatrain import report_plots
from tevatrain.report_run import ReportError, read_runs
from tevatrain.report_segmentation_plots import plot_confusion, plot_event, plot_iou_bars, plot_iou_curve
from tevatrain.report_tables import tables


def figure_html(figure, folder, name, heading):
    """Writes NAME.png and NAME.svg and returns the picture as HTML that needs neither."""
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.set_layout_engine("none")  # the places found for the first file hold for the second
    figure.savefig(folder / f"{name}.png", dpi=130)
    plt.close(figure)
    data = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
    return (f'<h2>{html.escape(heading)}</h2><img src="data:image/png;base64,{data}" alt="{html.escape(heading)}">'
            f"<p class=files>{html.escape(name)}.png, {html.escape(name)}.svg</p>")


STYLE = """body{font-family:sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
img{max-width:100%}.files,small{color:#666;font-size:.8rem}table{border-collapse:collapse}
td,th{border:1px solid #ccc;padding:.35rem .7rem;text-align:right}td:first-child,th:first-child{text-align:left}
th[scope=row]{text-align:left;font-weight:normal}.classes{margin-top:1rem}
pre{background:#f4f4f4;padding:1rem;overflow:auto}"""


def event_figures(runs, folder):
    """HTML of the figures of what gives a class to each event."""
    predicted = [run for run in runs if run.scores is not None]
    if predicted:
        yield figure_html(report_plots.plot_roc(predicted), folder, "roc", "ROC curve")
    for run in predicted:
        figure = report_plots.plot_scores(run)
        yield figure_html(figure, folder, f"scores_{file_stem(run)}", f"Scores of {run.name}")


def row_figures(runs, folder):
    """HTML of the figures of what gives a class to each row of an object."""
    tested = [run for run in runs if run.test]
    if tested:
        yield figure_html(plot_iou_bars(tested), folder, "iou", "Intersection over union by class")
    for run in runs:
        if run.validation:
            yield figure_html(plot_iou_curve(run), folder, f"iou_{file_stem(run)}", f"Intersection over union of {run.name}")
    for run in (run for run in runs if run.segmentation):
        yield figure_html(plot_confusion(run), folder, f"confusion_{file_stem(run)}", f"Confusion matrix of {run.name}")
        for number, event in enumerate(run.segmentation.displays, 1):
            heading = f"Event {event.sample_id}, {run.name}"
            yield figure_html(plot_event(run, event), folder, f"event_{number}_{file_stem(run)}", heading)


def figures(runs, folder):
    """HTML of every figure that the runs allow; a loss per event and one per row do not share an axis."""
    events, rows = ([run for run in runs if run.labels_rows == chosen] for chosen in (False, True))
    parts = []
    for chosen, name in ((events, "training"), (rows, "training_rows" if events else "training")):
        if any(run.train or run.validation for run in chosen):
            parts.append(figure_html(report_plots.plot_training(chosen), folder, name, "Training"))
    parts += [*event_figures(events, folder), *row_figures(rows, folder)]
    for run in runs:
        if run.inputs.get("features"):
            figure = report_plots.plot_inputs(run)
            parts.append(figure_html(figure, folder, f"inputs_{file_stem(run)}", f"Inputs of {run.name}"))
    return parts


def file_stem(run):
    return re.sub(r"[^\w.-]+", "_", run.name).strip("_")


def write_report(runs, folder):
    """Writes index.html with its figures into a folder; returns the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    report_plots.use_style()
    parts = figures(runs, folder)
    for run in runs:
        config = run.path / "config.yaml"
        if config.is_file():
            parts.append(f"<h2>Configuration of {html.escape(run.name)}</h2>"
                         f"<pre>{html.escape(config.read_text())}</pre>")
    title = "Tevatrain: " + ", ".join(run.name for run in runs)
    page = (f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
            f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{tables(runs)}{''.join(parts)}</html>\n")
    (folder / "index.html").write_text(page)
    return folder / "index.html"


def main():
    parser = argparse.ArgumentParser(prog="tevatrain report", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--out", type=Path, help="folder of the report (default: RUN/report of the first run)")
    options = parser.parse_args()
    try:
        runs = read_runs(options.runs)
        page = write_report(runs, options.out or runs[0].path / "report")
    except ReportError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"report: {error}. Give a writable folder with --out.", file=sys.stderr)
        return 1
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
