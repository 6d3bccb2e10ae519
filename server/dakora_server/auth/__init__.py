"""From a request to a checked caller, and from there to a place the caller may touch."""

from dakora_server.auth.access import Access, access_of
from dakora_server.auth.dependencies import (
    AdminProject,
    Caller,
    ChangeWorkspace,
    From,
    ProjectRef,
    ReadProject,
    ReadWorkspace,
    ReviewProject,
    RunProject,
    WriteOwnProject,
    WriteProject,
)

__all__ = [
    "Access",
    "AdminProject",
    "Caller",
    "ChangeWorkspace",
    "From",
    "ProjectRef",
    "ReadProject",
    "ReadWorkspace",
    "ReviewProject",
    "RunProject",
    "WriteOwnProject",
    "WriteProject",
    "access_of",
]
