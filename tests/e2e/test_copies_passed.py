# SPDX-License-Identifier: MIT
"""Connections that were sent to workers, after their sender was killed."""

import copies
from test_copies import BARE, LATE


def test_workers_are_left_with_copies_of_one_another(lab):
    """The sender's own copies have gone with it; what is left was inherited by later workers."""
    with copies.started(lab, (*LATE, "--children=2")) as running:
        copies.kill(running)
        report, _ = lab.report(running.pid)
        [finding] = report["findings"]
        assert (finding["cause"], finding["count"]) == ("child-kept-copy", 2)
        assert "fork_worker" in finding["stacks"]["forked"][0]["function"]
        assert copies.found_holders(report) == [
            holder for holder in copies.said_holders(running) if holder[2] == "fork"]


def test_nothing_is_claimed_of_what_was_read_out_of_sight(lab):
    with copies.started(lab, (*BARE, "--children=2")) as running:
        copies.kill(running)
        report, status = lab.report(running.pid)
        assert report["findings"] == [] and status == 0
