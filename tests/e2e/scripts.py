# SPDX-License-Identifier: MIT
"""Targets in other languages: tests/targets/scripts, run by their interpreter.

They state what must be found as compiled targets do, and ask for their peers on standard output,
which are compiled targets again, without the shim:

    CLIENTS PORT COUNT MANNER    clients, as target_start_clients() has them
    UPSTREAM COUNT FIRST         a server, as target_upstream_start() has it; its port is the answer
    HANGUP                       that server shall hang up on all it still has
    TLS_CLIENTS PORT COUNT MANNER  clients that speak TLS, as target_tls_start() has them
    GO                           lets one of these hang up
"""

import os
import socket
import subprocess

INTERPRETERS = {".py": ["/usr/bin/python3"], ".js": ["node"], ".pl": ["perl"], ".rb": ["ruby"],
                ".php": ["php"], ".tcl": ["tclsh"],
                ".java": ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1"]}


def command_of(path):
    return [*INTERPRETERS[path.suffix], path]


class Peers:
    """The peers that one running script has asked for."""

    def __init__(self, program, answer):
        self.program = program
        self.answer = answer
        self.processes = []
        self.word = None

    def obey(self, line):
        asked, *arguments = line.split() or [""]
        if asked == "CLIENTS":
            self._start("--client", *arguments)
        elif asked == "UPSTREAM":
            self._start_upstream(*arguments)
        elif asked == "TLS_CLIENTS":
            self._start_tls_clients(*arguments)
        elif asked in ("HANGUP", "GO"):
            os.write(self.word, b"x")

    def _start(self, *arguments, pass_fds=(), program=None):
        self.processes.append(subprocess.Popen([program or self.program, *arguments],
                                               pass_fds=pass_fds, stdin=subprocess.DEVNULL))

    def _start_tls_clients(self, *arguments):
        heard, self.word = os.pipe()
        self._start(*arguments, str(heard), pass_fds=(heard,),
                    program=self.program.parent / "tls_client")
        os.close(heard)

    def _start_upstream(self, count, first):
        listening, word = socket.create_server(("127.0.0.1", 0)), os.pipe()
        with listening:
            fds = listening.fileno(), word[0]
            self._start("--upstream", *(str(fd) for fd in fds), count, first, pass_fds=fds)
            self.answer(f"{listening.getsockname()[1]}\n")
        os.close(word[0])
        self.word = word[1]

    def destroy(self):
        if self.word is not None:
            os.close(self.word)
        for process in self.processes:
            process.kill()
            process.wait()
