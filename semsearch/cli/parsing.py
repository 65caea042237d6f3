"""How words become arguments: verbs listed by what they are for, values converted without delay."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

__all__ = ["Group", "Verb"]


_OPTION = re.compile(r"--?[a-zA-Z][\w-]*(=.*)?", re.DOTALL)  # what a misspelt option looks like


class _Converter:
    """In place of typer's own converter, which imports pydantic: that takes longer than a whole answer.

    It knows the few kinds of values that the verbs have, and leaves the rest to typer.
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        info, kind = param.type_descriptor.parameter_info, param.type_descriptor.annotation
        try:
            if kind == list[str]:
                return list(value)
            if kind in (str, Path, float) or (isinstance(kind, type) and issubclass(kind, Enum)):
                return kind(value)
            if kind is int and (info.min is None or int(value) >= info.min):
                return int(value)
        except ValueError:
            pass  # typer knows how to say what is wrong with it
        from typer._coercion import build_runtime_param

        return build_runtime_param(param.type_descriptor).coerce(value, param=param, ctx=ctx)


def _convert_quickly(params: list[Any]) -> list[Any]:
    """Where typer has no such converter (before 0.26 it was click's), nothing needs to be done."""
    for param in params:
        if getattr(param, "_runtime_param", ...) is None and hasattr(param, "type_descriptor"):
            param._runtime_param = _Converter()
    return params


class Verb(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _convert_quickly(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """A text may begin with a dash; whoever types one is told where it goes."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except Exception as error:  # its class is click's or typer's own, as the version has it
            name = str(getattr(error, "option_name", None))
            word = next((word for word in given if word.startswith(name)), "-x")
            takes_text = any(param.nargs == -1 for param in self.params)
            if takes_text and type(error).__name__ == "NoSuchOption" and not _OPTION.fullmatch(word):
                start = " ".join(word.split())[:40]
                error.message += f'. A text that begins with a dash goes behind --: {ctx.command_path} -- "{start}"'  # type: ignore[attr-defined]
            raise


class Group(TyperGroup):
    """Lists the verbs by what one wants to do, in plain text."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _convert_quickly(super().get_params(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = str(getattr(command, "rich_help_panel", None) or "Commands")
                panels.setdefault(panel, []).append((name, command.get_short_help_str(200)))
        for panel, rows in panels.items():
            with formatter.section(panel):
                formatter.write_dl(rows)
