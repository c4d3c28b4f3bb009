"""The server around the page."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
import yaml

from o2recon.web.annotator import Annotator

pytest.importorskip("uvicorn")
FILE = Path(__file__).parents[3] / "o2recon" / "conf" / "annotate" / "default.yaml"


def annotator(**changes: Any) -> Annotator:
    values = {k: v for k, v in yaml.safe_load(FILE.read_text()).items() if k != "_target_"}
    return Annotator(**{**values, "port": 0, **changes})


def test_the_page_answers_on_loopback_only_and_with_a_new_token_each_time(make_session: Callable[..., Any]) -> None:
    session = make_session()[0]
    tokens = set()
    for _ in range(2):
        with annotator().opened(session) as url:
            parts = urlsplit(url)
            assert parts.hostname == "127.0.0.1" and len(parts.path) > 30
            tokens.add(parts.path)
            with urlopen(url) as answer:
                assert b"Paint where the hidden part is" in answer.read()
            with pytest.raises(HTTPError, match="403") as refused:
                urlopen(f"http://127.0.0.1:{parts.port}/")
            refused.value.close()
        with pytest.raises(OSError), socket.create_connection(("127.0.0.1", int(parts.port or 0)), timeout=1):
            pass
    assert len(tokens) == 2


def test_a_taken_port_is_stepped_over(make_session: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    session = make_session()[0]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with annotator(port=taken).opened(session) as url:
            assert urlsplit(url).port != taken
    assert f"port {taken} is taken" in caplog.text


@pytest.mark.parametrize(
    ("option", "value"), [("port", -1), ("port", 70000), ("num_views", 0), ("min_angle_deg", 190.0), ("min_share", 1.5)]
)
def test_values_out_of_range_are_named(option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"annotate\.{option} is {value}"):
        annotator(**{option: value})
