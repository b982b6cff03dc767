# SPDX-License-Identifier: MIT
"""From figures to a statement: variants measured side by side, and what their pairs allow to say.

A round starts everything anew; in a round, each variant is measured in slices that take turns, so
that what slows the machine down for a while slows down both halves of a pair.  What differs from
start to start (addresses, which processor) differs between rounds.  The interval is the bootstrap's
(Efron & Tibshirani, An Introduction to the Bootstrap, 13.3): rounds are drawn with replacement, in
each of them slices, and the middle 95 % of the medians are kept."""

import contextlib
import random
import statistics
import subprocess

BARE = "bare"
DRAWS = 1000
TAIL = 0.025


class CannotMeasure(Exception):
    """The row's note says why; the row stays in the table."""


class Attempts:
    """Variants that could not be measured are left out from then on, and it is kept why."""

    EXPECTED = (CannotMeasure, OSError, subprocess.SubprocessError)

    def __init__(self):
        self.failed = {}

    def do(self, variant, action):
        """What the action gives; None if this variant has failed, now or before."""
        if variant in self.failed:
            return None
        try:
            return action()
        except self.EXPECTED as error:
            self.failed[variant] = str(error)
            return None


def measure_round(attempts, variants, slices, start):
    """{variant: [figure of each slice]}; the order turns around from slice to slice."""
    figures = {variant: [] for variant in variants}
    with contextlib.ExitStack() as running:
        takes = {variant: attempts.do(variant, lambda v=variant: running.enter_context(start(v)))
                 for variant in variants}
        for number in range(slices):
            for variant in variants if number % 2 == 0 else reversed(variants):
                figures[variant].append(attempts.do(variant, takes[variant]))
    return figures


def interleave(rounds, slices, variants, start):
    """{variant: [[figure of each slice] of each round]}, and {variant: why it has none}.

    `start` gives a context for a variant, in which its program runs; what that yields takes one
    figure.  The order turns around from round to round as well."""
    attempts = Attempts()
    figures = {variant: [] for variant in variants}
    for number in range(rounds):
        order = list(variants) if number % 2 == 0 else list(reversed(variants))
        for variant, taken in measure_round(attempts, order, slices, start).items():
            figures[variant].append(taken)
    return ({variant: taken for variant, taken in figures.items()
             if variant not in attempts.failed}, attempts.failed)


COMBINE = {"ratio": lambda bare, other: other / bare, "added": lambda bare, other: other - bare,
           "value": lambda bare, other: other}


def draw(rng, values):
    return [values[rng.randrange(len(values))] for _ in values]


def interval(pairs):
    """The ends of the interval that holds the median; with one pair, that pair."""
    if len(pairs) == 1 and len(pairs[0]) == 1:
        return pairs[0][0], pairs[0][0]
    rng = random.Random(1)
    medians = sorted(statistics.median([pair for taken in draw(rng, pairs)
                                        for pair in draw(rng, taken)]) for _ in range(DRAWS))
    return medians[int(DRAWS * TAIL)], medians[-1 - int(DRAWS * TAIL)]


def summarize(kind, figures, variant):
    """What the pairs say about a variant: their median, its interval, and the extremes."""
    pairs = [[COMBINE[kind](*pair) for pair in zip(bare, other)]
             for bare, other in zip(figures.get(BARE, figures[variant]), figures[variant])]
    every = [pair for taken in pairs for pair in taken]
    low, high = interval(pairs)
    return {"median": statistics.median(every), "low": low, "high": high, "min": min(every),
            "max": max(every)}


def judge(summary, budget):
    """A noisy machine cannot tell everything, and then it does not."""
    if summary["high"] <= budget:
        return "within"
    return "OVER" if summary["low"] > budget else "cannot be told"


def change(old, new):
    """Whether two summaries of the same row differ by more than their intervals; less is better."""
    ends = [(side.get("low", side["min"]), side.get("high", side["max"])) for side in (old, new)]
    if ends[1][0] > ends[0][1]:
        return "WORSE"
    return "better" if ends[1][1] < ends[0][0] else "no difference seen"
