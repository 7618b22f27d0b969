"""A visit to a page, which records the errors there."""

from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from llamastack_workshop.system import ports

# Timeout in milliseconds. Conditions are awaited, so fast machines don't wait, and slow ones get the time that they
# need.
PATIENCE = 60_000

expect.set_options(timeout=PATIENCE)


class Visit:
    """A page in the browser, with its `errors` and its requests to `other_hosts`, neither of which it should have."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.other_hosts: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        page.on("websocket", lambda socket: self._note(socket.url))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname not in ("localhost", ports.HOST):
            self.other_hosts.append(url)


def barriers(page: Page, **options: object) -> list[str]:
    """Return the violations that axe rates as serious or critical."""
    # preload would fetch the styles again, from wrong addresses; none of the relevant rules needs them.
    found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False, **options})
    return [
        f"{violation['impact']} {violation['id']}: {node['html'][:200]}"
        for violation in found.response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
