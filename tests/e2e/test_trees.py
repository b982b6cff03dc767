# SPDX-License-Identifier: MIT
"""Who keeps a connection in trees of processes that are deeper, or odder, than a server and its
children: each member of the tree is asked, and each tells the same story."""

import contextlib

import pytest

import puppets
from lab import innermost


@contextlib.contextmanager
def staged(lab, **changes):
    stage = puppets.Stage(lab, **{"at_exit": 0, **changes})
    try:
        yield stage
    finally:
        stage.destroy()


class Told:
    """What must be found: the cause, who is blamed, and lines by the function that they are in."""

    def __init__(self, cause, blamed, **stacks):
        self.cause, self.blamed, self.stacks = cause, blamed, stacks


def serve(stage, puppet, client, fd):
    """Everything is read, and the end-of-file."""
    assert puppet.read(fd) == len("hello")
    stage.hang_up(client)
    assert puppet.read(fd) == 0


def serve_and_close(stage, puppet, client, fd):
    serve(stage, puppet, client, fd)
    assert puppet.close(fd) == 0


def by_child(forked=None):
    """The stacks of who served."""
    stacks = {"created": "take", "eof": "read_some", "closed_elsewhere": "shut_number"}
    return {**stacks, "forked": forked} if forked else stacks


def grandchild_serves(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    server = middle.fork_helper("server")
    middle.close(fd)
    serve_and_close(stage, server, client, fd)
    return Told("parent-kept-copy", root, **by_child("make_child"))


def grandchild_serves_and_both_keep(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    server = root.fork("middle").fork_helper("server")
    serve_and_close(stage, server, client, fd)
    return Told("parent-kept-copy", root, **by_child("make_child"))


def middle_keeps_what_its_child_serves(stage):
    """It has no session, so the line of its fork is not known; the one above it is innocent."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    root.close(fd)
    serve_and_close(stage, middle.fork_helper("server"), client, fd)
    return Told("parent-kept-copy", middle, **by_child())


def middle_with_a_session_keeps(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    root.close(fd)
    middle.pair()
    serve_and_close(stage, middle.fork_helper("server"), client, fd)
    return Told("parent-kept-copy", middle, **by_child("make_helper"))


def grandchild_keeps(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    helper = middle.fork_helper("helper")
    middle.close(fd)
    serve_and_close(stage, root, client, fd)
    return Told("child-kept-copy", helper, **by_child("make_child"))


def child_serves_and_its_helper_keeps(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    server = root.fork("server")
    root.close(fd)
    helper = server.fork_helper("helper")
    serve_and_close(stage, server, client, fd)
    return Told("child-kept-copy", helper, **by_child())


def grandchild_reads_and_keeps(stage):
    """It is known by its note alone, which does not tell that it still lives."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    server = middle.fork_helper("server")
    root.close(fd)
    middle.close(fd)
    serve(stage, server, client, fd)
    return Told("eof-read-not-closed", server, created="take", eof="read_some")


def daemon_serves(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    middle.setsid()
    daemon = middle.fork_helper("daemon")
    middle.end()
    serve_and_close(stage, daemon, client, fd)
    return Told("parent-kept-copy", root, **by_child("make_child"))


def daemon_keeps(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    middle.setsid()
    daemon = middle.fork_helper("daemon")
    middle.end()
    serve_and_close(stage, root, client, fd)
    return Told("child-kept-copy", daemon, **by_child("make_child"))


def another_thread_forks(stage):
    """Between accept() and close()."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener, thread=True)
    helper = root.fork("helper", thread=True)
    serve_and_close(stage, root, client, fd)
    return Told("child-kept-copy", helper, **by_child("make_child"))


def worker_is_killed_and_replaced(stage):
    """The one after it inherits the copy that the parent did not close."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    worker = root.fork("worker")
    serve(stage, worker, client, fd)
    worker.kill()
    root.wait(worker.pid)
    root.fork_helper("next")
    return Told("parent-kept-copy", root, created="take", eof="read_some", forked="make_child")


def worker_is_killed_and_its_helper_keeps(stage):
    root = stage.root
    worker = root.fork("worker")
    client = stage.connect()
    fd = worker.accept(stage.listener)
    helper = worker.fork_helper("helper")
    serve_and_close(stage, worker, client, fd)
    worker.kill()
    root.wait(worker.pid)
    root.fork("next")
    return Told("child-kept-copy", helper, **by_child("make_helper"))


def sent_from_one_to_the_next(stage):
    """The one in the middle keeps what it sent on."""
    root = stage.root
    (down, to_first), (over, to_second) = root.pair(), root.pair()
    first, second = root.fork("first"), root.fork("second")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    root.close(fd)
    first.send(first.receive(to_first), over)
    serve_and_close(stage, second, client, second.receive(to_second))
    return Told("passed-copy-kept", first, passed="send_number", **by_child())


def sent_to_a_grandchild_and_back(stage):
    root = stage.root
    (down, to_server), (up, to_root) = root.pair(), root.pair()
    server = root.fork("middle").fork_helper("server")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    root.close(fd)
    server.send(server.receive(to_server), up)
    serve_and_close(stage, root, client, root.receive(to_root))
    return Told("passed-copy-kept", server, passed="send_number", **by_child())


def sent_back_and_forgotten(stage):
    """The first sender has it again, under the number that it had; it has not kept a copy."""
    root = stage.root
    (down, to_server), (up, to_root) = root.pair(), root.pair()
    server = root.fork("server")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    root.close(fd)
    received = server.receive(to_server)
    server.send(received, up)
    server.close(received)
    serve(stage, root, client, root.receive(to_root))
    return Told("eof-read-not-closed", root, created="take", eof="read_some")


def receiver_keeps_what_its_child_serves(stage):
    root = stage.root
    down, to_first = root.pair()
    first = root.fork("first")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    root.close(fd)
    received = first.receive(to_first)
    serve_and_close(stage, first.fork_helper("server"), client, received)
    return Told("parent-kept-copy", first, **by_child("make_helper"))


def sender_keeps_a_duplicate(stage):
    """The receiver's child serves: the sender is no parent of it."""
    root = stage.root
    down, to_first = root.pair()
    first = root.fork("first")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.dup(fd)
    root.send(fd, down)
    root.close(fd)
    received = first.receive(to_first)
    server = first.fork_helper("server")
    first.close(received)
    serve_and_close(stage, server, client, received)
    return Told("passed-copy-kept", root, created="take", passed="send_number")


def sender_keeps_what_nobody_receives(stage):
    root = stage.root
    down, _ = root.pair()
    root.fork("deaf")
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    stage.hang_up(client)
    return Told("passed-copy-kept", root, created="take", passed="send_number")


def sender_reads_on(stage):
    """What it sent is in flight, and it goes on using its own: no copy that was kept."""
    root = stage.root
    down, _ = root.pair()
    client = stage.connect()
    fd = root.accept(stage.listener)
    root.send(fd, down)
    assert root.read(fd) == len("hello")
    stage.hang_up(client)
    return Told("unread-not-closed", root, created="take")


def inherited_duplicate(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    copy = root.dup(fd)
    server = root.fork("server")
    root.close(fd)
    root.close(copy)
    serve_and_close(stage, server, client, fd)
    return Told("duplicate-kept", server, duplicated="duplicate", **by_child())


def closed_long_before_it_is_served(stage):
    """Its owner has closed more since than stand apart in a session (docs/session-format.md)."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    others = []
    for _ in range(20):
        stage.connect()
        others.append(root.accept(stage.listener))
    server, helper = root.fork("server"), root.fork("helper")
    for number in [fd, *others]:
        root.close(number)
    for number in others:
        server.close(number)
        helper.close(number)
    serve_and_close(stage, server, client, fd)
    return Told("child-kept-copy", helper, **by_child("make_child"))


def child_executes_the_program_again(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    helper = root.fork("helper")
    helper.execute("same")
    serve_and_close(stage, root, client, fd)
    return Told("leaked-through-exec", helper, executed="execute", **by_child())


def executed_child_forks(stage):
    """Both have it; the exec came first."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    helper = root.fork("helper")
    helper.execute("same")
    helper.fork("helper's")
    serve_and_close(stage, root, client, fd)
    return Told("leaked-through-exec", helper, executed="execute", **by_child())


def executed_daemon_keeps(stage):
    """Nothing that is alive leads from it to the server but the connection."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    middle = root.fork("middle")
    daemon = middle.fork_helper("daemon")
    daemon.setsid()
    daemon.execute("same")
    middle.end()
    serve_and_close(stage, root, client, fd)
    return Told("leaked-through-exec", daemon, executed="make_child", **by_child())


def executed_without_the_library(kind):
    def story(stage):
        client, root = stage.connect(), stage.root
        fd = root.accept(stage.listener)
        helper = root.fork("helper")
        helper.execute(kind)
        helper.fork("helper's")
        serve_and_close(stage, root, client, fd)
        return Told("leaked-through-exec", helper, executed="execute", **by_child())
    story.__name__ = f"executed_{kind}"
    return story


def executed_daemon_without_the_library(kind):
    def story(stage):
        client, root = stage.connect(), stage.root
        fd = root.accept(stage.listener)
        middle = root.fork("middle")
        daemon = middle.fork_helper("daemon")
        daemon.execute(kind)
        middle.end()
        serve_and_close(stage, root, client, fd)
        return Told("leaked-through-exec", daemon, executed="make_child", **by_child())
    story.__name__ = f"executed_daemon_{kind}"
    return story


def executed_after_a_note(stage):
    """The child has closed another connection before it executed a program: it is not what it was."""
    other, client, root = stage.connect(), stage.connect(), stage.root
    first = root.accept(stage.listener)
    fd = root.accept(stage.listener)
    helper = root.fork("helper")
    helper.close(first)
    helper.execute("bare")
    assert root.read(first) == len("hello") and root.close(first) == 0
    serve_and_close(stage, root, client, fd)
    stage.hang_up(other)
    return Told("leaked-through-exec", helper, executed="execute", **by_child())


def spawned(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    helper = root.spawn("helper")
    serve_and_close(stage, root, client, fd)
    return Told("leaked-through-exec", helper, executed="spawn", **by_child())


def executed_child_serves(stage):
    """A handler for each connection, which is told the number."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    handler = root.fork("handler")
    handler.execute("same")
    serve_and_close(stage, handler, client, fd)
    return Told("parent-kept-copy", root, **by_child("make_child"))


def executed_child_forgets(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    handler = root.fork("handler")
    root.close(fd)
    handler.execute("same")
    serve(stage, handler, client, fd)
    return Told("eof-read-not-closed", handler, created="take", eof="read_some")


def executed_child_forgets_a_duplicate(stage):
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    handler = root.fork("handler")
    root.close(fd)
    handler.execute("same")
    assert handler.read(fd) == len("hello")
    handler.dup(fd)
    stage.hang_up(client)
    assert handler.read(fd) == 0 and handler.close(fd) == 0
    return Told("duplicate-kept", handler, duplicated="duplicate", **by_child())


def executed_child_is_slow(stage):
    """It was given the connection on purpose, reads from it, and is not told to have leaked it."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    handler = root.fork("handler")
    root.close(fd)
    handler.execute("same")
    assert handler.read(fd) == len("hello")
    stage.hang_up(client)
    return Told("unread-not-closed", handler, created="take", executed="execute")


def executed_handler_forks(stage):
    """The program that was executed for the connection lets its own child serve it."""
    client, root = stage.connect(), stage.root
    fd = root.accept(stage.listener)
    handler = root.fork("handler")
    root.close(fd)
    handler.execute("same")
    serve_and_close(stage, handler.fork_helper("server"), client, fd)
    return Told("parent-kept-copy", handler, **by_child("make_helper"))


def program_without_the_library_serves(kind):
    """It has closed its copy; that it read the end is known from the queue alone."""
    def story(stage):
        client, root = stage.connect(), stage.root
        fd = root.accept(stage.listener)
        handler = root.fork("handler")
        handler.execute(kind)
        serve_and_close(stage, handler, client, fd)
        return Told("parent-kept-copy", root, created="take", forked="make_child",
                    executed="execute")
    story.__name__ = f"served_by_{kind}"
    return story


STORIES = [
    child_executes_the_program_again, executed_child_forks, executed_daemon_keeps, spawned,
    executed_child_serves, executed_child_forgets, executed_child_forgets_a_duplicate,
    executed_child_is_slow, executed_handler_forks,
    *(story(kind) for kind in ("bare", "static") for story in (
        executed_without_the_library, executed_daemon_without_the_library,
        program_without_the_library_serves)),
    grandchild_serves, grandchild_serves_and_both_keep, middle_keeps_what_its_child_serves,
    middle_with_a_session_keeps, grandchild_keeps, child_serves_and_its_helper_keeps,
    grandchild_reads_and_keeps, daemon_serves, daemon_keeps, another_thread_forks, worker_is_killed_and_replaced,
    worker_is_killed_and_its_helper_keeps, sent_from_one_to_the_next,
    sent_to_a_grandchild_and_back, sent_back_and_forgotten, receiver_keeps_what_its_child_serves,
    executed_after_a_note, sender_reads_on, sender_keeps_a_duplicate, sender_keeps_what_nobody_receives, inherited_duplicate,
    closed_long_before_it_is_served,
]


def check(report, stage, told):
    [finding] = report["findings"]
    assert (finding["cause"], finding["pid"]) == (told.cause, told.blamed.pid), finding
    marks = stage.marks()
    found = {stack: innermost(finding, stack) for stack in told.stacks}
    assert found == {stack: marks[function] for stack, function in told.stacks.items()}
    assert "forked" in told.stacks or "forked" not in finding["stacks"]
    assert puppets.holders_told(report) == stage.holders()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_each_member_tells_the_story(lab, story):
    with staged(lab) as stage:
        told = story(stage)
        for puppet in stage.living():
            report, status = lab.report(puppet.pid)
            check(report, stage, told)
            assert status == 1
        stage.close_all()
        report, status = lab.report(stage.root.pid)
        assert report["findings"] == [] and status == 0
        assert stage.finish() == 0
        assert stage.running.stderr == ""
