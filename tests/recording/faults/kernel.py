"""What Linux can be asked for without privileges: small disks, and refused calls."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from pathlib import Path

# From <linux/seccomp.h>, <linux/filter.h>, <sched.h> and the tables of system calls.
_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _TO_ALL_THREADS = 1, 1
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER_AT, _FIRST_ARGUMENT_AT = 0, 16
_NEW_USER_AND_MOUNTS = 0x10000000 | 0x00020000
_CALLS = {
    "x86_64": {"seccomp": 317, "write": 1, "fsync": 74, "fdatasync": 75},
    "aarch64": {"seccomp": 277, "write": 64, "fsync": 82, "fdatasync": 83},
}

_libc = ctypes.CDLL(None, use_errno=True)


class CannotError(Exception):
    """This system does not allow it."""


def fail_fsync() -> None:
    """Have every fsync of this process fail from now on, as on a disk that dies."""
    calls = _calls()
    _refuse((calls["fsync"], calls["fdatasync"]), None, _ERRNO | errno.EIO)


def forbid_writing(descriptor: int) -> None:
    """Have this process killed at once when it writes or syncs this file again."""
    calls = _calls()
    _refuse(
        (calls["write"], calls["fsync"], calls["fdatasync"]), descriptor, _KILL_PROCESS
    )


def small_disk(folder: Path, n_bytes: int) -> None:
    """Mount a disk of this size on ``folder``; only this process sees it."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEW_USER_AND_MOUNTS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    options = f"size={n_bytes}".encode()
    mounted = _libc.mount(b"none", os.fsencode(folder), b"tmpfs", 0, options)
    _check(mounted, "mount")


def _calls() -> dict[str, int]:
    try:
        return _CALLS[platform.machine()]
    except KeyError:
        raise CannotError(f"system calls of {platform.machine()}") from None


def _refuse(calls: tuple[int, ...], descriptor: int | None, answer: int) -> None:
    rules = [(_LOAD, 0, 0, _NUMBER_AT)]
    # A hit jumps behind the "allow"; each rule after it makes that one further away.
    for place, call in enumerate(calls):
        rules.append((_JUMP_IF_EQUAL, len(calls) - place, 0, call))
    rules.append((_RETURN, 0, 0, _ALLOW))
    if descriptor is not None:
        rules += [
            (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
            (_JUMP_IF_EQUAL, 1, 0, descriptor),
            (_RETURN, 0, 0, _ALLOW),
        ]
    rules.append((_RETURN, 0, 0, answer))
    code = ctypes.create_string_buffer(
        b"".join(struct.pack("<HBBI", *rule) for rule in rules)
    )
    program = ctypes.create_string_buffer(
        struct.pack("@HP", len(rules), ctypes.addressof(code))
    )
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    number = _calls()["seccomp"]
    done = _libc.syscall(number, _SET_MODE_FILTER, _TO_ALL_THREADS, program)
    _check(done, "seccomp")


def _check(result: int, call: str) -> None:
    if result:
        raise CannotError(f"{call}: {os.strerror(ctypes.get_errno())}")
