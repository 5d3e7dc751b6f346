"""Draw results.json as bench.png; run by the venv that has matplotlib."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

_COLOURS = {
    "cook": "#c8553d",
    "ssh": "#8d99ae",
    "script": "#8d99ae",
    "pyinfra": "#588b8b",
    "ansible": "#28536b",
}
_TITLES = {
    "version": "cook --version",
    "noop-lan": "W50, nothing to do, LAN",
    "noop-far": "W50, nothing to do, 50 ms",
    "thousand": "1,000 resources, nothing to do",
    "files-far": "200 files to write, 50 ms",
    "noop-ten": "W50, nothing to do, 10 hosts",
    "fresh": "W50, everything to do",
}


def main(results: Path, picture: Path) -> None:
    """One bar for each contender in each case, in seconds, on a log scale."""
    matplotlib: Any = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    document = json.loads(results.read_text())
    figures = [figure for figure in document["figures"] if figure["unit"] == "s"]
    plot, axes = pyplot.subplots(figsize=(9, 1.6 + 0.34 * len(figures)), layout="constrained")
    _draw(axes, figures)
    machine = document["machine"]
    axes.set_title(f"cook {machine['cook']}, {machine['cores']} cores, {machine['date']}")
    plot.savefig(picture, dpi=130)


def _draw(axes: Any, figures: list[dict[str, Any]]) -> None:
    places = _places(figures)
    medians = [figure["median"] for figure in figures]
    colours = [_COLOURS.get(figure["who"], "#444444") for figure in figures]
    bars = axes.barh(places, medians, color=colours, height=0.8)
    axes.bar_label(bars, [f" {seconds:.2f} s" for seconds in medians], fontsize=8)
    axes.set_yticks(places, [_label(figure) for figure in figures], fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(0.01, max(medians, default=1) * 3)
    axes.invert_yaxis()
    axes.set_xlabel("seconds (median; log scale)")
    axes.spines[["top", "right"]].set_visible(False)


def _places(figures: list[dict[str, Any]]) -> list[float]:
    """One below the other, with a gap before each new case."""
    places: list[float] = []
    before = None
    for figure in figures:
        last = places[-1] if places else 0.0
        places.append(last + (1.0 if figure["case"] == before else 1.6))
        before = figure["case"]
    return places


def _label(figure: dict[str, Any]) -> str:
    return f"{_TITLES.get(figure['case'], figure['case'])} · {figure['who']}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
