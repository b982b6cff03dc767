# SPDX-License-Identifier: MIT
"""cwshim doctor: why the shim would see nothing."""
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import pytest

BUILD = pathlib.Path(os.environ["CWSHIM_BUILD"])
TIMEOUT_S = 60


def doctor(*words, status):
    done = subprocess.run([BUILD / "cwshim", "doctor", *map(str, words)], text=True,
                          capture_output=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status < 2 else done.stderr


@pytest.fixture(name="program")
def fixture_program(tmp_path):
    return pathlib.Path(shutil.copy("/bin/true", tmp_path / "program"))


def test_a_program_that_is_fine(program):
    assert doctor(program, status=0) == f"{program}: yes: the shim sees its sockets\n"
    assert ": yes: " in doctor("true", "with", "--arguments", status=0)


def test_a_script_is_judged_by_what_runs_it(tmp_path, program):
    script = tmp_path / "script"
    script.write_text(f"#! {program} -x\n")
    script.chmod(0o755)
    lines = doctor(script, status=0).splitlines()
    assert lines == [f"{script}: a script, run by {program}",
                     f"{script}: yes: the shim sees its sockets"]


def test_a_static_program(tmp_path):
    source = tmp_path / "empty.c"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", "-static", "-o", tmp_path / "static", source], check=True)
    assert "statically linked" in doctor(tmp_path / "static", status=1)


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_a_privileged_program(program, mode):
    program.chmod(mode)
    assert "the loader ignores LD_PRELOAD" in doctor(program, status=1)


def patch(path, offset, new):
    content = bytearray(path.read_bytes())
    content[offset:offset + len(new)] = new
    path.write_bytes(content)


def test_another_architecture(program):
    patch(program, 18, (243).to_bytes(2, "little"))  # e_machine, elf(5)
    assert "it is made for riscv" in doctor(program, status=1)


def test_another_c_library(program):
    at = program.read_bytes().index(b"/lib64/ld-linux")
    patch(program, at, b"/lib/ld-musl-x86_64.so.1\0")
    assert "its loader is /lib/ld-musl-x86_64.so.1: it uses another C library" in \
        doctor(program, status=1)


def test_a_go_program(program, tmp_path):
    (tmp_path / "note").write_text("go")
    subprocess.run(["objcopy", f"--add-section=.go.buildinfo={tmp_path}/note", program], check=True)
    assert "it is a Go program" in doctor(program, status=1)


OWN_CALL = """
#include <unistd.h>
int main(void)
{
	long ret = 7;

	__asm__ volatile("mov $%d, %%%%eax; syscall" : "=a"(ret) : "D"(-1) : "rcx", "r11", "memory");
	return ret == 7;
}
"""


@pytest.mark.parametrize("number, is_noted", [(3, True), (39, False)])
def test_a_program_with_system_calls_of_its_own(tmp_path, number, is_noted):
    """close(2), which is to be seen, and getpid(2), which is no matter."""
    (tmp_path / "own.c").write_text(OWN_CALL % number)
    subprocess.run(["gcc", "-o", tmp_path / "own", tmp_path / "own.c"], check=True)
    said = doctor(tmp_path / "own", status=0)
    assert ("system calls on sockets without libc" in said) == is_noted and ": yes: " in said


@pytest.mark.parametrize("exported, is_php", [("php_module_startup", True), ("startup", False)])
def test_extensions_of_php_go_past_the_shim(tmp_path, exported, is_php):
    """It is known by what its extensions need of it, whatever the program is called."""
    source = tmp_path / "server.c"
    source.write_text(f"int {exported}(void) {{ return 0; }}\nint main(void) {{ return 0; }}\n")
    subprocess.run(["gcc", "-rdynamic", "-o", tmp_path / "server", source], check=True)
    lines = doctor(tmp_path / "server", status=0)
    assert ("RTLD_DEEPBIND" in lines) == is_php
    assert lines.endswith(": yes: the shim sees its sockets\n")


def test_what_is_no_program(tmp_path):
    (tmp_path / "text").write_text("hello\n")
    assert "neither an ELF program nor a script" in doctor(tmp_path / "text", status=1)
    for words in (["no-such-command-anywhere"], [tmp_path / "missing"], [tmp_path], ["99999999"]):
        lines = doctor(*words, status=3).splitlines()
        assert len(lines) == 1 and lines[0].startswith("cwshim: ")
    assert doctor(status=2).startswith("cwshim: ")


def start(argv, sessions, is_preloaded=True):
    env = dict(os.environ, CWSHIM_OPTIONS=f"session_dir={sessions}")
    if is_preloaded:
        env["LD_PRELOAD"] = str(BUILD / "libcwshim.so")
    started = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    while (line := started.stdout.readline()) != "READY\n":
        assert line, "it ended before it was ready"
    return started


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


# A filter of one instruction, which allows everything (BPF_RET, SECCOMP_RET_ALLOW).
LOCK_IN = """
import ctypes, struct
code = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000))
program = ctypes.create_string_buffer(struct.pack("HP", 1, ctypes.addressof(code)))
prctl = ctypes.CDLL(None).prctl
assert prctl(38, *map(ctypes.c_ulong, (1, 0, 0, 0))) == 0
assert prctl(22, ctypes.c_ulong(2), program) == 0
import socket, sys
print("READY", flush=True)
sys.stdin.read()
"""


def test_a_process_that_locked_itself_in(tmp_path):
    script = "import socket; kept = socket.socket()\n" + LOCK_IN
    process = start(["/usr/bin/python3", "-c", script], tmp_path / "s")
    try:
        said = doctor(f"--session-dir={tmp_path}/s", process.pid, status=0)
        assert "seccomp filter" in said and "no report by itself" in said
    finally:
        end(process)


def test_a_session_of_an_earlier_process_is_not_judged(tmp_path):
    """The same number, but a process that started at another time had it."""
    script = "import sys; print('READY', flush=True); sys.stdin.read()"
    locked = "import socket; kept = socket.socket()\n" + LOCK_IN
    sessions = tmp_path / "s"
    former = start(["/usr/bin/python3", "-c", locked], sessions)
    end(former)
    process = start(["/usr/bin/python3", "-c", script], sessions)
    try:
        [session] = sessions.iterdir()
        content = bytearray(session.read_bytes())
        at = content.index(struct.pack("ii", former.pid, os.getpid()))  # pid, ppid
        content[at:at + 4] = struct.pack("i", process.pid)
        session.write_bytes(content)
        said = doctor(f"--session-dir={sessions}", process.pid, status=0)
        assert "has no session" in said and "yes: the shim sees" in said
    finally:
        end(process)


WAIT = "import sys; print('READY', flush=True); sys.stdin.read()"
# Linux 5.1, the same number on all architectures: io_uring_setup(entries, params of 120 bytes).
RING = ("import ctypes; assert ctypes.CDLL(None).syscall(425, 1, ctypes.create_string_buffer(120)) "
        ">= 0\n" + WAIT)


def said_of(process, sessions, status):
    try:
        return doctor(f"--session-dir={sessions}", process.pid, status=status)
    finally:
        end(process)


def test_a_process_that_uses_io_uring(tmp_path):
    process = start(["/usr/bin/python3", "-c", RING], tmp_path / "s")
    assert "it uses io_uring" in said_of(process, tmp_path / "s", 0)
    process = start(["/usr/bin/python3", "-c", WAIT], tmp_path / "s")
    assert "io_uring" not in said_of(process, tmp_path / "s", 0)


def test_a_process_that_was_executed_set_uid(tmp_path):
    """By another user than its owner: the loader took LD_PRELOAD away."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        target = shutil.copy(BUILD / "targets" / "eof_not_closed", directory)
        os.chmod(target, 0o4755)
        process = start(["setpriv", "--reuid=65534", target], tmp_path / "s")
        assert "the loader ignored LD_PRELOAD" in said_of(process, tmp_path / "s", 1)
        process = start([target], tmp_path / "s")  # by root, who gains nothing
        assert ": yes: " in said_of(process, tmp_path / "s", 0)


def test_a_process_whose_loader_found_no_library(tmp_path):
    process = start(["env", f"LD_PRELOAD={tmp_path}/libcwshim.so", "/usr/bin/python3", "-c", WAIT],
                    tmp_path / "s", is_preloaded=False)
    assert "though its environment names it" in said_of(process, tmp_path / "s", 1)


@pytest.mark.parametrize("is_preloaded", [False, True])
def test_a_process(tmp_path, is_preloaded):
    process = start([BUILD / "targets" / "eof_not_closed"], tmp_path / "s", is_preloaded)
    try:
        said = doctor(f"--session-dir={tmp_path}/s", process.pid, status=0 if is_preloaded else 1)
        assert ("yes: the shim sees" if is_preloaded else "the shim is not in it") in said
    finally:
        end(process)
