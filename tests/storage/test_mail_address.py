"""The address of a mail server: what it means, and what is refused without repeating it."""

import pytest

from cmmc_tracker.storage.mail import Server, Smtp, Tls, server
from tests.storage.smtp_server import SENDER


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("smtp://mail.example.com", Server("mail.example.com", 587, Tls.STARTTLS)),
        ("smtp://mail.example.com:25", Server("mail.example.com", 25, Tls.STARTTLS)),
        ("smtp://mail.example.com?tls=starttls", Server("mail.example.com", 587, Tls.STARTTLS)),
        ("smtp://mail.example.com/?tls=none", Server("mail.example.com", 25, Tls.NONE)),
        ("smtps://mail.example.com", Server("mail.example.com", 465, Tls.AT_ONCE)),
        ("smtps://u:p%40%2F%3A%23@mail.example.com:99", Server("mail.example.com", 99, Tls.AT_ONCE, "u", "p@/:#")),
        ("smtp://a%40b.example:p@h", Server("h", 587, Tls.STARTTLS, "a@b.example", "p")),
        ("smtp://localhost", Server("localhost", 25, Tls.NONE)),
        ("smtp://127.0.0.2:2525", Server("127.0.0.2", 2525, Tls.NONE)),
        ("smtp://[::1]", Server("::1", 25, Tls.NONE)),
        ("smtp://u:p@localhost", Server("localhost", 25, Tls.NONE, "u", "p")),
        ("smtp://localhost?tls=starttls", Server("localhost", 587, Tls.STARTTLS)),
        ("smtp://192.0.2.1", Server("192.0.2.1", 587, Tls.STARTTLS)),
        ("smtp://localhost.evil.example", Server("localhost.evil.example", 587, Tls.STARTTLS)),
    ],
)
def test_off_this_machine_mail_is_encrypted_unless_the_address_says_otherwise(url: str, meant: Server) -> None:
    assert server(url) == meant


def test_only_plain_mail_to_another_machine_is_called_open() -> None:
    for url, is_open in (
        ("smtp://h?tls=none", True),
        ("smtp://h", False),
        ("smtps://h", False),
        ("smtp://[::1]", False),
    ):
        assert server(url).is_open is is_open


@pytest.mark.parametrize(
    "url",
    [
        *(
            "mail.example.com",
            "http://h",
            "smtp:",
            "smtp://",
            "smtp://:25",
            "smtp://h:0",
            "smtp://h:66000",
            "smtp://h:hunter2",
        ),
        *(
            "smtp://h/hunter2",
            "smtp://h#hunter2",
            "smtp://u:hun/ter2@h",
            "smtp://u:hunter2#x@h",
            "smtp://u:hunter2?x@h",
        ),
        *(
            "smtp://hunter2@h",
            "smtp://:hunter2@h",
            "smtp://u:hünter2@h",
            "smtp://u:hunter2%0d%0aX@h",
            "smtp://u:%C3%BC@h",
        ),
        *(
            "smtp://h?tls=hunter2",
            "smtp://h?tls=none&x=1",
            "smtps://h?tls=none",
            "smtps://h?tls=starttls",
            "smtp://h?TLS=none",
        ),
        *(
            "smtp://h\n.evil.example",
            "smtp://h x",
            " smtp://h",
            "smtp://a..b",
            "smtp://-h",
            "smtp://[::1",
            "smtp://h_x",
        ),
        *("smtp://u:hunter2@h?tls=none", "smtp://u:hunter2@192.0.2.1:25?tls=none"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"it must|go together|printable|behind the|without TLS") as told:
        server(url)
    assert "hunter2" not in str(told.value)
    assert "hünter2" not in str(told.value)


def test_a_password_stands_in_no_text_form() -> None:
    assert "hunter2" not in repr(server("smtps://u:hunter2@h")) + repr(Smtp("smtps://u:hunter2@h", SENDER))
