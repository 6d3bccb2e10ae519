"""Who may do what: every operation of the API, in one table. An operation that is not here does not start.

`docs/permissions.md` is written from it (`make permissions`), and a test tries each line with every kind of caller.
"""

from dataclasses import dataclass
from enum import StrEnum

from dakora_server.core.rate_limits import LimitClass
from dakora_server.core.scope import Role, Scope


class Place(StrEnum):
    """Where an operation happens, and so what its caller is asked for."""

    open = "open"  # anybody, without credentials
    caller = "caller"  # whoever is signed in, or an API key
    user = "user"  # whoever is signed in
    workspace = "workspace"  # a member of the workspace in the address
    own = "own"  # the project of the API key, or the one that a header names; without login the default one
    project = "project"  # a member of the project's workspace, or the project's API key


@dataclass(frozen=True, slots=True)
class Rule:
    """What one operation asks for.

    `role` is the least role of a member. `scopes` are those of an API key, any one of them; none means that no key may.
    `archived`: the project may be archived.
    """

    place: Place
    role: Role = Role.viewer
    scopes: tuple[Scope, ...] = ()
    limit: LimitClass | None = LimitClass.read
    archived: bool = False

    def allows_key(self, scopes: frozenset[Scope]) -> bool:
        """Whether a key with these scopes may."""
        return not scopes.isdisjoint(self.scopes)


_ANY_SCOPE = tuple(Scope)
_read, _render, _write, _execute = LimitClass.read, LimitClass.render, LimitClass.write, LimitClass.execute


def _project(role: Role, *scopes: Scope, limit: LimitClass = _read, archived: bool = False) -> Rule:
    return Rule(Place.project, role, scopes, limit, archived)


def _workspace(role: Role, limit: LimitClass = _read) -> Rule:
    return Rule(Place.workspace, role, (), limit)


_viewer, _editor, _admin, _owner = Role.viewer, Role.editor, Role.admin, Role.owner

