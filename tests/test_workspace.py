import errno
from pathlib import Path

import pytest

from o2recon.workspace import written_atomically


def test_a_failed_write_names_the_wanted_file_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as raised, written_atomically(tmp_path / "a.png") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.filename == str(tmp_path / "a.png") and not list(tmp_path.iterdir())
