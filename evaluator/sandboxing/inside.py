"""The first program behind the walls: gives up what is left, runs the untrusted source, and says how it ended.

    python -I -S inside.py VERDICT_FD < REQUEST

REQUEST is JSON: source, token, uid (null: keep), limits, packages (a folder or null). The verdict is "passed TOKEN", or
"failed REASON". No verdict means that the program ended otherwise, and the one who started it tells by the status.

This file stands alone: behind the walls there is nothing of the project but it. A program that searches its own
interpreter's memory can find the token and claim to have passed, as in every harness that runs tests and program in
one process; leaving early, in whatever way, does not pass.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys

REASON_CHARACTERS = 500

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
EPERM, ENOSYS = 1, 38

# What a test program never needs, and exploits of kernels begin with: namespaces, mounts, tracing others, loading code
# into the kernel, asynchronous rings, keys. Numbers by machine; `clone` may make threads, and no user namespace.
CALLS = {
    "x86_64": {
        "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "ptrace": 101,
        "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323,
        "io_uring_setup": 425, "add_key": 248, "request_key": 249, "keyctl": 250, "init_module": 175,
        "finit_module": 313, "kexec_load": 246, "open_by_handle_at": 304, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "mount_setattr": 442,
    },
    "aarch64": {
        "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "ptrace": 117,
        "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282,
        "io_uring_setup": 425, "add_key": 217, "request_key": 218, "keyctl": 219, "init_module": 105,
        "finit_module": 273, "kexec_load": 104, "open_by_handle_at": 265, "open_tree": 428, "move_mount": 429,
        "fsopen": 430, "mount_setattr": 442,
    },
}  # fmt: skip
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
CLONE = {"x86_64": 56, "aarch64": 220}
CLONE3, CLONE_NEWUSER, X32_BIT = 435, 0x10000000, 0x40000000

LOAD, JUMP_EQUAL, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
KILL, ALLOW, ERROR = 0x80000000, 0x7FFF0000, 0x00050000
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT = 0, 4, 16


def main() -> None:
    verdict = int(sys.argv[1])
    os.set_inheritable(verdict, False)
    request = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    give_up_rights(request["uid"])
    set_limits(request["limits"])
    filter_calls()
    if request["packages"]:
        sys.path.append(request["packages"])
    first = os.getpid()
    said = outcome(request.pop("source"), request.pop("token"))
    if os.getpid() != first:
        os._exit(0)  # a child that the program forked says nothing for it
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass  # the program closed it: what it printed before is there
    os.write(verdict, said.encode(errors="replace"))
    os._exit(0)


def outcome(source: str, token: str) -> str:
    """Run the source as its own program, as lm-eval's and OpenAI's harnesses do: in an empty namespace."""
    try:
        exec(compile(source, "program.py", "exec"), {})  # noqa: S102
    except SystemExit as error:
        return f"failed It left by itself (exit status {error.code!r:.50}) before its tests had ended."
    except BaseException as error:
        try:
            text = " ".join(str(error).split())
        except BaseException:
            text = "(its message cannot be read)"
        return f"failed {type(error).__name__}{': ' if text else ''}{text}"[:REASON_CHARACTERS]
    return f"passed {token}"


def give_up_rights(uid: int | None) -> None:
    """Become a user that owns nothing (where started as root), and never gain anything again."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")


def set_limits(limits: dict[str, int]) -> None:
    """Of each process; the whole is bounded by the number of processes and by whoever watches from outside."""
    cpu = limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    for kind, name in (
        (resource.RLIMIT_AS, "memory_bytes"),
        (resource.RLIMIT_NPROC, "processes"),
        (resource.RLIMIT_NOFILE, "open_files"),
        (resource.RLIMIT_FSIZE, "file_bytes"),
    ):
        resource.setrlimit(kind, (limits[name], limits[name]))
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        resource.setrlimit(kind, (0, 0))


def filter_calls() -> None:
    """Refuse the system calls in `CALLS`; on a machine whose numbers are not listed the other walls stand alone."""
    machine = platform.machine()
    if machine not in CALLS:
        return
    program = bytecode(machine)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    loaded = Program(len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(loaded), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")


def bytecode(machine: str) -> bytes:
    """A classic BPF program over seccomp_data, of instructions (code u16, jump if true u8, if false u8, value u32)."""

    def step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
        return struct.pack("HBBI", code, true, false, value)

    steps = [step(LOAD, ARCH_AT), step(JUMP_EQUAL, AUDIT_ARCH[machine], 1, 0), step(RETURN, KILL)]
    steps += [step(LOAD, NUMBER_AT)]
    if machine == "x86_64":  # a second numbering of the same calls
        steps += [step(JUMP_ANY_BIT, X32_BIT, 0, 1), step(RETURN, ERROR | ENOSYS)]
    for number in CALLS[machine].values():
        steps += [step(JUMP_EQUAL, number, 0, 1), step(RETURN, ERROR | EPERM)]
    steps += [
        step(JUMP_EQUAL, CLONE3, 0, 1),
        step(RETURN, ERROR | ENOSYS),
    ]  # its flags lie in memory; clone is asked then
    steps += [
        step(JUMP_EQUAL, CLONE[machine], 0, 3),
        step(LOAD, FIRST_ARGUMENT_AT),
        step(JUMP_ANY_BIT, CLONE_NEWUSER, 0, 1),
        step(RETURN, ERROR | EPERM),
        step(RETURN, ALLOW),
    ]
    return b"".join(steps)


if __name__ == "__main__":
    main()
