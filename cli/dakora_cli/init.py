"""`dakora init`."""

from pathlib import Path

import click

from dakora_cli.files import write_atomically, write_new
from dakora_cli.options import SPEAKING, Invocation, command

_TEMPLATES = Path(__file__).parent / "templates"
_PACKED = {
    "prompts/greeting.yaml": "greeting.yaml",
    "prompts/parts/closing/kind.yaml": "closing.yaml",
    ".env": "env",
}
_IGNORED = (".dakora/", ".env")


@command("init", *SPEAKING)
@click.argument("folder", type=click.Path(path_type=Path), default=".", metavar="[DIR]")
def init(call: Invocation, *, folder: Path) -> None:
    """Make a folder ready: prompts/ with an example, .env, .gitignore.

    DIR is this folder unless given. What is there already stays as it is.
    """
    out, base = call.out, call.world.cwd / folder
    written: list[str] = []
    kept: list[str] = []
    for name, packed in _PACKED.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        is_new = write_new(base / name, (_TEMPLATES / packed).read_text(encoding="utf-8"))
        (written if is_new else kept).append(name)
    (written if _ignore(base / ".gitignore") else kept).append(".gitignore")
    if out.as_json:
        out.json({"folder": str(base), "written": written, "kept": kept})
        return
    for name in written:
        out.say(f"wrote {call.world.shown(base / name)}")
    for name in kept:
        out.say(f"kept  {call.world.shown(base / name)} as it is")
    step = "" if base.resolve() == call.world.cwd.resolve() else f"cd {folder} && "
    out.say(f"\nNext: {step}dakora dev --prompts prompts\nThen: dakora render greeting -i name=Alice")


def _ignore(path: Path) -> bool:
    """Add what git must not see; says whether anything was missing."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    present = {line.strip() for line in text.splitlines()}
    missing = [line for line in _IGNORED if not present & {line, line.rstrip("/"), f"/{line}"}]
    if not missing:
        return False
    start = "" if not text or text.endswith("\n") else "\n"
    write_atomically(path, text + start + "\n".join(missing) + "\n")
    return True
