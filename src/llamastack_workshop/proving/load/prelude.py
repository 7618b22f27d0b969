"""What an attendee's kernel runs before a chapter: from then on it notes each request that the chapter sends.

A person doesn't see requests, but waits for their answers; the chapters send them in many ways, all of them by httpx.
"""

import json
import re
import time

import httpx

_FROM_THE_END = 20_000  # bytes, in which a stream or an answer tells its tokens
_TOKENS = re.compile(rb'"(?:output_tokens|completion_tokens)": ?(\d+)')
# A client may leave a stream once it has the last event.
_ENDS = (b"[DONE]", b'"response.completed"', b'"response.incomplete"')
_ASKING = ("/responses", "/chat/completions", "/completions")


class Noted:
    """The requests since the last `take`."""

    def __init__(self):
        self._all = []

    def add(self, request, started, status, tail=b"", error=""):
        path = re.sub(r"^/t/[^/]+", "", request.url.path)
        tokens = _TOKENS.findall(tail)
        noted = {
            "asks": request.method == "POST" and path.endswith(_ASKING),
            "path": path,
            "at": started,
            "seconds": time.time() - started,
            "status": status,
            "tokens": int(tokens[-1]) if tokens else 0,
            "error": error,
        }
        self._all.append(noted)

    def take(self):
        """Return them as JSON."""
        taken, self._all = self._all, []
        return json.dumps(taken)


workshop_noted = Noted()


def _note_requests():
    send, iterate = httpx.Client.send, httpx.Response.iter_raw

    def noting_send(self, request, **options):
        request.extensions["workshop_started"] = time.time()
        try:
            return send(self, request, **options)
        except httpx.TransportError as error:
            # An answer that breaks off is noted below.
            if "workshop_noted" not in request.extensions:
                workshop_noted.add(request, request.extensions["workshop_started"], 0, error=type(error).__name__)
            raise

    def noting_iterate(self, *arguments, **options):
        started, tail, error = self.request.extensions.get("workshop_started", time.time()), b"", "unfinished"
        try:
            for chunk in iterate(self, *arguments, **options):
                tail = (tail + chunk)[-_FROM_THE_END:]
                yield chunk
            error = ""
        finally:
            self.request.extensions["workshop_noted"] = True
            whole = any(end in tail for end in _ENDS)
            workshop_noted.add(self.request, started, self.status_code, tail, "" if whole else error)

    httpx.Client.send, httpx.Response.iter_raw = noting_send, noting_iterate


_note_requests()
