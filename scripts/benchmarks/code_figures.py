"""Figures of how the code reads, for one checkout or several side by side.

    python scripts/benchmarks/code_figures.py [CHECKOUT ...]

Without arguments this checkout is measured; the columns are the checkouts. Only the package ``semsearch/`` is read.
Names are counted where they are assigned (variables, loop variables, ``with ... as``); their mean length is over
distinct names in each file. Glossary words are those of the field; private words are those that a reader would have to
learn. Both are counted in names, comments, docstrings and messages, as whole words or parts of ``snake_case`` names.
Vague names are counted once for each file that has such a variable.
"""

from __future__ import annotations

import argparse
import ast
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from checkouts import ROOT, table

GLOSSARY = """
    article passage span query question hit score scores answer quote filter encoder retriever reranker reader token
    tokens tokenizer ids candidates fusion weights signal signals idf bm25 postings terms vector vectors segment
    segments tombstone tombstones merge snapshot generation manifest checksum candidate embedding maxsim corpus
    sentence sentences lexical dense hybrid cosine quantization codebook codes chunk source record format parser batch
    transaction commit lock writer index search rank ranking recall precision qrels run calibration
""".split()
PRIVATE_WORDS = """
    seal sealed unseal shelf living heirs heir latecomers latecomer told tells gathered met sides spare doubt doubted
    strays stray twin twins halves widened buried bury unwanted anew mended mends equals shadow gist
""".split()
PRIVATE_NAMES = "some one of made own whole said met told here these wanted asked given both rest".split()
"""Words that say little as the name of a variable; as words of prose they are fine."""
PRIVATE_PHRASES = [
    "so many",
    "of equals",
    "made anew",
    "cannot be meant",
    "for want of",
    "where there is none",
    "the like of",
    "is told",
    "are told",
    "None: all",
]
WORD = re.compile(r"[A-Za-z][a-z0-9]*")
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Figures:
    """What was counted in one checkout."""

    files: int = 0
    lines: int = 0
    longest_file: int = 0
    functions: int = 0
    documented: int = 0
    function_lines: list[int] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    name_lengths: list[int] = field(default_factory=list)
    comprehensions: int = 0
    nested_comprehensions: int = 0
    walrus: int = 0
    words: Counter[str] = field(default_factory=Counter)
    phrases: Counter[str] = field(default_factory=Counter)
    imports: dict[str, set[str]] = field(default_factory=dict)


def module_name(path: Path, package: Path) -> str:
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(tree: ast.AST, path: Path, package: Path, modules: set[str]) -> Iterator[str]:
    """Yield the modules of the package that a module imports, anywhere in it and for annotations too."""
    folder = list(path.relative_to(package).parts[:-1])
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        names = node.module.split(".") if node.module else []
        if node.level:
            base = folder[: len(folder) - node.level + 1]
        elif names[:1] == [package.name]:
            base, names = [], names[1:]
        else:
            continue
        for alias in node.names:
            target = [*base, *names, alias.name]
            while target and ".".join(target) not in modules:
                target.pop()
            if target:
                yield ".".join(target)


def circles(imports: dict[str, set[str]]) -> int:
    """Return how many modules lie in a circle of imports."""
    reachable: dict[str, set[str]] = {}
    for module in imports:
        seen: set[str] = set()
        waiting = [module]
        while waiting:
            for other in imports.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        reachable[module] = seen
    return sum(module in reachable[module] for module in imports)


def assigned_names(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id.strip("_"))
    return names - {""}


def count_function(figures: Figures, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    figures.functions += 1
    figures.documented += ast.get_docstring(node) is not None
    figures.function_lines.append((node.end_lineno or node.lineno) - node.lineno + 1)
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    figures.parameters.append(len([name for name in names if name not in ("self", "cls")]))


def count_words(figures: Figures, path: Path) -> None:
    """Count the words of names, comments and strings, and the private phrases of comments and strings."""
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                text = " ".join(token.string.split())
                for phrase in PRIVATE_PHRASES:
                    figures.phrases[phrase] += len(re.findall(rf"\b{re.escape(phrase)}\b", text, re.IGNORECASE))
                figures.phrases["is no"] += len(re.findall(r"(?<!\bthere )\bis no\b", text, re.IGNORECASE))
            elif token.type != tokenize.NAME:
                continue
            for word in WORD.findall(token.string):
                figures.words[word.lower()] += 1


def measure(checkout: Path) -> Figures:
    """Count everything in the package of one checkout."""
    package = checkout / "semsearch"
    paths = sorted(package.rglob("*.py"))
    modules = {module_name(path, package) for path in paths}
    figures = Figures(files=len(paths))
    for path in paths:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        lines = len(text.splitlines())
        figures.lines += lines
        figures.longest_file = max(figures.longest_file, lines)
        names = assigned_names(tree)
        figures.names.update(names)
        figures.name_lengths += [len(name) for name in names]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                count_function(figures, node)
            elif isinstance(node, ast.NamedExpr):
                figures.walrus += 1
            elif isinstance(node, COMPREHENSIONS):
                figures.comprehensions += 1
                inner = [other for other in ast.walk(node) if isinstance(other, COMPREHENSIONS) and other is not node]
                figures.nested_comprehensions += bool(inner)
        count_words(figures, path)
        name = module_name(path, package)
        others = set(imported(tree, path, package, modules)) - {name}
        if path.name == "__init__.py":  # it only passes on what its modules define
            others = {other for other in others if not other.startswith(f"{name}.")}
        figures.imports[name] = others
    return figures


def rows(figures: Figures) -> dict[str, str]:
    """Return what is printed of one checkout."""
    per_100 = 100 / figures.lines
    lengths = sorted(figures.function_lines)
    private = Counter({word: figures.words[word] for word in PRIVATE_WORDS}) + figures.phrases
    vague = Counter({name: figures.names[name] for name in PRIVATE_NAMES if figures.names[name]})
    return {
        "lines": f"{figures.lines:,}",
        "files": f"{figures.files}",
        "lines per file, mean / longest": f"{figures.lines / figures.files:.0f} / {figures.longest_file}",
        "modules in import circles": f"{circles(figures.imports)}",
        "length of assigned names, mean": f"{statistics.mean(figures.name_lengths):.1f}",
        "walrus operators": f"{figures.walrus}",
        "comprehensions per 100 lines": f"{figures.comprehensions * per_100:.1f}",
        "comprehensions in comprehensions": f"{figures.nested_comprehensions}",
        "function length, mean / p90 / longest": (
            f"{statistics.mean(lengths):.1f} / {lengths[int(0.9 * len(lengths))]} / {lengths[-1]}"
        ),
        "parameters, mean / most": f"{statistics.mean(figures.parameters):.1f} / {max(figures.parameters)}",
        "functions with a docstring": f"{figures.documented / figures.functions:.0%}",
        "glossary words per 100 lines": f"{sum(figures.words[word] for word in GLOSSARY) * per_100:.1f}",
        "private words per 100 lines": f"{private.total() * per_100:.1f}",
        "most frequent private words": listed(private),
        "vague names of variables": f"{vague.total()}",
        "most frequent vague names": listed(vague),
    }


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts.most_common(6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", type=Path, nargs="*", default=[ROOT])
    args = parser.parse_args()
    columns = [rows(measure(checkout.resolve())) for checkout in args.checkouts]
    names = [checkout.resolve().name for checkout in args.checkouts]
    print(table(["figure", *names], [[name, *(column[name] for column in columns)] for name in columns[0]]))


if __name__ == "__main__":
    main()
