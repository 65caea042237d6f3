"""Write docs/api.md, the page of the Python API, from the docstrings of the public names.

python scripts/make_api_page.py            # write the page
python scripts/make_api_page.py --check    # only compare; exit code 1 if the page is out of date
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "api.md"

INTRODUCTION = """# Python API

Everything here is imported from `semsearch`. Names are imported when they are first used, so `import semsearch` is
instant. Offsets are Python character offsets into an article's text.

This page is made from docstrings by `scripts/make_api_page.py`.
"""

GROUPS = {
    "The index": ("Index", "SyncReport", "Status", "Finding"),
    "Questions and answers": (
        "answer",
        "Answer",
        "Quote",
        "Query",
        "Hit",
        "Scores",
        "Filter",
        "Explanation",
        "HitExplanation",
    ),
    "Articles": ("Article", "Passage", "Span", "Duplicates", "Duplicate"),
    "Models and extension points": (
        "load_encoder",
        "load_reader",
        "Encoder",
        "Retriever",
        "Reranker",
        "Reader",
    ),
    "Errors": (),  # whatever is left
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only")
    arguments = parser.parse_args()
    page = make_page()
    if not arguments.check:
        PAGE.write_text(page, encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page:
        sys.exit("docs/api.md is out of date; run: python scripts/make_api_page.py")


def make_page() -> str:
    """The whole page as Markdown."""
    package = griffe.load("semsearch", search_paths=[str(ROOT)], docstring_parser="google")
    names = public_names(package)
    grouped = {name for group in GROUPS.values() for name in group}
    lines = [INTRODUCTION]
    for title, group in GROUPS.items():
        members = [name for name in group if name in names] or [name for name in names if name not in grouped]
        lines.append(f"## {title}\n")
        for name in members:
            lines.extend(describe(name, resolve(package, names[name], name), level=3))
    return "\n".join(lines).rstrip() + "\n"


def public_names(package: griffe.Object) -> dict[str, str]:
    """The public names with the modules that define them, as ``semsearch`` itself lists them."""
    sys.path.insert(0, str(ROOT))
    import semsearch

    return {name: getattr(semsearch, name).__module__ for name in semsearch.__all__ if name != "__version__"}


def resolve(package: griffe.Object, module: str, name: str) -> griffe.Object:
    """The definition of a public name."""
    path = module.removeprefix("semsearch").removeprefix(".")
    found = package[f"{path}.{name}" if path else name]
    return found.final_target if isinstance(found, griffe.Alias) else found


def describe(name: str, thing: griffe.Object, level: int) -> Iterator[str]:
    """Heading, signature and docstring of a class or function, then the public methods of a class."""
    yield f"{'#' * level} {name}\n"
    if isinstance(thing, griffe.Function):
        yield f"```python\n{signature(thing)}\n```\n"
    elif isinstance(thing, griffe.Class):
        bases = ", ".join(str(base) for base in thing.bases)
        yield f"```python\nclass {name}{f'({bases})' if bases else ''}\n```\n"
    yield from docstring(thing)
    if not isinstance(thing, griffe.Class):
        return
    fields = [member for member in thing.members.values() if is_field(member)]
    if fields:
        yield "| field | type |\n|---|---|"
        for field in fields:
            yield f"| `{field.name}` | `{field.annotation}` |"
        yield ""
    for member in thing.members.values():
        if is_public_method(member):
            yield from describe(f"{name}.{member.name}", member, level + 1)


def is_field(member: griffe.Object) -> bool:
    return isinstance(member, griffe.Attribute) and not member.name.startswith("_") and "property" not in member.labels


def is_public_method(member: griffe.Object) -> bool:
    is_property = isinstance(member, griffe.Attribute) and "property" in member.labels
    return (isinstance(member, griffe.Function) or is_property) and not member.name.startswith("_")


def signature(function: griffe.Function) -> str:
    """The signature with annotations and defaults; over several lines if it is long."""
    parameters = []
    star = False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        if parameter.kind is griffe.ParameterKind.keyword_only and not star:
            parameters.append("*")
            star = True
        text = parameter.name
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None:
            text += f" = {parameter.default}"
        parameters.append(text)
    returns = f" -> {function.returns}" if function.returns is not None else ""
    flat = f"{function.name}({', '.join(parameters)}){returns}"
    if len(flat) <= 100:
        return flat
    inside = "".join(f"    {parameter},\n" for parameter in parameters)
    return f"{function.name}(\n{inside}){returns}"


def docstring(thing: griffe.Object) -> Iterator[str]:
    """The sections of a docstring in Google style."""
    if thing.docstring is None:
        return
    for section in thing.docstring.parsed:
        if section.kind is griffe.DocstringSectionKind.text:
            yield section.value.replace("``", "`") + "\n"
        elif section.kind in (griffe.DocstringSectionKind.parameters, griffe.DocstringSectionKind.attributes):
            for item in section.value:
                yield f"- `{item.name}`: {one_line(item.description)}"
            yield ""
        elif section.kind is griffe.DocstringSectionKind.raises:
            for item in section.value:
                yield f"- raises `{item.annotation}`: {one_line(item.description)}"
            yield ""
        elif section.kind is griffe.DocstringSectionKind.returns:
            for item in section.value:
                yield f"Returns {one_line(item.description)}\n"
        elif section.kind is griffe.DocstringSectionKind.examples:
            for _, text in section.value:
                yield f"```python\n{text}\n```\n"


def one_line(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


if __name__ == "__main__":
    main()
