"""The sheet that an instructor prints and cuts: where to go, a name and a password for each attendee."""

from html import escape

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Classroom: hand-out</title>
<style>
  body {{ font: 12pt/1.4 system-ui, sans-serif; margin: 0; color: #000; background: #fff }}
  .slip {{ border: 1px dashed #555; padding: 5mm 8mm; break-inside: avoid }}
  main {{ display: grid; grid-template-columns: 1fr 1fr }}
  code {{ font: bold 14pt ui-monospace, monospace }}
  dt {{ font-size: 9pt }} dd {{ margin: 0 0 1mm 0 }} dl {{ margin: 0 }}
  .small code {{ font-size: 7pt; word-break: break-all }}
</style>
<main>
{slips}
</main>
</html>
"""


def page(url: str, passwords: dict[str, str], fingerprint: str | None) -> str:
    """Return the sheet as HTML, a slip for each name in `passwords`; `fingerprint` is that of a certificate of ours."""
    rows = [("Address", url, ""), *([("The certificate's SHA-256", fingerprint, "small")] if fingerprint else [])]
    slips = []
    for name, password in passwords.items():
        terms = [*rows, ("Name", name, ""), ("Password", password, "")]
        listed = "".join(
            f'<dt>{escape(term)}</dt><dd class="{kind}"><code>{escape(value)}</code></dd>'
            for term, value, kind in terms
        )
        slips.append(f'<section class="slip"><dl>{listed}</dl></section>')
    return _PAGE.format(slips="\n".join(slips))


def text(passwords: dict[str, str]) -> str:
    """Return the names and passwords for a terminal, one a line."""
    return "\n".join(f"  {name}  {password}" for name, password in passwords.items())
