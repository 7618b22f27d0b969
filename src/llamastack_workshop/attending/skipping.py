"""Skipping the cells of a notebook that need something that this machine lacks."""

import symtable

from IPython import get_ipython

# Such a cell runs in any case: a check says itself what it lacks, and the cell that calls us may be run again.
_EXEMPT = {"check", "skip_cells"}


class _Skipping:
    """An input transformer of IPython: it replaces cells that use a missing name, or one that a skipped cell binds."""

    def __init__(self, name: str, because: str) -> None:
        self._missing = {name}
        self._instead = [f"print({f'skipped: {because}'!r})\n"]

    def __call__(self, lines: list[str]) -> list[str]:
        try:
            cell = symtable.symtable("".join(lines), "cell", "exec")
        except SyntaxError:
            return lines
        used = _used(cell)
        bound = {symbol.get_name() for symbol in cell.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        if used & _EXEMPT or not (used - bound) & self._missing:
            self._missing -= bound
            return lines
        self._missing |= bound
        return self._instead


def skip_cells(*, using: str, because: str | None) -> None:
    """From now on, skip each cell of this notebook that uses the name `using`, if there is a reason `because`.

    Also skipped are cells that use a name that a skipped cell would have bound. Cells that call a check still run.
    """
    transformers = get_ipython().input_transformers_post
    transformers[:] = [one for one in transformers if not isinstance(one, _Skipping)]
    if because:
        transformers.append(_Skipping(using, because))


def _used(scope: symtable.SymbolTable) -> set[str]:
    """Return the notebook's names that `scope` uses, also in functions."""
    is_cell = scope.get_type() == "module"
    symbols = [symbol for symbol in scope.get_symbols() if symbol.is_referenced()]
    own = {symbol.get_name() for symbol in symbols if is_cell or symbol.is_global()}
    return own.union(*map(_used, scope.get_children()))
