"""A page as a tree, by the standard library's parser. Strict: a tag that is not closed where it should be fails."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})


class Malformed(AssertionError):
    """The page's tags do not nest."""


@dataclass(eq=False)
class Element:
    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def __getitem__(self, attribute: str) -> str:
        return self.attributes[attribute]

    def get(self, attribute: str) -> str | None:
        return self.attributes.get(attribute)

    @property
    def text(self) -> str:
        """Everything written inside, with single spaces."""
        return " ".join("".join(self._texts()).split())

    @property
    def raw(self) -> str:
        return "".join(self._texts())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()

    def walk(self) -> Iterator["Element"]:
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str = "", class_: str = "", **wanted: str) -> list["Element"]:
        """Descendants by tag, class and attributes (`_` in a name is "-")."""
        exact = {name.rstrip("_").replace("_", "-"): value for name, value in wanted.items()}
        return [
            one
            for one in self.walk()
            if one is not self
            and tag in ("", one.tag)
            and (not class_ or class_ in (one.get("class") or "").split())
            and all(one.get(name) == value for name, value in exact.items())
        ]

    def one(self, tag: str = "", class_: str = "", **wanted: str) -> "Element":
        """The only such descendant."""
        found = self.all(tag, class_, **wanted)
        assert len(found) == 1, f"{len(found)} of {tag} {class_} {wanted}"
        return found[0]

    def links(self) -> dict[str, str]:
        """Text to address of every link."""
        return {link.text: link["href"] for link in self.all("a")}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(set(names)) != len(names):
            raise Malformed(f"<{tag}> has an attribute twice: {names}")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if self.open[-1].tag != tag:
            raise Malformed(f"</{tag}> closes <{self.open[-1].tag}>")
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def tree(reply: Any) -> Element:
    """The body of `reply` (a response, or text)."""
    reader = Reader()
    reader.feed(reply if isinstance(reply, str) else reply.content.decode())
    reader.close()
    if len(reader.open) != 1:
        raise Malformed(f"never closed: {[element.tag for element in reader.open[1:]]}")
    return reader.open[0]
