"""The bench measures the product as it is: its stage still fits the server and the sign-in."""

from contextlib import closing
from pathlib import Path

from bench import stage

from tests import warm
from tests.conftest import PASSWORD


def _answer(server: stage.Server, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    with closing(server.connect()) as connection:
        connection.request(method, path, body, server.headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_bare_server_answers_and_takes_an_upload(tmp_path: Path) -> None:
    with stage.started(stage.bare(), stage.environment(tmp_path)) as bare:
        assert _answer(bare, "GET", "/hello") == (200, b"hello")
        assert _answer(bare, "POST", "/upload", b"x" * 200_000)[0] == 200


def test_the_bench_signs_in_at_the_product(tmp_path: Path) -> None:
    environment = stage.environment(tmp_path)
    added = warm.run("user", "add", "ada", "--role", "admin", "--password-stdin", env=environment, typed=PASSWORD)
    assert added.returncode == 0, added.stderr
    with stage.started(stage.product(), environment) as server:
        assert _answer(server, "GET", "/admin/users")[0] == 302
        stage.sign_in(server)
        assert _answer(server, "GET", "/admin/users")[0] == 200
