"""Which errors say that memory is short, and which that a device failed."""

import pytest
import torch

from o2recon.machine import answers, device_error, give_memory_back, out_of_memory

SHORT = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried 8 bytes"),
    RuntimeError("process 2 of 2 failed: OutOfMemoryError: CUDA out of memory"),
    MemoryError(),
]
FAILED = [RuntimeError("CUDA error: an illegal memory access was encountered"), RuntimeError("CUDNN_STATUS_BAD_PARAM")]
OTHERS = [RuntimeError("shapes do not match"), ValueError("out of memory"), OSError(28, "No space left on device")]


@pytest.mark.parametrize("error", SHORT, ids=str)
def test_memory_that_is_short_is_no_device_error(error: Exception) -> None:
    assert out_of_memory(error) is error and device_error(error) is None


@pytest.mark.parametrize("error", FAILED, ids=str)
def test_a_device_that_fails_is_not_short_of_memory(error: Exception) -> None:
    assert device_error(error) is error and out_of_memory(error) is None


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_other_errors_are_neither(error: Exception) -> None:
    assert out_of_memory(error) is None and device_error(error) is None


def test_real_errors_of_this_machine_are_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory(caught.value) is caught.value


def test_the_cause_counts() -> None:
    """A CUDA graph that runs out of memory ends in an error about the capture."""
    try:
        try:
            raise SHORT[0]
        finally:
            raise FAILED[0]
    except RuntimeError as error:
        assert out_of_memory(error) is SHORT[0] and device_error(error) is None


def test_the_cpu_answers_and_gives_back() -> None:
    assert answers("cpu")
    give_memory_back()
