"""Checks of the documentation as a site, which `nox -s docs` builds: links, anchors, and requests to other hosts.

As a program, this module checks the site in build/docs and the generated pages; `--update` writes those first.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tests import references

ROOT: Final = Path(__file__).resolve().parent.parent
SITE: Final = ROOT / "build" / "docs"
_RESOURCES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("script", "img", "iframe", "source", "video", "audio", "embed", "input"), "src"),
    "link": "href",
    "object": "data",
}
"""Attributes whose address a browser requests by itself."""
_NO_REQUEST: Final = frozenset({"canonical", "alternate", "next", "prev", "author", "license"})
_IN_CSS: Final = re.compile(r"(?:url\(|@import\s+)\s*['\"]?((?:https?:)?//[^'\")\s]+)")


class _Page(HTMLParser):
    """What one page has and refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.resources: list[str] = [*_IN_CSS.findall(text)]
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if (name := _RESOURCES.get(tag)) and name in given and given.get("rel") not in _NO_REQUEST:
            self.resources.append(given[name])


def faults(site: Path) -> list[str]:
    """Broken links and anchors of a site's pages, and addresses of other hosts that its files request."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = [] if pages else [f"{site} has no page"]
    for path, page in pages.items():
        name = path.relative_to(site)
        for address in page.resources:
            if urlsplit(address).netloc:
                found.append(f"{name} requests {address}")
            elif trouble := _broken(address, path, site, pages):
                found.append(f"{name}: {trouble}")
        found += [f"{name}: {trouble}" for link in page.links if (trouble := _broken(link, path, site, pages))]
    for path in sorted(site.rglob("*.css")):
        found += [f"{path.relative_to(site)} requests {each}" for each in _IN_CSS.findall(path.read_text("utf-8"))]
    return list(dict.fromkeys(found))


def _broken(link: str, path: Path, site: Path, pages: Mapping[Path, _Page]) -> str:
    """What is wrong with a link within the site, or ""."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return ""
    way = unquote(parts.path)
    target = path if not way else site / way.lstrip("/") if way.startswith("/") else path.parent / way
    target = target / "index.html" if target.is_dir() else target
    target = target.resolve()
    if not target.exists() or not target.is_relative_to(site.resolve()):
        return f"no file for the link {link}"
    # What stands after "=" is read by a script of the page.
    if parts.fragment and "=" not in parts.fragment and target in pages and parts.fragment not in pages[target].ids:
        return f"no such heading: {link}"
    return ""


def unlisted() -> Iterator[str]:
    """Pages that the site's navigation does not name."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs").rglob("*.md")):
        name = path.relative_to(ROOT / "docs").as_posix()
        if f'"{name}"' not in text and not name.startswith("samples/"):
            yield f"zensical.toml: nav does not name {name}"


def main() -> int:
    """Write the generated pages if asked, build the site, check both; return 1 if something is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--update", action="store_true", help="write the pages of docs/reference")
    found = references.outdated(update=parser.parse_args().update)
    if subprocess.run(["zensical", "build", "--clean", "--strict"], cwd=ROOT, check=False).returncode:
        found.append("zensical could not build the site")
    found += [*unlisted(), *faults(SITE)]
    print("\n".join(found) if found else f"{SITE / 'index.html'}: {len(list(SITE.rglob('*.html')))} pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
