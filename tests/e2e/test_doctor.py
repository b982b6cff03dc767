# SPDX-License-Identifier: MIT
"""cwshim doctor: why the shim would see nothing."""
import os
import pathlib
import shutil
import subprocess

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


def test_what_is_no_program(tmp_path):
    (tmp_path / "text").write_text("hello\n")
    assert "neither an ELF program nor a script" in doctor(tmp_path / "text", status=1)
    for words in (["no-such-command-anywhere"], [tmp_path / "missing"], [tmp_path], ["99999999"]):
        lines = doctor(*words, status=3).splitlines()
        assert len(lines) == 1 and lines[0].startswith("cwshim: ")
    assert doctor(status=2).startswith("cwshim: ")


@pytest.mark.parametrize("is_preloaded", [False, True])
def test_a_process(tmp_path, is_preloaded):
    env = dict(os.environ, CWSHIM_OPTIONS=f"session_dir={tmp_path}/s")
    if is_preloaded:
        env["LD_PRELOAD"] = str(BUILD / "libcwshim.so")
    sleeper = subprocess.Popen([BUILD / "targets" / "eof_not_closed"], env=env,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        while sleeper.stdout.readline() != "READY\n":
            pass
        said = doctor(f"--session-dir={tmp_path}/s", sleeper.pid, status=0 if is_preloaded else 1)
        assert ("yes: the shim sees" if is_preloaded else "the shim is not in it") in said
    finally:
        sleeper.kill()
        sleeper.wait()
        sleeper.stdin.close()
        sleeper.stdout.close()
