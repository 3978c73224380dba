"""Words of titles."""

import pytest

from oddport.detection.words import app_title, listed, port_text
from oddport.protocols.registry import registry


@pytest.mark.parametrize(
    ("app", "title"), [("tls", "TLS"), ("mysql", "MySQL"), ("http2", "HTTP/2"), ("shell", "Shell")]
)
def test_title_has_the_capitals_of_its_name(app: str, title: str) -> None:
    assert app_title(app) == title


def test_every_recognised_app_has_a_title_of_its_own() -> None:
    titles = [app_title(app) for app in registry().protocols]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcdef"), "a, b, c and 3 more"),
    ],
)
def test_list_counts_what_it_leaves_out(words: list[str], text: str) -> None:
    assert listed(words) == text


def test_port_stands_with_its_transport() -> None:
    assert port_text(8088, "tcp") == "8088/tcp"
