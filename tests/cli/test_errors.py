import errno

import pytest

from o2recon.cli.errors import ObjectsFailed, is_full_disk, one_line


def test_a_full_disk_is_recognised_through_other_errors() -> None:
    disk = OSError(errno.ENOSPC, "No space left on device", "/data/x.png")
    wrapped = RuntimeError("writing failed")
    wrapped.__cause__ = disk
    assert is_full_disk(disk) and is_full_disk(wrapped)
    assert is_full_disk(RuntimeError("PytorchStreamWriter failed: No space left on device"))
    assert not is_full_disk(OSError(errno.EACCES, "no"))


def test_a_full_disk_is_named_with_its_file_and_remedy() -> None:
    line = one_line(OSError(errno.ENOSPC, "No space left on device", "/data/x.png"))
    assert line == "the disk is full (/data/x.png): free some space and start the same command again"


@pytest.mark.parametrize("error", [ValueError("a\n  b"), RuntimeError("a\n b"), OSError("a\nb")])
def test_everything_is_one_line(error: Exception) -> None:
    assert "\n" not in one_line(error) and "a b" in one_line(error)


def test_the_unexpected_says_how_to_see_more() -> None:
    assert "O2RECON_DEBUG=1" in one_line(KeyError("x"))
    assert "O2RECON_DEBUG=1" not in one_line(ValueError("x"))


def test_failed_objects_carry_all_results() -> None:
    error = ObjectsFailed("1 of 2 objects failed", [{"status": "ok"}, {"status": "failed"}])
    assert str(error) == "1 of 2 objects failed" and len(error.results) == 2
