# SPDX-License-Identifier: MIT
"""The results as a table for people, and two results side by side."""

import estimate

LINE = "{:<58} {:<22} {:>9} {:>20} {:>8}  {}"
HEAD = LINE.format("work", "with", "median", "95 %", "budget", "")


def number(value):
    if value is None:
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def interval(summary):
    return f"{number(summary['low'])} to {number(summary['high'])}"


def verdict(result, summary):
    if result["budget"] is None or summary["variant"] != "cwshim":
        return ""
    if not result.get("is_full", True):
        return "-"
    return estimate.judge(summary, result["budget"])


def unit(result):
    return "of bare" if result["kind"] == "ratio" else \
        f"{result['unit']} added" if result["kind"] == "added" else result["unit"]


def cells(result):
    """For each variant: work, with, median, interval, budget, verdict."""
    title = f"{result['title']} ({unit(result)})"
    for summary in result["summaries"]:
        yield (title, summary["variant"], number(summary["median"]), interval(summary),
               number(result["budget"]), verdict(result, summary))
        title = ""


def lines(result):
    """One line for each variant; a row that was not measured says why."""
    yield from (LINE.format(*row) for row in cells(result))
    if not result["summaries"]:
        yield f"{result['title']} ({unit(result)}): not measured"
    for note in result["notes"]:
        yield f"    {note}"


def markdown(results):
    """The same as lines of a document; notes come last."""
    yield "| work | with | median | 95 % | budget | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for result in results["rows"]:
        for row in cells(result):
            yield "| " + " | ".join(row) + " |"
    yield ""
    for result in results["rows"]:
        for note in result["notes"]:
            yield f"- {result['title']}: {note}"


def by_variant(results):
    return {(result["name"], summary["variant"]): summary
            for result in results["rows"] for summary in result["summaries"]}


def percent(old, new):
    return f"{(new - old) / abs(old) * 100:+.1f} %" if old else "-"


def compare(old, new):
    """Lines that say how each median changed, and whether by more than the noise of both; what only
    one of them has is named.  The last lines repeat what became worse."""
    before, after = by_variant(old), by_variant(new)
    worse = []
    yield f"{'row':<20} {'with':<22} {'old':>10} {'new':>10} {'change':>9}"
    for key in sorted(before.keys() | after.keys()):
        sides = [side[key]["median"] if key in side else None for side in (before, after)]
        said = [number(side) for side in sides]
        line = f"{key[0]:<20} {key[1]:<22} {said[0]:>10} {said[1]:>10}"
        if None in sides:
            yield f"{line} {'-':>9}  only in one of them"
            continue
        change = estimate.change(before[key], after[key])
        line += f" {percent(*sides):>9}  {change}"
        worse += [line] if change == "WORSE" else []
        yield line
    yield f"worse: {len(worse) or 'nothing'}"
    yield from worse