OPERATIONS: dict[str, Rule] = {
    "health": Rule(Place.open, limit=None),
    "ready": Rule(Place.open, limit=None),
    "hear_clerk": Rule(Place.open, limit=None),
    "get_me": Rule(Place.caller, scopes=_ANY_SCOPE),
    "get_context": Rule(Place.caller, scopes=_ANY_SCOPE),
    "list_workspaces": Rule(Place.user),
    "create_workspace": Rule(Place.user, limit=_write),
    "accept_invitation": Rule(Place.user, limit=_write),
    "get_workspace": _workspace(_viewer),
    "change_workspace": _workspace(_admin, _write),
    "archive_workspace": _workspace(_owner, _write),
    "list_members": _workspace(_viewer),
    "change_member": _workspace(_admin, _write),
    # Everybody may leave; whom else one may remove, the service decides.
    "remove_member": _workspace(_viewer, _write),
    "hand_over_workspace": _workspace(_owner, _write),
    "list_invitations": _workspace(_admin),
    "create_invitation": _workspace(_admin, _write),
    "revoke_invitation": _workspace(_admin, _write),
    "list_workspace_audit": _workspace(_admin),
    "list_projects": _workspace(_viewer),
    "create_project": _workspace(_admin, _write),
    "get_project": _project(_viewer, *_ANY_SCOPE),
    "change_project": _project(_admin, limit=_write),
    "archive_project": _project(_admin, limit=_write),
    "restore_project": _project(_admin, limit=_write, archived=True),
    "list_project_audit": _project(_admin),
    "list_api_keys": _project(_admin),
    "create_api_key": _project(_admin, limit=_write),
    "rotate_api_key": _project(_admin, limit=_write),
    "revoke_api_key": _project(_admin, limit=_write),
    "list_prompts": _project(_viewer, Scope.read),
    "get_prompt": _project(_viewer, Scope.read),
    "list_versions": _project(_viewer, Scope.read),
    "get_version": _project(_viewer, Scope.read),
    "diff_versions": _project(_viewer, Scope.read),
    "render_prompt": _project(_viewer, Scope.render, limit=_render),
    "validate_template": _project(_viewer, Scope.read, Scope.render, Scope.write, limit=_render),
    "create_prompt": _project(_editor, Scope.write, limit=_write),
    "save_prompt": _project(_editor, Scope.write, limit=_write),
    "delete_prompt": _project(_editor, Scope.write, limit=_write),
    "restore_prompt": _project(_editor, Scope.write, limit=_write),
    "rollback_prompt": _project(_editor, Scope.write, limit=_write),
    "list_parts": _project(_viewer, Scope.read),
    "get_part": _project(_viewer, Scope.read),
    "list_part_versions": _project(_viewer, Scope.read),
    "diff_part_versions": _project(_viewer, Scope.read),
    "list_part_usages": _project(_viewer, Scope.read),
    "create_part": _project(_editor, Scope.write, limit=_write),
    "save_part": _project(_editor, Scope.write, limit=_write),
    "delete_part": _project(_editor, Scope.write, limit=_write),
    "restore_part": _project(_editor, Scope.write, limit=_write),
    "rollback_part": _project(_editor, Scope.write, limit=_write),
    "export_project": _project(_viewer, Scope.read),
    "import_project": _project(_editor, Scope.write, limit=_write),
    "record_executions": _project(_editor, Scope.log, limit=LimitClass.log),
    "export_traces": Rule(Place.own, _editor, (Scope.log,), LimitClass.log),
    "list_executions": _project(_viewer, Scope.read),
    "get_execution": _project(_viewer, Scope.read),
    "erase_executions": _project(_admin, limit=_write),
    "get_execution_settings": _project(_viewer, Scope.read),
    "change_execution_settings": _project(_admin, limit=_write),
    "get_stats": _project(_viewer, Scope.read),
    "compare_stats": _project(_viewer, Scope.read),
    "execute_prompt": _project(_editor, Scope.execute, limit=_execute),
    "compare_prompt": _project(_editor, Scope.execute, limit=_execute),
    "list_providers": _project(_viewer, Scope.read, Scope.execute),
    "set_provider": _project(_admin, limit=_write),
    "delete_provider": _project(_admin, limit=_write),
    "list_models": _project(_viewer, Scope.read, Scope.execute),
    "get_budget": _project(_viewer, Scope.read, Scope.execute),
    "change_budget": _project(_admin, limit=_write),
    "list_labels": _project(_viewer, Scope.read),
    "get_label": _project(_viewer, Scope.read),
    "list_label_moves": _project(_viewer, Scope.read),
    "put_label": _project(_editor, Scope.write, limit=_write),
    "delete_label": _project(_editor, Scope.write, limit=_write),
    "list_protected_labels": _project(_viewer, Scope.read),
    "protect_label": _project(_admin, limit=_write),
    "unprotect_label": _project(_admin, limit=_write),
    "list_label_requests": _project(_viewer),
    "get_label_request": _project(_viewer),
    "create_label_request": _project(_editor, limit=_write),
    "comment_label_request": _project(_editor, limit=_write),
    "approve_label_request": _project(_admin, limit=_write),
    "reject_label_request": _project(_admin, limit=_write),
    "withdraw_label_request": _project(_editor, limit=_write),
    # It reaches into a second project, which no key does.
    "move_prompt": _project(_editor, limit=_write),
}


def rule_for(operation: str) -> Rule:
    """The operation's rule. Raises LookupError for one that nobody has decided on."""
    try:
        return OPERATIONS[operation]
    except KeyError:
        raise LookupError(f"the operation {operation} is not in the table of permissions") from None


_WHERE = {
    Place.open: "open",
    Place.caller: "signed in, or a key",
    Place.user: "signed in",
    Place.own: "own project",
}


def as_markdown() -> str:
    """The table as `docs/permissions.md` has it."""
    lines = [
        "# Permissions",
        "",
        "Every operation of the API, who may call it, and which rate limit counts it. Written from",
        "`server/dakora_server/permissions.py` with `make permissions`; a test tries each line with every kind of",
        "caller.",
        "",
        "A higher role may do what a lower one may: owner, admin, editor, viewer. An API key opens its own project and",
        "nothing else; it needs one of the scopes. A stranger gets 404, a member without the right 403, nobody 401.",
        "",
        "| operation | where | least role | API key with | counted as |",
        "|---|---|---|---|---|",
    ]
    for name, rule in OPERATIONS.items():
        role = {Place.open: "nobody needs one", Place.caller: "none", Place.user: "none"}.get(
            rule.place, rule.role.value
        )
        scopes = "any scope" if rule.scopes == _ANY_SCOPE else ", ".join(rule.scopes) or "never"
        where = {
            Place.open: "open",
            Place.caller: "signed in, or a key",
            Place.user: "signed in",
            Place.own: "own project",
        }.get(rule.place, rule.place)
        keys = "" if rule.place is Place.open else scopes
        lines.append(f"| `{name}` | {where} | {role} | {keys} | {rule.limit.value if rule.limit else ''} |")
    return "\n".join(lines) + "\n"
