# SPDX-License-Identifier: MIT
"""openssh-server: login by key, a command, a file copied each way; its child is sandboxed."""

import os
import pathlib

import servers

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {d}/host_key
AuthorizedKeysFile {d}/user_key.pub
PidFile {d}/pid
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
Subsystem sftp internal-sftp
LogLevel ERROR
"""


def make_key(run, name):
    run.client("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", run.directory / name)


def start(run):
    port = servers.free_port()
    make_key(run, "host_key")
    make_key(run, "user_key")
    if os.geteuid() == 0:
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # its privilege separation directory
    config = run.file("sshd_config", CONFIG.format(d=run.directory, port=port))
    return run.start("/usr/sbin/sshd", "-D", "-e", "-f", config, port=port), port


def scenario(run):
    sshd, port = start(run)
    options = ["-F", "none", "-i", run.directory / "user_key", "-o", "BatchMode=yes",
               "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={run.directory}/known",
               "-o", "LogLevel=ERROR"]
    seen = []
    for number in range(5):
        done = run.client("ssh", *options, "-p", port, "127.0.0.1", f"echo {number}; exit {number}")
        seen.append((done.returncode, done.stdout, done.stderr))
    there = run.file("there", "some text\n" * 10000)
    for source, target in ((there, "127.0.0.1:" + str(run.directory / "copied")),
                           ("127.0.0.1:" + str(there), run.directory / "fetched")):
        done = run.client("scp", "-q", *options, "-P", port, source, target)
        seen.append((done.returncode, done.stderr))
    seen += [(run.directory / name).read_text() == there.read_text()
             for name in ("copied", "fetched")]
    refused = run.client("ssh", *options, "-p", port, "no-such-user@127.0.0.1", "true")
    return seen + [refused.returncode, run.stop(sshd)]


def test_openssh():
    servers.compare(scenario, "openssh-server", servers.version_of("/usr/bin/ssh", "-V"),
                    "5 commands by key, scp both ways, a refused login")
