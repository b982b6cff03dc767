# SPDX-License-Identifier: MIT
"""What a finding tells besides its cause: how its place in the source deals with its other sockets,
and which sockets belong together.
"""

import re

import pytest

from lab import assert_report


def assert_lives(stats, waited_s):
    assert (stats["created"], stats["closed"], stats["leaked"]) == (7, 5, 2)
    assert 0 <= stats["life_min_s"] <= stats["life_median_s"] <= stats["life_max_s"]
    assert waited_s <= stats["life_max_s"]


def test_lives_of_the_others_of_that_place(lab):
    running = lab.start("site_lives", at_exit=0).wait_ready()
    waited_s = int(running.fact("WAITED")) / 1000
    report, _ = lab.report(running.pid)
    assert_report(report, running.expects)
    [finding] = report["findings"]
    assert_lives(finding["site_stats"], waited_s)
    text = lab.cwshim("report", "--min-age=0", running.pid).stdout
    assert "2 sockets, oldest" in text and "of 7 ever accepted here" in text
    length = r"[\d.]+ (?:ms|s|min)"
    assert re.search(rf"closed: 5 sockets accepted here, after {length} to {length}, half of them "
                     rf"within about {length}\.", " ".join(text.split()))
    assert running.finish() == 0


def test_lives_at_exit(lab):
    running = lab.start("site_lives").wait_ready()
    assert running.finish() == 0
    [finding] = lab.only_log()["findings"]
    assert_lives(finding["site_stats"], int(running.fact("WAITED")) / 1000)


def test_nothing_is_told_of_lives_where_none_was_closed(lab):
    running = lab.start("eof_not_closed", at_exit=0).wait_ready()
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    assert finding["site_stats"]["closed"] == 0
    assert [finding["site_stats"][f"life_{word}_s"] for word in ("min", "median", "max")] == [None] * 3
    assert "closed:" not in lab.cwshim("report", "--min-age=0", running.pid).stdout
    assert running.finish() == 0


def test_both_sides_of_a_relay_are_one_finding(lab):
    running = lab.start("half_close_relay", at_exit=0).wait_ready()
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    assert finding["cause"] == "half-close-relay"
    [holder] = finding["sockets"][0]["holders"]
    named = re.search(r"its other side, descriptor (\d+)\.", finding["explanation"])
    assert named and int(named[1]) != holder["fd"]
    assert running.finish() == 0


@pytest.mark.parametrize("shape", ["mutex", "upstream", "connect"])
def test_all_sockets_of_a_stuck_thread_are_one_finding(lab, shape):
    running = lab.start("stuck_thread", f"--shape={shape}", at_exit=0).wait_ready()
    report, _ = lab.report(running.pid)
    [finding] = report["findings"]
    assert finding["cause"] == "owner-stuck" and finding["count"] == len(finding["sockets"])
    assert finding["count"] == int(running.expects[0]["count"]) > 1
    assert running.finish() == 0


def test_a_worker_that_inherited_the_listener_says_nothing_of_its_queue(lab):
    """Its end is not the listener's: the parent may accept what waits."""
    running = lab.start("backlog", "--shape=worker").wait_ready()
    assert running.finish() == 0
    assert lab.logs() == []
