import numpy as np
import pytest

from o2recon.types import Camera
from o2recon.web.annotator.bits import num_bytes, pack, unpack


@pytest.mark.parametrize(("width", "height"), [(8, 4), (13, 7), (1, 1)])
def test_masks_of_any_size_come_back(width: int, height: int) -> None:
    camera = Camera(np.eye(3), width, height)
    mask = np.random.default_rng(0).random((height, width)) > 0.5
    data = pack(mask)
    assert len(data) == num_bytes(camera)
    np.testing.assert_array_equal(unpack(data, camera), mask)


def test_the_first_pixel_is_the_highest_bit() -> None:
    mask = np.zeros((1, 9), bool)
    mask[0, 0] = mask[0, 8] = True
    assert pack(mask) == b"\x80\x80"


def test_data_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="has 4 bytes, not 5"):
        unpack(bytes(5), Camera(np.eye(3), 8, 4))
