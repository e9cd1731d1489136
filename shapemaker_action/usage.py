"""The command line for whom it is not clear: its help, and what is wrong with it, by argparse."""

from __future__ import annotations

import argparse
import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, NoReturn

from shapemaker_action import __version__, grammar
from shapemaker_action.errors import InvalidInputError
from shapemaker_action.invocation import STAGES, TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(message, state="nothing was done", remedy=f"see {self.prog} --help")


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal; argparse makes one for every option, and would import the archivers of shutil for it."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80


def read(argv: Sequence[str], program: str) -> SimpleNamespace:
    """As `grammar.read`, but every command line is answered: with values, with help, or with an error.

    Raises:
        InvalidInputError: the command line is wrong.
    """
    return SimpleNamespace(**vars(parser(program).parse_args(list(argv))))


def parser(program: str) -> argparse.ArgumentParser:
    """The grammar: `shapemaker STAGE[,STAGE…] [options]`."""
    lines = [f"  {name:<10} {text}" for name, text in (STAGES | TOOLS).items()]
    made = _Parser(
        prog=program,
        usage="%(prog)s STAGE[,STAGE...] [options]",
        description="Bring your own container to Amazon SageMaker, from model code to an answered invocation.",
        epilog="\n".join(["stages and tools:", *lines]),
        formatter_class=_Help,
        allow_abbrev=False,
    )
    made.add_argument("words", metavar="STAGE", nargs="+", help="what to do; several stages separated by commas")
    made.add_argument("--version", action="version", version=f"shapemaker {__version__}")
    for title, options in grammar.GROUPS.items():
        group = made.add_argument_group(title)
        for name, option in options.items():
            _add(group, name, option)
    return made


def _add(group: argparse._ArgumentGroup, name: str, option: grammar.Option) -> None:
    if option.is_switch:
        group.add_argument(name, action="store_true", help=option.help)
        return
    group.add_argument(
        name,
        metavar=option.metavar or None,
        choices=option.choices or None,
        type=_explained(option.read),
        action="append" if option.repeated else "store",
        default=[] if option.repeated else option.default,
        help=option.help,
    )


def _explained(read: Callable[[str], object]) -> Callable[[str], object]:
    """Argparse passes on what an error says only when the error is its own."""
    if isinstance(read, type):
        return read

    def explained(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return explained
