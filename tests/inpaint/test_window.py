import numpy as np

from o2recon.inpaint import Window, window_around

RANDOM = np.random.default_rng(0)


def cases(count: int) -> list[tuple[int, int, np.ndarray]]:
    """Image sizes from 1 pixel on, with a mask of any place and size."""
    found = []
    for _ in range(count):
        height, width = (int(n) for n in RANDOM.integers(1, 200, 2))
        top, left = int(RANDOM.integers(height)), int(RANDOM.integers(width))
        mask = np.zeros((height, width), bool)
        mask[top : top + int(RANDOM.integers(1, height + 1)), left : left + int(RANDOM.integers(1, width + 1))] = True
        found.append((height, width, mask))
    return found


def test_pasting_what_was_cut_is_exact_for_any_image_and_mask() -> None:
    for height, width, mask in cases(200):
        image = RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)
        window = window_around(mask, size=64, context=0.25, max_zoom=2.0)
        sent = window.cut(image)
        assert sent.shape == (64, 64, 3) and window.cut_mask(mask).any()
        np.testing.assert_array_equal(window.paste(image, mask, sent, sent), image)


def test_only_the_mask_changes_and_all_of_it_does() -> None:
    for height, width, mask in cases(200):
        image = RANDOM.integers(60, 190, (height, width, 3), dtype=np.uint8)
        window = window_around(mask, size=64, context=0.25, max_zoom=2.0)
        sent = window.cut(image)
        pasted = window.paste(image, mask, sent, sent + 40)
        np.testing.assert_array_equal(pasted[~mask], image[~mask])
        np.testing.assert_array_equal(pasted[mask], image[mask] + 40)


def test_a_change_lands_where_the_network_made_it() -> None:
    image = np.full((300, 400, 3), 100, np.uint8)
    mask = np.zeros((300, 400), bool)
    mask[40:200, 100:260] = True
    for size, zoom in ((64, 1.0), (256, 1.0), (512, 2.0)):
        window = window_around(mask, size=size, context=0.25, max_zoom=zoom)
        sent = window.cut(image)
        blob = image.copy()
        blob[100:140, 150:190] = 200
        pasted = window.paste(image, mask, sent, window.cut(blob)).astype(float)
        rows, columns = np.nonzero(pasted[..., 0] > 150)
        assert abs(rows.mean() - 119.5) < 1 and abs(columns.mean() - 169.5) < 1
        assert abs(len(rows) - 1600) < 320


def test_the_mask_that_is_sent_misses_no_pixel_of_thin_things() -> None:
    mask = np.zeros((400, 400), bool)
    mask[10:390, 200] = True
    window = window_around(mask, size=64, context=0.1, max_zoom=1.0)
    assert window.cut_mask(mask).any(1).sum() > 50


def test_small_parts_are_enlarged_no_more_than_allowed_and_windows_stay_in_the_image_where_they_fit() -> None:
    mask = np.zeros((200, 200), bool)
    mask[0:5, 195:200] = True
    assert window_around(mask, size=64, context=0.25, max_zoom=2.0) == Window(0, 168, 32, 64)
