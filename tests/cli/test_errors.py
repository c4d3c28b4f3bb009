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


@pytest.mark.parametrize(
    ("error", "said", "remedy"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"), "Tried to allocate", "data.num_rays"),
        (MemoryError(), "memory is short (MemoryError)", "end other programs"),
        (RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel"), "illegal", "retry=failed"),
    ],
)
def test_the_machines_failures_have_a_remedy(error: Exception, said: str, remedy: str) -> None:
    line = one_line(error)
    assert said in line and remedy in line and "\n" not in line and "unexpected" not in line


def test_an_error_that_reports_others_is_left_as_it_is() -> None:
    assert one_line(ObjectsFailed("1 of 2 objects failed: CUDA out of memory", [])).startswith("1 of 2")
