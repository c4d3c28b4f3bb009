"""The server around the page."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

pytest.importorskip("uvicorn")


def test_the_page_answers_on_loopback_only_and_with_a_new_token_each_time(
    make_session: Callable[..., Any], make_annotator: Callable[..., Any]
) -> None:
    session = make_session()[0]
    tokens = set()
    for _ in range(2):
        with make_annotator().opened(session) as url:
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


def test_a_taken_port_is_stepped_over(
    make_session: Callable[..., Any], make_annotator: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    session = make_session()[0]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with make_annotator(port=taken).opened(session) as url:
            assert urlsplit(url).port != taken
    assert f"port {taken} is taken" in caplog.text


@pytest.mark.parametrize(
    ("option", "value"), [("port", -1), ("port", 70000), ("num_views", 0), ("min_angle_deg", 190.0), ("min_share", 1.5)]
)
def test_values_out_of_range_are_named(make_annotator: Callable[..., Any], option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"annotate\.{option} is {value}"):
        make_annotator(**{option: value})


@pytest.mark.slow
def test_the_command_prepares_the_object_and_ends_with_status_0_at_ctrl_c(tiny_room: Path, tmp_path: Path) -> None:
    arguments = [f"scene.root={tiny_room}", "object=1", "experiment=smoke", f"work={tmp_path}", "annotate.port=0"]
    command = [sys.executable, "-m", "o2recon.cli.main", "annotate", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env={**os.environ, "PYTHONUNBUFFERED": "1"}, **pipes) as process:
        assert process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, printed
            printed += line
        url = printed.split("annotate: ")[1].split()[0]
        with urlopen(url + "object") as answer:
            content = json.load(answer)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0, printed + rest
    assert content["object"] == 1 and content["continue_with"].endswith("object=1")
    assert "Traceback" not in rest and "sketches are in" in rest
    prepared = tmp_path / "tiny" / "objects" / "1"
    assert (prepared / "volume.manifest.json").is_file() and not (prepared / "masks" / "manifest.json").exists()
