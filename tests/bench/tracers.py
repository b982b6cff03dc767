# SPDX-License-Identifier: MIT
"""What one would take instead of the shim, each told to watch the same calls.

Whether one works here is found out by running it; what it says of that is the row's note."""

CALLS = ["accept", "accept4", "close", "connect", "dup", "dup2", "dup3", "fcntl", "read",
         "recvfrom", "recvmsg", "shutdown", "socket"]
FORKS = ["fork", "clone", "clone3", "vfork"]

TRACEFS = "/sys/kernel/tracing"

# Where the kernel's list of tracepoints is not mounted, it is mounted for the tracer alone.
WITH_TRACEFS = f"[ -e {TRACEFS}/events ] || mount -t tracefs tracefs {TRACEFS}; exec \"$@\""


def valgrind(argv, _):
    return ["valgrind", "--tool=none", "--track-fds=yes", "--quiet", *argv]


def strace(*options):
    def command(argv, _):
        calls = ",".join(CALLS + FORKS)
        return ["strace", "-f", *options, "-o", "/dev/null", "-e", f"trace={calls}", *argv]
    return command


def bpftrace(argv, work):
    """Counts each call by its stack: the least that one would keep of it."""
    points = ", ".join(f"tracepoint:syscalls:sys_enter_{call}" for call in CALLS + FORKS)
    name = argv[0].rpartition("/")[2]
    script = f'{points} /comm == "{name}"/ {{ @[probe, ustack] = count(); }}'
    return ["unshare", "--mount", "sh", "-c", WITH_TRACEFS, "sh", "bpftrace", "-q",
            "-o", str(work / "bpftrace.out"), "-e", script, "-c", " ".join(argv)]


def uftrace(argv, work):
    """The program's own functions, patched at run time, and what it calls in libraries."""
    return ["uftrace", "record", "--force", "-P", ".", "-d", str(work / "uftrace.data"), *argv]


# Variant: the program that must be there, and what runs a command under it.
OTHERS = {
    "valgrind --track-fds": ("valgrind", valgrind),
    "strace -f -k": ("strace", strace("-k")),
    "strace --seccomp-bpf": ("strace", strace("--seccomp-bpf")),
    "bpftrace ustack": ("bpftrace", bpftrace),
    "uftrace -P": ("uftrace", uftrace),
}
