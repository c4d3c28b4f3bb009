"""Fuzzing of readers: thousands of damaged copies of one file, each read in a child process with limits.

    fuzz(path, lambda: read_all(path.parent), count=10_000)

overwrites `path` with mutations of what it holds (and puts the original back), calls the reader for each, and fails
when one of them ends in anything but a value or a ValueError in one line that names the file: another exception, a
crash, a hang, more memory than allowed. Warnings are errors here as in all tests. What case 4711 was can be made again:
`mutated(data, 4711)`.
"""

import faulthandler
import mmap
import os
import random
import re
import resource
import signal
import struct
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2

NUMBERS = (0, 1, 2, 3, 7, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NUMBERS += (2**32, 2**40, 2**48, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 1e-30, 1e30, 3e38, float("inf"), float("-inf"), float("nan"))
TOKENS = (b"0", b"-1", b"1e999", b"-1e999", b"NaN", b"Infinity", b"1e-320", b"1e308", b"9" * 400, b"4294967295", b"1e9")
TOKENS += (b"null", b"true", b'""', b"[]", b"{}", b"[" * 3000, b'"../../../etc/passwd"', b"\xff\xfe", b"\x00", b"0x10")
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
WORD = re.compile(rb"[A-Za-z_][A-Za-z_0-9.]*")
LONGEST_MESSAGE = 1000


def mutated(data: bytes, number: int, *, text: bool | None = None) -> bytes:
    """Case `number` of the mutations of `data`: one to four small damages. The same number gives the same bytes.

    `text` (default: what `data` looks like): numbers and words are replaced as often as bytes are.
    """
    chance = random.Random(number)
    text = b"\x00" not in data[:4096] and data[:4096].isascii() if text is None else text
    kinds = [_flip, _cut, _insert, _remove, _repeat, _swap, _number, _zero]
    kinds += [_token, _token, _token, _word, _word, _line] if text else [_number, _number, _start]
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(kinds)(data or b"\x00", chance)
    return data


def fuzz(
    path: Path,
    read: Callable[[], object],
    *,
    count: int = 10_000,
    first: int = 0,
    seconds: float = 10.0,
    megabytes: int = 512,
    text: bool | None = None,
    repair: Callable[[bytes], bytes] | None = None,
    named: Path | None = None,
) -> Counter[str]:
    """Reads `count` mutations of `path`; gives how many were "read" and how many "refused". AssertionError otherwise.

    `seconds`: the longest one may take. `megabytes`: what the child may allocate beyond what it has at the start.
    `repair`: puts checksums right, so that damage gets past them; every second case is repaired. `named`: what messages
    must name (default: the folder of `path`).
    """
    original = path.read_bytes()
    done, outcome = Counter[str](), mmap.mmap(-1, 4096)
    number, named = first, named or path.parent
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # ends OpenCV's threads: a child would wait for them for ever
    try:
        while number < first + count:
            child = _fork()
            if child == 0:
                _limit(megabytes)
                try:
                    _batch(path, original, read, range(number, first + count), outcome, seconds, text, repair, named)
                    os._exit(0)
                finally:
                    os._exit(1)
            _, status = os.waitpid(child, 0)
            number, was_read, refused = struct.unpack("<3q", outcome[:24])
            failure = outcome[32:].rstrip(b"\x00").decode(errors="replace")
            if os.WIFSIGNALED(status):
                killed = os.WTERMSIG(status)
                failure = "hangs" if killed == signal.SIGALRM else f"crashes ({signal.Signals(killed).name})"
            failure = failure or ("its child ended early" if status else "")
            assert not failure, f"{path.name}, case {number}: {failure}"
            done.update(read=was_read, refused=refused)
    finally:
        cv2.setNumThreads(threads)
        path.write_bytes(original)
    assert sum(done.values()) == count
    return done


def _batch(
    path: Path,
    original: bytes,
    read: Callable[[], object],
    numbers: range,
    outcome: mmap.mmap,
    seconds: float,
    text: bool | None,
    repair: Callable[[bytes], bytes] | None,
    named: Path,
) -> None:
    """In the child: the cases one after the other; `outcome` holds (number, read, refused) and the failure's text."""
    was_read = refused = 0
    outcome[32:] = bytes(len(outcome) - 32)
    for number in numbers:
        outcome[:24] = struct.pack("<3q", number, was_read, refused)
        data = mutated(original, number, text=text)
        path.write_bytes(repair(data) if repair and number % 2 else data)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            read()
            was_read += 1
        except BaseException as error:  # whatever it is, it is what this is after
            reason = _wrong(error, named)
            if reason:
                outcome[32 : 32 + len(reason)] = reason
                return
            refused += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    outcome[:24] = struct.pack("<3q", numbers.stop, was_read, refused)


def _wrong(error: BaseException, named: Path) -> bytes:
    """Why this is no error for users; empty when it is one."""
    message = str(error)
    if isinstance(error, ValueError) and str(named) in message and "\n" not in message:
        return b"" if len(message) <= LONGEST_MESSAGE else f"message of {len(message)} characters".encode()
    return "".join(traceback.format_exception(error)[-8:]).encode()[-4000:]


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        return os.fork()


def _limit(megabytes: int) -> None:
    """Of the child: no noise of decoders, no crash reports, bounded memory."""
    faulthandler.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    limit = pages * resource.getpagesize() + megabytes * 2**20
    if pages:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _at(data: bytes, chance: random.Random, size: int = 1) -> int:
    """Somewhere; every third time near the start, where headers are."""
    room = max(len(data) - size, 0)
    return chance.randint(0, min(room, 600) if chance.random() < 0.34 else room)


def _flip(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _at(data, chance)]


def _insert(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + chance.randbytes(chance.choice((1, 2, 4, 8, 100, 5000))) + data[at:]


def _remove(data: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    return data[:at] + data[at + chance.choice((1, 2, 4, 8, 100, 5000)) :]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    at, size = _at(data, chance), chance.choice((1, 4, 16, 64, 1000))
    return data[: at + size] + data[at : at + size] * chance.choice((1, 3, 50)) + data[at + size :]


def _swap(data: bytes, chance: random.Random) -> bytes:
    size = chance.choice((1, 4, 8, 64, 1000))
    first, second = sorted((_at(data, chance, size), _at(data, chance, size)))
    if second < first + size:
        return data[::-1] if size == 1000 else data
    block, other = data[first : first + size], data[second : second + size]
    return data[:first] + other + data[first + size : second] + block + data[second + size :]


def _zero(data: bytes, chance: random.Random) -> bytes:
    at, size = _at(data, chance), chance.choice((1, 4, 8, 64, 1000))
    return data[:at] + chance.choice((b"\x00", b"\xff")) * len(data[at : at + size]) + data[at + size :]


def _number(data: bytes, chance: random.Random) -> bytes:
    """A hostile number of two, four or eight bytes, of either byte order, mostly where numbers stand."""
    order = chance.choice("<<<>")
    if chance.random() < 0.3:
        value = struct.pack(order + chance.choice("fd"), chance.choice(FLOATS))
    else:
        kind = chance.choice("HIIQQ")
        value = struct.pack(order + kind, chance.choice(NUMBERS) % 2 ** (8 * struct.calcsize(kind)))
    at = _at(data, chance, len(value))
    at -= at % 4 if chance.random() < 0.5 else 0
    return data[:at] + value + data[at + len(value) :]


def _start(data: bytes, chance: random.Random) -> bytes:
    """As `_number`, in the first 64 bytes."""
    return _number(data[:64], chance) + data[64:]


def _replaced(data: bytes, pattern: re.Pattern[bytes], value: bytes, chance: random.Random) -> bytes:
    at = _at(data, chance)
    found = pattern.search(data, at) or pattern.search(data)
    return data if found is None else data[: found.start()] + value + data[found.end() :]


def _token(data: bytes, chance: random.Random) -> bytes:
    return _replaced(data, NUMBER, chance.choice(TOKENS), chance)


def _word(data: bytes, chance: random.Random) -> bytes:
    words = WORD.findall(data) or [b"word"]
    return _replaced(data, WORD, chance.choice((*TOKENS, chance.choice(words), chance.choice(words))), chance)


def _line(data: bytes, chance: random.Random) -> bytes:
    """A line lost, doubled or moved."""
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    line = lines.pop(chance.randrange(len(lines)))
    at = chance.randint(0, len(lines))
    return b"".join([*lines[:at], *[line] * chance.choice((0, 1, 2)), *lines[at:]])
