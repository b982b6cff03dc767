# SPDX-License-Identifier: MIT
"""The matrix in docs/causes.md: what each target's cause is called, live, at exit and killed.

The table in the document is this test's: with CWSHIM_WRITE_MATRIX=1 it is written anew, else it must
be the same.  No cell may be wrong.
"""

import contextlib
import os
import signal

import copies
from lab import SOURCE, Lab

# Their children live until they are told to end; see copies.py.
COPIES = [
    *(("kept_by_parent", f"--shape={shape}") for shape in ("stdio", "daemon", "crowd")),
    *(("kept_by_child", f"--shape={shape}") for shape in ("helper", "pool", "worker")),
    *(("kept_by_program", f"--shape={shape}") for shape in ("fork", "spawn", "system", "bare")),
    *(("kept_by_sender", f"--shape={shape}") for shape in ("workers", "exec", "bare")),
    *(("kept_twice", f"--shape={shape}") for shape in ("dup", "fdopen", "inherited")),
]
TARGETS = [
    ("forkserver", "--clients=5"),
    *COPIES,
    ("kept_duplicate",),
    ("eof_not_closed",),
    ("stream_not_closed",),
    ("own_client",),
    ("cxx_inlined",),
    ("shutdown_not_closed",),
    ("half_open_in_use",),
    ("half_open_in_use", "--unseen"),
    *(("exhausted", f"--shape={shape}") for shape in ("accept", "socket")),
    *(("closed_late", f"--shape={shape}") for shape in ("sweep", "shutdown", "idle")),
    ("unread_not_closed",),
    ("unread_not_closed", "--shape=pool"),
    ("opened_elsewhere",),
    ("ring_server",),
    *(("wrong_close", f"--shape={shape}") for shape in ("miscounted", "stale", "neighbour")),
    *(("tls_goodbye", f"--shape={shape}") for shape in ("first", "both", "cut", "late")),
    *(("tls_gnutls", f"--shape={shape}") for shape in ("first", "cut")),
    ("tls_freed",),
    *(("tls_handshake", f"--shape={shape}") for shape in ("bits", "hello")),
    *(("tls_gnutls_handshake", f"--shape={shape}") for shape in ("bits", "hello")),
    ("half_close_relay",),
    *(("half_close_relay", f"--shape={shape}") for shape in ("loop", "threads")),
    *(("backlog", f"--shape={shape}") for shape in ("never", "stopped")),
    *(("client_sockets", f"--shape={shape}") for shape in ("reconnect", "abandoned", "pooled", "reused")),
    *(("stuck_thread", f"--shape={shape}") for shape in ("send", "mutex", "upstream", "polled", "connect", "sleep", "child")),
    *(("event_loop", f"--shape={shape}")
      for shape in ("stopped", "paused", "removed", "edge", "oneshot", "forgotten")),
    *(("libevent_server", f"--shape={shape}") for shape in ("paused", "removed", "stopped")),
    *(("microhttpd_server", f"--shape={shape}") for shape in ("suspended", "upgraded")),
    ("paused_server.js",),
    *(("socket_server.py", f"--shape={shape}") for shape in ("forgotten", "shutdown", "forking")),
    *(("http_client.py", f"--shape={shape}") for shape in ("pooled", "abandoned")),
    *(("select_server.py", f"--shape={shape}")
      for shape in ("poll", "select", "paused", "forgotten", "send", "reset")),
    *(("reset_not_closed", f"--shape={shape}") for shape in ("told", "untold")),
    ("forking_server.pl",),
    ("reconnecting_client.rb",),
    ("stream_server.php",),
    ("channel_server.tcl",),
    ("Swallow.java",),
    *(("libcurl_client", f"--shape={shape}") for shape in ("pooled", "abandoned")),
]
# It waits twice as long.
OPTIONS = {"closed_late": {"late": "200ms"}}
# Of several that follow from one another, the one that the program is about.
ABOUT = "fd-exhaustion"
UNKNOWN = {"unread-not-closed", "eof-read-not-closed", "opened-elsewhere"}
BEGIN, END = "<!-- matrix: begin -->\n", "<!-- matrix: end -->\n"


@contextlib.contextmanager
def started(lab, target, **changes):
    changes |= OPTIONS.get(target[0], {})
    if target in COPIES:
        with copies.started(lab, target, **changes) as running:
            yield running
    else:
        yield lab.start(*target, **changes).wait_ready()


def live(lab, target):
    with started(lab, target, at_exit=0) as running:
        return running, lab.report(running.pid)[0]


def forget_report_of_exhaustion(lab, running):
    """It is made when the first call fails, under the name of the one at exit."""
    if ABOUT in causes_of(running):
        lab.log_of(running)
        (lab.log_dir / f"{running.pid}.log").unlink()


def at_exit(lab, target):
    with started(lab, target) as running:
        forget_report_of_exhaustion(lab, running)
        assert running.finish() == 0
        return running, lab.only_log() if lab.logs() else {"findings": []}


def killed(lab, target):
    with started(lab, target) as running:
        running.send(signal.SIGKILL)
        running.finish()
        return running, lab.report(running.pid)[0]


def causes_of(running):
    """The one that the row is about comes first."""
    return sorted((expect["cause"] for expect in running.expects), key=lambda cause: cause != ABOUT)


def judge(running, report):
    """right, unknown, nothing, or what was said wrongly."""
    expected = causes_of(running)
    found = {finding["cause"] for finding in report["findings"]}
    wrong = found - {*expected} - UNKNOWN
    if wrong:
        return "WRONG: " + ", ".join(sorted(wrong))
    if expected[0] in found and found <= {*expected}:
        return "right"
    return "unknown" if found else "nothing"


def row(root, target):
    cells, cause = [], ""
    for way in (live, at_exit, killed):
        place = root / f"{target[0]}{len(list(root.iterdir()))}"
        place.mkdir()
        lab = Lab(place)
        try:
            running, report = way(lab, target)
            cause = causes_of(running)[0]
            cells.append(judge(running, report))
        finally:
            lab.destroy()
    return f"| `{cause}` | {' '.join(target)} | {' | '.join(cells)} |\n"


HEADING = "| Cause | target | live | at exit | killed |\n|---|---|---|---|---|\n"


def settled_row(root, target, written):
    """As it is written, or, if it is not, as it is a second time: a loaded machine may cost a fact.

    What is wrong stays wrong, however seldom it is said.
    """
    made = row(root, target)
    return made if made in written or "WRONG" in made else row(root, target)


def make_matrix(root, written):
    return HEADING + "".join(settled_row(root, target, written) for target in TARGETS)


def test_the_matrix_is_the_documents(tmp_path):
    path = SOURCE / "docs" / "causes.md"
    text = path.read_text()
    head, rest = text.split(BEGIN)
    written, tail = rest.split(END)
    matrix = make_matrix(tmp_path, written)
    assert "WRONG" not in matrix
    if os.environ.get("CWSHIM_WRITE_MATRIX"):
        path.write_text(head + BEGIN + matrix + END + tail)
    else:
        assert matrix == written
