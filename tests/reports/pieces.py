"""A figure taken apart, as a browser would see it."""

import json
import re
from html.parser import HTMLParser
from typing import Any

Attributes = dict[str, str]


class Pieces(HTMLParser):
    """The elements of a piece of HTML with their attributes, its text and its data; fails if a tag is left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts.append(data)
        elif data.strip():
            self.texts.append(" ".join(data.split()))

    def all(self, tag: str, kind: str = "") -> list[Attributes]:
        """The attributes of the elements of a kind."""
        return [
            found
            for name, found in self.elements
            if name == tag and (not kind or kind in found.get("class", "").split())
        ]

    def paths(self, kind: str) -> list[str]:
        """The SVG's paths of a kind."""
        return [found["d"] for found in self.all("path", kind)]

    def data(self) -> dict[str, Any]:
        """What the script gets."""
        found: dict[str, Any] = json.loads(self.scripts[0])
        return found


def points(path: str) -> list[list[tuple[float, float]]]:
    """The corners of a path's parts, in the SVG's units."""
    parts: list[list[tuple[float, float]]] = []
    x = y = 0.0
    for command, text in re.findall(r"([MlhvHVz])([^MlhvHVz]*)", path):
        numbers = [float(each) for each in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", text)]
        match command:
            case "M":
                x, y = numbers
                parts.append([])
            case "l":
                x, y = x + numbers[0], y + numbers[1]
            case "h":
                x += numbers[0]
            case "v":
                y += numbers[0]
            case "H":
                x = numbers[0]
            case "V":
                y = numbers[0]
            case "z":
                continue
        parts[-1].append((x, y))
    return parts
