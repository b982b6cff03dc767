# SPDX-License-Identifier: MIT
"""Where no reporter can be started or reached as usual: the library alone, and other users."""
import json
import os
import pathlib
import shutil
import subprocess

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
NOBODY = 65534

# A server as root starts them: the worker changes its user, serves one client and
# forgets it; the signal ends it before the interpreter can clean up.
WORKER = """
import os, socket
listener = socket.create_server(("127.0.0.1", 0))
worker = os.fork()
if worker == 0:
    os.setgid({nobody}); os.setuid({nobody})
    client = socket.create_connection(listener.getsockname())
    served, _ = listener.accept()
    client.close()
    while served.recv(100):
        pass
    os.kill(os.getpid(), 15)
os.waitpid(worker, 0)
"""


def test_the_library_alone_still_tells(tmp_path):
    library = shutil.copy(BUILD / "libcwshim.so", tmp_path)
    sessions = tmp_path / "sessions"
    env = dict(os.environ, LD_PRELOAD=str(library), CWSHIM_OPTIONS=f"session_dir={sessions}")
    done = subprocess.run([BUILD / "targets" / "eof_not_closed"], env=env, text=True, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0
    assert "3 sockets, the first is fd" in done.stderr
    assert "eof-read-not-closed" in done.stderr
    assert "targets/eof_not_closed+0x" in done.stderr
    session = done.stderr.splitlines()[0].split()[-1]
    report = subprocess.run([BUILD / "cwshim", "report", "--format=json", session], text=True,
                            capture_output=True, check=False, timeout=60)
    assert [f["cause"] for f in json.loads(report.stdout)["findings"]] == ["eof-read-not-closed"]


def test_a_reporter_that_fails_is_not_silence(tmp_path):
    """As where it has too little memory: the library tells by itself, and waits for nobody."""
    library = shutil.copy(BUILD / "libcwshim.so", tmp_path)
    reporter = tmp_path / "cwshim"
    reporter.write_text("#!/bin/sh\nexit 3\n")
    reporter.chmod(0o755)
    env = dict(os.environ, LD_PRELOAD=str(library), CWSHIM_OPTIONS=f"session_dir={tmp_path / 's'}")
    done = subprocess.run([BUILD / "targets" / "eof_not_closed"], env=env, text=True, check=False,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0
    assert "the reporter has failed" in done.stderr
    assert "eof-read-not-closed" in done.stderr


def test_run_sees_workers_of_another_user(tmp_path):
    output = tmp_path / "report.json"
    done = subprocess.run([BUILD / "cwshim", "run", "--format=json", f"--output={output}",
                           "--error-exitcode=9", "--", "/usr/bin/python3", "-c",
                           WORKER.format(nobody=NOBODY)],
                          text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 9, done.stderr
    findings = json.loads(output.read_text())["findings"]
    assert [f["cause"] for f in findings] == ["eof-read-not-closed"], findings
    assert done.stderr == ""
