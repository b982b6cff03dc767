# SPDX-License-Identifier: MIT
"""Trees of processes that do what a test tells them (tests/targets/puppet.c), and who of them has
which connection open by /proc."""

import os
import re
import socket
import time

from lab import BUILD, DEADLINE_S, wait_until

LOOPBACK = "127.0.0.1"
CLOSE_WAIT = "08"


def sockets_of(pid):
    """{descriptor: inode} of the sockets of a process; none if it has ended, or is not ours."""
    found = {}
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            what = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
            if what:
                found[int(fd)] = int(what[1])
    except OSError:
        pass
    return found


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Puppet:
    """One process: commands are methods, and their answer is a number."""

    def __init__(self, stage, name):
        self.stage, self.name, self.pid = stage, name, None
        path = stage.directory / name
        os.mkfifo(path)
        self.strings = os.open(path, os.O_RDWR)

    def order(self, verb, number=0, word="", thread=False):
        os.write(self.strings, f"{'+' * thread}{verb} {number} {word}\n".encode())

    def do(self, verb, number=0, word="", thread=False):
        self.order(verb, number, word, thread)
        return self.stage.answer_of(self)

    def __getattr__(self, verb):
        return lambda *words, **options: self.do(verb, *words, **options)

    def _make(self, verb, name, **options):
        child = self.stage.add(name)
        self.order(verb, 0, name, **options)
        self.stage.answer_of(self)
        self.stage.answer_of(child)
        return child

    def pair(self):
        """Both ends of a pair of Unix sockets."""
        return divmod(self.do("pair"), 1000)

    def fork(self, name, **options):
        return self._make("fork", name, **options)

    def fork_helper(self, name):
        """From another place in the source."""
        return self._make("fork_helper", name)

    def spawn(self, name):
        return self._make("spawn", name)

    def execute(self, kind):
        """same, bare or static; nothing is answered but by the new image."""
        self.order("exec", 0, kind)
        assert self.stage.answer_of(self) == 0

    def end(self):
        self.do("exit")
        self.stage.wait_gone(self)

    def kill(self):
        os.kill(self.pid, 9)
        self.stage.wait_gone(self)

    def let_go(self):
        """It ends by itself at the end of its input."""
        if self.strings is not None:
            os.close(self.strings)
            self.strings = None


class Stage:
    """A tree of puppets, of which the first is there, and the connections that it gets."""

    def __init__(self, lab, run=False, options=(), **changes):
        self.directory = lab.root / "puppets"
        self.directory.mkdir()
        self.puppets = []
        self.clients = []
        self._answers = {}
        self.root = self.add("root")
        words = (f"--dir={self.directory}", "--name=root")
        self.running = (lab.run("puppet", *words, options=options) if run
                        else lab.start("puppet", *words, **changes))
        self.answer_of(self.root)
        self.listener = self.root.listen()

    def add(self, name):
        self.puppets.append(Puppet(self, name))
        return self.puppets[-1]

    def marks(self):
        """{function: "function:line"} of the calls that a report may name."""
        places = [line.split("=")[1] for line in self.running.lines if line.startswith("MARK")]
        return {place.split(":")[0]: place for place in places}

    def answer_of(self, puppet):
        """The next answer of this one; others' are kept."""
        deadline = time.monotonic() + DEADLINE_S
        while not self._answers.get(puppet.name):
            seen = len(self.running.lines)
            assert self.running._read_more(deadline), self.running.stderr
            for line in self.running.lines[seen:]:
                if line.startswith("DONE"):
                    _, name, pid, result = line.split()
                    self._answers.setdefault(name, []).append((int(pid), int(result)))
        puppet.pid, result = self._answers[puppet.name].pop(0)
        return result

    def wait_gone(self, puppet):
        wait_until(lambda: is_gone(puppet.pid), f"{puppet.name} ends")

    def connect(self, words=b"hello"):
        """A client's connection, which waits to be accepted."""
        port = int(self.running.fact("PORT"))
        self.clients.append(socket.create_connection((LOOPBACK, port), DEADLINE_S))
        if words:
            self.clients[-1].sendall(words)
        return self.clients[-1]

    def hang_up(self, client):
        """Returns when the kernel has the end-of-file for the other end."""
        ours = client.getsockname()
        client.close()
        wait_until(lambda: self.state_of(ours) not in ("01",), "the peer's FIN arrives")

    def _rows(self):
        with open("/proc/net/tcp", encoding="ascii") as table:
            for line in table.readlines()[1:]:
                words = line.split()
                yield int(words[2].split(":")[1], 16), words[3], int(words[9]), words[1]

    def state_of(self, peer):
        port = int(self.running.fact("PORT"))
        states = [state for rem, state, _, local in self._rows()
                  if rem == peer[1] and int(local.split(":")[1], 16) == port]
        return states[0] if states else None

    def waiting(self):
        """{peer: inode} of the connections of the stage that are in CLOSE_WAIT."""
        port = int(self.running.fact("PORT"))
        return {f"{LOOPBACK}:{rem}": inode for rem, state, inode, local in self._rows()
                if state == CLOSE_WAIT and int(local.split(":")[1], 16) == port}

    def holders(self):
        """{peer: {(pid, fd)}} of those, by /proc."""
        waiting = self.waiting()
        found = {peer: set() for peer in waiting}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            for fd, inode in sockets_of(pid).items():
                for peer, wanted in waiting.items():
                    if inode == wanted:
                        found[peer].add((int(pid), fd))
        return found

    def living(self):
        return [puppet for puppet in self.puppets if not is_gone(puppet.pid)]

    def close_all(self):
        """As it would be without the bug: who holds a connection in CLOSE_WAIT closes it."""
        held = set().union(*self.holders().values())
        for puppet in self.living():
            for pid, fd in held:
                if pid == puppet.pid:
                    assert puppet.close(fd) == 0

    def finish(self):
        """All end, and are seen to have gone."""
        for puppet in self.puppets:
            puppet.let_go()
        status = self.running.finish()
        for puppet in self.puppets:
            if puppet.pid:
                self.wait_gone(puppet)
        return status

    def destroy(self):
        for puppet in self.puppets:
            puppet.let_go()
        for client in self.clients:
            client.close()


def holders_told(report):
    """{peer: {(pid, fd)}} of the findings."""
    return {sock["peer"]: {(holder["pid"], holder["fd"]) for holder in sock["holders"]}
            for finding in report["findings"] for sock in finding["sockets"]}
