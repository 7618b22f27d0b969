"""The footprint of each program of comparison/: its lines of code, and the size of its installation."""

import ast
from importlib import metadata

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llamastack_workshop.system import paths

# The packages that a reader installs for each program.
INSTALLS = {
    "pure": ("openai", "pydantic"),
    "langchain_chat": ("langchain-core", "langchain-openai", "pydantic"),
    "hybrid": ("langchain-core", "langchain-openai", "pydantic"),
    "langgraph": ("langchain-core", "langchain-openai", "langgraph", "pydantic"),
}


def lines_of(name: str) -> int:
    """Return the number of lines of code in a program, without blank lines, comments, docstrings and imports.

    The hybrid includes the lines of the LangChain program, to which it only adds an argument.
    """
    text = (paths.ROOT / "comparison" / f"{name}.py").read_text(encoding="utf-8")
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
            skipped.update(range(node.lineno, node.end_lineno + 1))
    code = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")]
    own = len(set(code) - skipped)
    return own + (lines_of("langchain_chat") if name == "hybrid" else 0)


def installation(packages: tuple[str, ...]) -> dict[str, float]:
    """Return the number of distributions that `packages` install, including themselves, and their size in MB.

    A distribution that pyproject.toml excludes from the lab is counted, because a reader who installs only `packages`
    gets it; its size is unknown here.
    """
    found: set[str] = set()
    wanted = [Requirement(package) for package in packages]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        if not _is_installed(name):
            continue
        for line in metadata.requires(name) or []:
            further = Requirement(line)
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in requirement.extras or {""}):
                wanted.append(further)
    files = [file.locate() for name in found if _is_installed(name) for file in metadata.files(name) or []]
    size = sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
    return {"distributions": len(found), "installed_mb": round(size / 1e6, 1)}


def _is_installed(name: str) -> bool:
    return any(metadata.distributions(name=name))
