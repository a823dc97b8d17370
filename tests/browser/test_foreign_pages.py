"""A page of another site against `drsim serve` on the same machine: it can neither read the world nor change it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import pytest

from tests.browser import chromium
from tests.drsim.served import Served, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, pytest.mark.socket]

ATTEMPTS: Final = """\
async (target) => {
  const tried = async (path, options) => {
    try {
      const answer = await fetch(target + path, options);
      return `${answer.type} ${answer.status} ${await answer.text()}`;
    } catch (error) { return "blocked"; }
  };
  const signed = {Authorization: "AWS4-HMAC-SHA256 Credential=any/20250101/us-east-1/sqs/aws4_request"};
  const query = "Action=CreateQueue&QueueName=theirs&X-Amz-Credential=any/20250101/us-east-1/sqs/aws4_request";
  const form = new URLSearchParams(query);
  const picture = new Image();
  await new Promise((done) => { picture.onerror = done; picture.src = `${target}/?${query}`; });
  return [
    await tried("/drsim/executions"),
    await tried("/drsim/pause", {method: "POST"}),
    await tried("/drsim/pause", {method: "POST", headers: {"X-Drsim-Token": "any"}}),
    await tried("/drsim/pause", {method: "POST", mode: "no-cors"}),
    await tried("/", {method: "POST", body: form, headers: signed}),
    await tried("/", {method: "POST", body: form, mode: "no-cors"}),
    await tried("/moto-api/data.json"),
  ];
}"""


class _Foreign(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>another site</title>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """The port of another site's server on this machine, so that no rule on private networks keeps its pages out."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Foreign) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    """A page of a second browser, for which all names of the domain test lead to this machine."""
    arguments = [*chromium.ARGUMENTS, "--host-resolver-rules=MAP *.test 127.0.0.1"]
    found = browser.browser_type.launch(executable_path=chromium.path(), args=arguments)
    yield found.new_page()
    found.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with serving("drill", "--speed", "0.001") as found:
        yield found


def _assert_untouched(served: Served) -> None:
    assert not served.ask("GET", "/drsim/time")["paused"]
    assert "QueueUrls" not in (served.aws("sqs", "list-queues") or {})


@pytest.mark.parametrize("site", ["evil.test", "localhost"])
def test_page_of_another_origin_reads_and_changes_nothing(
    site: str, foreign_port: int, served: Served, page: "Page"
) -> None:
    page.goto(f"http://{site}:{foreign_port}/")
    read, paused, guessed, unread, called, posted, state = page.evaluate(ATTEMPTS, served.url)
    assert (read, paused, guessed, called, state) == ("blocked",) * 5
    # The browser sends these two and hides the answers.
    assert (unread, posted) == ("opaque 0 ", "opaque 0 ")
    _assert_untouched(served)


def test_name_that_is_rebound_to_this_machine_reads_and_changes_nothing(served: Served, page: "Page") -> None:
    port = served.url.rpartition(":")[2]
    # The page and the endpoint have one origin now, so the browser allows all that the server does.
    page.goto(f"http://rebound.test:{port}/drsim/time")
    assert "Host must be a loopback name" in page.inner_text("body")
    answers = page.evaluate(ATTEMPTS, f"http://rebound.test:{port}")
    assert [answer[:9] for answer in answers] == ["basic 403"] * 7
    _assert_untouched(served)
