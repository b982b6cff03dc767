# SPDX-License-Identifier: MIT
"""What an interpreter's own teardown closes, before main returns, is reported all the same."""
import json
import os
import pathlib
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
TIMEOUT_S = 60
PYTHON = """
import atexit, socket, sys
def serve():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    client.close()
    while served.recv(100):
        pass
    return served, listener
kept = serve()
"""
PERL = """
use strict; use IO::Socket::INET;
my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $listener->sockport) or die;
our $served = $listener->accept;  # a lexical would end with its scope
close $client;
1 while <$served>;
"""
ENDS = {
    "python, end of script": ("/usr/bin/python3", PYTHON, 0),
    "python, sys.exit": ("/usr/bin/python3", PYTHON + "sys.exit(3)\n", 3),
    "python, exception": ("/usr/bin/python3", PYTHON + "raise SystemExit(4)\n", 4),
    "python, deep": ("/usr/bin/python3", PYTHON + "for _ in range(9): kept = [kept]\n", 0),
    "perl, end of script": ("perl", PERL, 0),
    "perl, exit": ("perl", PERL + "exit 5;\n", 5),
}
TWINS = {
    "python, closed": ("/usr/bin/python3", PYTHON + "kept[0].close()\n"),
    "python, closed by a handler": ("/usr/bin/python3", PYTHON + "atexit.register(kept[0].close)\n"),
    "python, given up": ("/usr/bin/python3", PYTHON + "kept = None\n"),
    "perl, closed": ("perl", PERL + "close $served;\n"),
    "perl, given up": ("perl", PERL + "undef $served;\n"),
}


def run(interpreter, script, tmp_path, **options):
    words = {"session_dir": tmp_path / "s", "log_path": tmp_path / "log", "format": "json"}
    environment = dict(os.environ, LD_PRELOAD=str(BUILD / "libcwshim.so"),
                       CWSHIM_OPTIONS=":".join(f"{k}={v}" for k, v in (words | options).items()))
    flag = "-e" if interpreter == "perl" else "-c"
    return subprocess.run([interpreter, flag, script], env=environment, text=True,
                          capture_output=True, check=False, timeout=TIMEOUT_S)


@pytest.mark.parametrize("end", ENDS)
def test_what_the_teardown_closes_was_a_leak(tmp_path, end):
    interpreter, script, status = ENDS[end]
    done = run(interpreter, script, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    report = json.loads((tmp_path / "log").read_text())
    [finding] = report["findings"]
    assert (finding["cause"], finding["count"]) == ("eof-read-not-closed", 1)
    assert finding["closed_at_exit"] and finding["confirmed"] and report["reason"] == "exit"
    assert report["processes"][0]["ended"] is None  # it was asked at the door


@pytest.mark.parametrize("end", ENDS)
def test_the_exit_status_that_was_asked_for(tmp_path, end):
    assert run(*ENDS[end][:2], tmp_path, exitcode=99).returncode == 99


@pytest.mark.parametrize("twin", TWINS)
def test_what_the_program_closes_is_no_leak(tmp_path, twin):
    done = run(*TWINS[twin], tmp_path, exitcode=99)
    assert (done.returncode, done.stderr) == (0, "") and not (tmp_path / "log").exists()
    assert list((tmp_path / "s").iterdir()) == []

