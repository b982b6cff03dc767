# SPDX-License-Identifier: MIT
"""The results as a table for people, and two results side by side."""

LINE = "{:<58} {:<22} {:>9} {:>9} {:>9} {:>8}  {}"
HEAD = LINE.format("work", "with", "median", "min", "max", "budget", "")


def number(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def verdict(result, summary):
    if result["budget"] is None or summary["variant"] != "cwshim":
        return ""
    if not result.get("is_full", True):
        return "-"
    return "ok" if summary["median"] <= result["budget"] else "OVER"


def unit(result):
    return "of bare" if result["kind"] == "ratio" else \
        f"{result['unit']} added" if result["kind"] == "added" else result["unit"]


def lines(result):
    """One line for each variant; a row that was not measured says why."""
    title = f"{result['title']} ({unit(result)})"
    for summary in result["summaries"]:
        yield LINE.format(title, summary["variant"], number(summary["median"]),
                          number(summary["min"]), number(summary["max"]),
                          number(result["budget"]), verdict(result, summary))
        title = ""
    if not result["summaries"]:
        yield f"{title}: not measured"
    for note in result["notes"]:
        yield f"    {note}"


def medians(results):
    return {(result["name"], summary["variant"]): (result, summary["median"])
            for result in results["rows"] for summary in result["summaries"]}


def compare(old, new):
    """Lines that say how each median changed; what only one of them has is named."""
    before, after = medians(old), medians(new)
    yield f"{'row':<18} {'with':<22} {'old':>10} {'new':>10} {'change':>10}"
    for key in sorted(before.keys() | after.keys()):
        values = [side[key][1] if key in side else None for side in (before, after)]
        change = number(values[1] - values[0]) if None not in values else "-"
        yield f"{key[0]:<18} {key[1]:<22} {number(values[0]):>10} {number(values[1]):>10} " \
              f"{change:>10}"
