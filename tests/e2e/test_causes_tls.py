# SPDX-License-Identifier: MIT
"""The causes that lie in a TLS library above the socket, on real ones: OpenSSL and GnuTLS."""

import signal

import pytest

from lab import REPORT_SIGNAL, assert_report

GOODBYES = [
    *(("tls_goodbye", f"--shape={shape}", f"--tls={version}")
      for shape in ("first", "both", "cut", "late") for version in ("1.2", "1.3")),
    *(("tls_gnutls", f"--shape={shape}") for shape in ("first", "cut")),
]
HANDSHAKES = [
    *(("tls_handshake", f"--shape={shape}", f"--tls={version}")
      for shape, version in (("bits", "1.3"), ("hello", "1.2"), ("hello", "1.3"))),
    *(("tls_gnutls_handshake", f"--shape={shape}") for shape in ("bits", "hello")),
]
TARGETS = [*GOODBYES, ("tls_freed",), *HANDSHAKES]
# A handshake that was completed before the client hung up.
COMPLETED = [("tls_handshake", "--shape=done", f"--tls={version}") for version in ("1.2", "1.3")]
UNKNOWN = {"unread-not-closed", "eof-read-not-closed"}


def name_of(target):
    return " ".join(target)


def assert_not_false(report, running):
    [expect] = running.expects
    assert {finding["cause"] for finding in report["findings"]} <= {expect["cause"]} | UNKNOWN


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_while_it_lives(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    report, status = lab.report(running.pid)
    assert_report(report, running.expects)
    assert status == 1
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    assert running.finish() == 0
    assert running.stderr == ""


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_at_its_normal_end(lab, target):
    running = lab.start(*target).wait_ready()
    assert running.finish() == 0
    assert_report(lab.only_log(), running.expects)


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
def test_killed(lab, target):
    running = lab.start(*target).wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert_not_false(lab.report(running.pid)[0], running)


@pytest.mark.parametrize("shape", ["cut"])
@pytest.mark.parametrize("name", ["tls_goodbye", "tls_gnutls"])
def test_an_end_that_was_read_is_enough_when_killed(lab, name, shape):
    running = lab.start(name, f"--shape={shape}").wait_ready()
    running.send(signal.SIGKILL)
    assert running.finish() == -signal.SIGKILL
    assert_report(lab.report(running.pid)[0], running.expects)


@pytest.mark.parametrize("target", [*TARGETS, COMPLETED[0]], ids=name_of)
def test_the_correct_twin_is_silent(lab, target):
    running = lab.start(*target, "--fixed").wait_ready()
    report, status = lab.report(running.pid)
    assert running.finish() == 0
    assert report["findings"] == [] and status == 0
    assert lab.logs() == []


@pytest.mark.parametrize("target", COMPLETED, ids=name_of)
def test_a_completed_handshake_is_not_stalled(lab, target):
    running = lab.start(*target, at_exit=0).wait_ready()
    [finding] = lab.report(running.pid)[0]["findings"]
    assert finding["cause"] == "unread-not-closed" and finding["also_possible"] == []
    assert running.finish() == 0


@pytest.mark.parametrize("at_exit", [0, 1])
def test_a_failed_handshake_was_told_of(lab, at_exit):
    running = lab.start("tls_handshake", "--shape=failed", at_exit=at_exit).wait_ready()
    report = None if at_exit else lab.report(running.pid)[0]
    assert running.finish() == 0
    [finding] = (report or lab.only_log())["findings"]
    assert finding["cause"] == "eof-read-not-closed" and finding["count"] == 3
    assert finding["also_possible"] == ["tls-handshake-stalled"]
    assert "SSL_accept()" in finding["explanation"]


def test_the_library_is_named_where_the_session_was_only_freed(lab):
    running = lab.start("tls_freed", at_exit=0, format="text").wait_ready()
    told = lab.cwshim("report", "--min-age=0", str(running.pid)).stdout
    assert "SSL_read() of libssl.so" in " ".join(told.split())
    assert running.finish() == 0


@pytest.mark.parametrize("unwind", ["none", "caller"])
@pytest.mark.parametrize("target", [GOODBYES[0], ("tls_goodbye", "--shape=cut"), HANDSHAKES[0]],
                         ids=name_of)
def test_without_stacks_nothing_false_is_said(lab, target, unwind):
    running = lab.start(*target, at_exit=0, unwind=unwind).wait_ready()
    report, _ = lab.report(running.pid)
    assert report["findings"]
    causes = {finding["cause"] for finding in report["findings"]}
    # An alert without a stack is a write after the end, and what it met was a reset.
    assert causes <= UNKNOWN | {running.expects[0]["cause"], "half-open-in-use",
                                "reset-not-closed"}
    assert running.finish() == 0
