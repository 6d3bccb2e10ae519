"""The one name that a prompt's folder cannot have."""

from dakora_server.core.exceptions import Fault, InvalidRequest

RESERVED = "The folder `parts` at the top is where archives and folders keep parts: choose another one for a prompt."


def is_reserved(folder: str) -> bool:
    """Whether parts lie there: in `parts` at the top, or below it, whatever the case of its letters."""
    return folder.partition("/")[0].lower() == "parts"


def refuse_reserved(folder: str) -> None:
    """Raises InvalidRequest for a folder that is reserved."""
    if is_reserved(folder):
        raise InvalidRequest(RESERVED, errors=[Fault(RESERVED, loc=("folder",), type="reserved_folder")])
