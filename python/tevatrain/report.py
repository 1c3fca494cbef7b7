"""Report of one or several runs: one self-contained HTML page, and each figure as PNG and SVG.

Knows a run only through its directory: metrics.jsonl, config.yaml, inputs.json and predictions.
Figures: loss and learning rate, ROC curve with background rejection on a log axis (overlaid for several runs), score
distribution by class, input distributions by class.
"""

import argparse
import base64
import html
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt

from tevatrain import report_plots
from tevatrain.report_run import REJECTION, SPLITS, ReportError, read_runs


def figure_html(figure, folder, name, heading):
    """Writes NAME.png and NAME.svg and returns the picture as HTML that needs neither."""
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    figure.set_layout_engine("none")  # the places found for the first file hold for the second
    figure.savefig(folder / f"{name}.png", dpi=130)
    plt.close(figure)
    data = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
    return (f'<h2>{html.escape(heading)}</h2><img src="data:image/png;base64,{data}" alt="{html.escape(heading)}">'
            f"<p class=files>{html.escape(name)}.png, {html.escape(name)}.svg</p>")


def metric_heading(key):
    """AUC, background rejection at eps_S = 0.3, ..."""
    if match := REJECTION.match(key):
        of_class = key[match.end():].lstrip("_")
        return f"1/ε<sub>B</sub> at ε<sub>S</sub> = {float(match.group(1)) / 100:g} {html.escape(of_class)}".rstrip()
    text = html.escape(key.replace("_", " "))
    return "AUC" + text[3:] if text.startswith("auc") else text


def metric_cell(test, key):
    """Value, its error, and the score cut of a working point."""
    value, error, cut = (test.get(key + suffix) for suffix in ("", "_error", "_cut"))
    if value is not None:
        text = f"{value:.5g}" if error is None else report_plots.number(value, error)
    else:
        text = "no background weight left" if key in test and REJECTION.match(key) else "–"
    return f"<td>{text}{f'<br><small>score ≥ {cut:.4g}</small>' if cut is not None else ''}</td>"


def metrics_table(runs):
    """HTML table of the test metrics, a row a run."""
    shown = [run for run in runs if run.test]
    if not shown:
        return "<p>No test metrics yet: the run has not finished.</p>"
    keys = dict.fromkeys(key for run in shown for key in run.test
                         if key not in ("kind", "epoch", "step") and not key.endswith(("_error", "_cut")))
    head = "".join(f"<th>{metric_heading(key)}</th>" for key in keys)
    body = "".join(f"<tr><td>{html.escape(run.name)}</td><td>{SPLITS[run.test['kind']]}</td><td>{run.test.get('step', '–')}</td>"
                   + "".join(metric_cell(run.test, key) for key in keys) + "</tr>" for run in shown)
    return f"<table><tr><th>run</th><th>events</th><th>weights of step</th>{head}</tr>{body}</table>"


STYLE = """body{font-family:sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
img{max-width:100%}.files,small{color:#666;font-size:.8rem}table{border-collapse:collapse}
td,th{border:1px solid #ccc;padding:.35rem .7rem;text-align:right}td:first-child,th:first-child{text-align:left}
pre{background:#f4f4f4;padding:1rem;overflow:auto}"""


def figures(runs, folder):
    """HTML of every figure that the runs allow."""
    parts = []
    if any(run.train or run.validation for run in runs):
        parts.append(figure_html(report_plots.plot_training(runs), folder, "training", "Training"))
    predicted = [run for run in runs if run.scores is not None]
    if predicted:
        parts.append(figure_html(report_plots.plot_roc(predicted), folder, "roc", "ROC curve"))
    for run in predicted:
        figure = report_plots.plot_scores(run)
        parts.append(figure_html(figure, folder, f"scores_{file_stem(run)}", f"Scores of {run.name}"))
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
            f"<style>{STYLE}</style><h1>{html.escape(title)}</h1>{metrics_table(runs)}{''.join(parts)}</html>\n")
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
