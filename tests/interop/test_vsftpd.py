# SPDX-License-Identifier: MIT
"""vsftpd: anonymous transfers, in a chroot; and a login in its seccomp sandbox.

Transfers run without the sandbox: its filter does not know newfstatat, which glibc 2.36 uses for
every stat, so that a bare vsftpd of Debian 12 is killed by its own sandbox when it lists a file.
"""

import ftplib
import io

import servers

CONFIG = """\
listen=YES
listen_ipv6=NO
listen_address=127.0.0.1
listen_port={port}
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root={d}/site
secure_chroot_dir={d}/empty
pasv_address=127.0.0.1
seccomp_sandbox=NO
xferlog_enable=NO
"""


def connect(port):
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", port, timeout=20)
    return ftp, ftp.login()


def session(port):
    """Logs in, lists, fetches, asks for what is not there, and leaves politely."""
    ftp, answer = connect(port)
    seen = [answer, ftp.nlst()]
    text = io.BytesIO()
    seen += [ftp.retrbinary("RETR file.txt", text.write), len(text.getvalue())]
    try:
        ftp.retrbinary("RETR missing", text.write)
    except ftplib.error_perm as error:
        seen.append(str(error))
    return seen + [ftp.quit()]


def abandoned(port):
    """Logs in and hangs up without a word."""
    ftp, answer = connect(port)
    ftp.close()
    return answer


def sandboxed_session(port):
    ftp, answer = connect(port)
    return [answer] + [ftp.sendcmd(command) for command in ("PWD", "TYPE I", "SYST", "NOOP")]


def start(run, sandbox):
    port = servers.free_port()
    run.file("site/file.txt", "some text\n" * 10000)
    (run.directory / "empty").mkdir()
    config = run.file("vsftpd.conf", CONFIG.format(d=run.directory, port=port, sandbox=sandbox))
    return run.start("/usr/sbin/vsftpd", config, port=port), port


def transfers(run):
    vsftpd, port = start(run, "NO")
    seen = [session(port) for _ in range(10)] + [abandoned(port) for _ in range(5)]
    return seen + [run.stop(vsftpd)]


def sandboxed(run):
    vsftpd, port = start(run, "YES")
    return [sandboxed_session(port) for _ in range(5)] + [run.stop(vsftpd)]


def version():
    return servers.version_of("dpkg-query", "-W", "vsftpd")


def test_transfers():
    servers.compare(transfers, "vsftpd", version(), "10 sessions with transfers, 5 abandoned ones")


def test_sandbox():
    servers.compare(sandboxed, "vsftpd sandbox", version(), "5 logins in its seccomp sandbox")
