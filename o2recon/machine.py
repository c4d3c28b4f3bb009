"""What the machine fails at, whatever the data are: memory and devices. Imports torch only where it is loaded."""

import gc
import sys

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "_ALLOC_FAILED")
DEVICE_ERRORS = ("CUDA error", "CUDA driver error", "CUBLAS_STATUS", "CUDNN_STATUS", "Triton Error [CUDA]")


def causes(error: BaseException) -> list[BaseException]:
    """The error and what caused it, outermost first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return chain


def out_of_memory(error: BaseException) -> BaseException | None:
    """Of the error and its causes the one that says that memory is short, on a device or the machine's; else None.

    A CUDA graph that runs out of memory while it is captured ends in another error, which that one caused.
    """
    for one in causes(error):
        if isinstance(one, MemoryError) or (isinstance(one, RuntimeError) and _says(one, OUT_OF_MEMORY)):
            return one
    return None


def device_error(error: BaseException) -> BaseException | None:
    """Of the error and its causes the one in which a GPU failed otherwise than for memory; else None."""
    if out_of_memory(error) is not None:
        return None
    return next((e for e in causes(error) if isinstance(e, RuntimeError) and _says(e, DEVICE_ERRORS)), None)


def _says(error: BaseException, signs: tuple[str, ...]) -> bool:
    return any(sign in str(error) for sign in signs)


def answers(device: str) -> bool:
    """Whether this process can still compute on `device`; a GPU's context does not survive most of its errors."""
    import torch

    try:
        return float(torch.ones(2, device=device).sum()) == 2
    except RuntimeError:
        return False


def give_memory_back() -> None:
    """Free what nothing refers to any more, on GPUs too. Not where the error is still held: its frames hold tensors."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        try:
            torch.cuda.empty_cache()
        except RuntimeError as error:
            if device_error(error) is None:  # a device that failed has nothing to give back
                raise
