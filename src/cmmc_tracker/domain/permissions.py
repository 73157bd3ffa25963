"""Who may do what: actions in one sorted enum, what each asks, and one function that decides.

Two roles, `admin` and `user`; admin is running the machine and gives by itself no right in a system. What a
person may do in a system is a membership: view, contribute, judge, approve. Who is no member gets "not found",
so that nobody learns which systems there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cmmc_tracker.errors import Forbidden, NotFound, NotSignedIn


class Role(StrEnum):
    """The two roles of an account."""

    ADMIN = "admin"
    USER = "user"


class Organization(StrEnum):
    """Whose people an account is of; an assessor's sees the package that is opened to it, and nothing else."""

    OURS = "ours"
    PROVIDER = "provider"
    ASSESSOR = "assessor"

    @property
    def label(self) -> str:
        """The organization as people read it."""
        return _ORGANIZATIONS[self]


_ORGANIZATIONS = {
    Organization.OURS: "our own",
    Organization.PROVIDER: "a service provider",
    Organization.ASSESSOR: "an assessor (C3PAO, DIBCAC, or who looks for us)",
}


class Right(StrEnum):
    """What a membership gives in one system."""

    VIEW = "view"
    CONTRIBUTE = "contribute"
    JUDGE = "judge"
    APPROVE = "approve"


class Action(StrEnum):
    """Everything that somebody may be allowed to do, `thing:verb`, sorted."""

    ARTIFACT_CREATE = "artifact:create"
    ARTIFACT_DELETE = "artifact:delete"
    ARTIFACT_EDIT = "artifact:edit"
    ARTIFACT_LINK = "artifact:link"
    ARTIFACT_PURGE = "artifact:purge"
    ARTIFACT_SPILL = "artifact:spill"
    ARTIFACT_VIEW = "artifact:view"
    ASSIGNMENT_MAKE = "assignment:make"
    AUDIT_EXTRACT = "audit:extract"
    AUDIT_READ = "audit:read"
    CATALOG_IMPORT = "catalog:import"
    CHECK_SWITCH = "check:switch"
    IMPLEMENTATION_EDIT = "implementation:edit"
    OBJECTIVE_JUDGE = "objective:judge"
    OWN_ACCOUNT = "own:account"
    PACKAGE_FREEZE = "package:freeze"
    PACKAGE_HOLD = "package:hold"
    PACKAGE_SHARE = "package:share"
    PLAN_APPROVE = "plan:approve"
    POAM_CLOSE = "poam:close"
    POAM_EDIT = "poam:edit"
    REMARK_WRITE = "remark:write"
    REQUEST_MANAGE = "request:manage"
    SCOPE_EDIT = "scope:edit"
    SETTINGS_EDIT = "settings:edit"
    SPILL_CONFIRM = "spill:confirm"
    STATUS_RECORD = "status:record"
    SYSTEM_CREATE = "system:create"
    SYSTEM_VIEW = "system:view"
    USER_MANAGE = "user:manage"


