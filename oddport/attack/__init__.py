"""ATT&CK ids → names, tactics, our words, and who is known to have used a port; read from data files at first use."""

from typing import TYPE_CHECKING, Any

from oddport.attack.index import (
    ATTRIBUTION,
    LICENSE_FILE,
    Component,
    Tactic,
    Technique,
    UnknownTechnique,
    component,
    in_version_19,
    mitigation,
    summary,
    tactics,
    technique,
    techniques,
    version_in_use,
)

if TYPE_CHECKING:
    ATTACK_VERSION: str
    """Of the data in use; asked for when it is first wanted, since that reads a file."""
    from oddport.attack.nonstandard import Analytic, NonStandardPort, Procedure, non_standard_port, procedures_for

__all__ = [
    "ATTACK_VERSION",
    "ATTRIBUTION",
    "LICENSE_FILE",
    "Analytic",
    "Component",
    "NonStandardPort",
    "Procedure",
    "Tactic",
    "Technique",
    "UnknownTechnique",
    "component",
    "in_version_19",
    "mitigation",
    "non_standard_port",
    "procedures_for",
    "summary",
    "tactics",
    "technique",
    "techniques",
    "version_in_use",
]

_OF_T1571 = frozenset({"Analytic", "NonStandardPort", "Procedure", "non_standard_port", "procedures_for"})


def __getattr__(name: str) -> Any:
    """What reads files is asked for when it is first wanted."""
    if name == "ATTACK_VERSION":
        return version_in_use()
    if name in _OF_T1571:
        from oddport.attack import nonstandard

        return getattr(nonstandard, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
