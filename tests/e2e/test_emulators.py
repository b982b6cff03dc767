# SPDX-License-Identifier: MIT
"""Under valgrind, where what shares memory beside a thread's own is a fork, or the program's end."""

import signal

from lab import BUILD, REPORT_SIGNAL, assert_report

STATUS = 7


def start(lab):
    """A host that leaks one connection; a report of the tool itself goes elsewhere."""
    command = ["valgrind", "--quiet", f"--log-file={lab.root / 'valgrind.%p'}",
               "--error-exitcode=55", BUILD / "targets" / "host", "plain"]
    return lab.start_command(command).wait_ready()


def test_a_report_at_exit(lab):
    running = start(lab)
    assert running.finish() == STATUS
    assert running.stderr == ""
    assert_report(lab.only_log(), running.expects)


def test_a_report_on_the_signal(lab):
    """The program lives on, and a deadly signal is answered, too."""
    running = start(lab)
    running.send(REPORT_SIGNAL)
    assert_report(lab.log_of(running), running.expects)
    lab.logs()[0].unlink()
    running.send(signal.SIGTERM)
    assert running.finish() == -signal.SIGTERM
    assert_report(lab.only_log(), running.expects)