_ADMIN_ONLY = {
    *(Action.ARTIFACT_PURGE, Action.ARTIFACT_SPILL, Action.AUDIT_READ, Action.CATALOG_IMPORT),
    *(Action.PACKAGE_HOLD, Action.SETTINGS_EDIT, Action.USER_MANAGE),
}
_SIGNED_IN = {Action.OWN_ACCOUNT, Action.SYSTEM_CREATE}
_IN_SYSTEM = {
    Action.ARTIFACT_CREATE: Right.CONTRIBUTE,
    Action.ARTIFACT_DELETE: Right.CONTRIBUTE,
    Action.ARTIFACT_EDIT: Right.CONTRIBUTE,
    Action.ARTIFACT_LINK: Right.CONTRIBUTE,
    Action.ARTIFACT_VIEW: Right.VIEW,
    Action.ASSIGNMENT_MAKE: Right.APPROVE,
    Action.AUDIT_EXTRACT: Right.JUDGE,
    Action.CHECK_SWITCH: Right.JUDGE,
    Action.IMPLEMENTATION_EDIT: Right.CONTRIBUTE,
    Action.OBJECTIVE_JUDGE: Right.JUDGE,
    Action.PACKAGE_FREEZE: Right.JUDGE,
    Action.PACKAGE_SHARE: Right.APPROVE,
    Action.PLAN_APPROVE: Right.APPROVE,
    Action.POAM_CLOSE: Right.JUDGE,
    Action.POAM_EDIT: Right.CONTRIBUTE,
    Action.REMARK_WRITE: Right.CONTRIBUTE,
    Action.REQUEST_MANAGE: Right.CONTRIBUTE,
    Action.SCOPE_EDIT: Right.CONTRIBUTE,
    Action.SPILL_CONFIRM: Right.JUDGE,
    Action.STATUS_RECORD: Right.APPROVE,
    Action.SYSTEM_VIEW: Right.VIEW,
}
# Of a system that the administrator is a member of.
_ADMIN_TOO = {Action.ASSIGNMENT_MAKE, Action.AUDIT_EXTRACT, Action.PACKAGE_SHARE}
_DEMANDS = {
    Right.VIEW: "view this system",
    Right.CONTRIBUTE: "contribute to this system",
    Right.JUDGE: "judge objectives in this system",
    Right.APPROVE: "approve in this system",
}


@dataclass(frozen=True, slots=True)
class Access:
    """One system as one person knows it. `cui` tells whether CUI may be stored in it (`domain.cui`)."""

    system_id: int
    slug: str
    name: str
    level: int
    demo: bool
    rights: frozenset[Right]
    cui: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in person, or the machine's own operator at the command line."""

    id: int | None
    name: str
    role: Role
    systems: Mapping[str, Access] = field(default_factory=dict)  # by slug
    via: str = ""  # the API token that acts for the person; the audit log names it
    organization: Organization = Organization.OURS

    @property
    def is_admin(self) -> bool:
        """Whether this person runs the machine."""
        return self.role is Role.ADMIN

    @property
    def is_assessor(self) -> bool:
        """Whether this person sees the package that is opened to them, and nothing else."""
        return self.organization is Organization.ASSESSOR

    def system_ids(self, right: Right = Right.VIEW) -> list[int]:
        """The ids of the systems in which this person has a right."""
        return [access.system_id for access in self.systems.values() if right in access.rights]

    def by_id(self, system_id: int) -> Access | None:
        """A system by its number, or None when this person may not know of it."""
        return next((access for access in self.systems.values() if access.system_id == system_id), None)


def system_of(actor: Actor, slug: str) -> Access:
    """The system of that slug as this person knows it; raises `NotFound` for strangers and unknown slugs alike."""
    access = actor.systems.get(slug)
    if access is None:
        raise NotFound("There is no such system, or you are not a member of it.")
    return access


def system_by_id(actor: Actor | None, system_id: int) -> Access:
    """The system of that number as this person knows it; raises `NotFound` for strangers to it."""
    access = actor.by_id(system_id) if actor else None
    if access is None:
        raise NotFound("This belongs to another system; only members of that system can change it.")
    return access


def allow(actor: Actor | None, action: Action, system: Access | None = None) -> None:
    """Return when the actor may do the action, in the system where the action belongs to one; else raise.

    Raises `NotSignedIn` without an actor, `Forbidden` when a right is missing. An action that no rule names is
    forbidden: deny by default.
    """
    if actor is None:
        raise NotSignedIn("Please sign in first.")
    if actor.is_assessor and action is not Action.OWN_ACCOUNT:
        raise Forbidden("An assessor's account looks at the package that is opened to it, and at nothing else.")
    if action in _SIGNED_IN:
        return
    if action in _ADMIN_ONLY:
        if actor.is_admin:
            return
        raise Forbidden("Only an administrator may do this.")
    if action in _ADMIN_TOO and actor.is_admin and system is not None and Right.VIEW in system.rights:
        return
    right = _IN_SYSTEM.get(action)
    if right is None or system is None:
        raise Forbidden("You are not allowed to do this.")
    if right not in system.rights:
        raise Forbidden(f"You may not {_DEMANDS[right]}. Ask an administrator for the right.")
