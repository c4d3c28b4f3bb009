def test_smoke(tiny_room):
    assert (tiny_room / "color/0.jpg").is_file()
