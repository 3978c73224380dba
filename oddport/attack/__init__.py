"""ATT&CK ids → names, tactics, our words, and who is known to have used a port; read from data files at first use."""

from typing import TYPE_CHECKING, Any

from oddport.attack.index import (
    ATTACK_VERSION,
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
)

if TYPE_CHECKING:
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
]

_OF_T1571 = frozenset({"Analytic", "NonStandardPort", "Procedure", "non_standard_port", "procedures_for"})


def __getattr__(name: str) -> Any:
    """What belongs to T1571 alone is imported when it is first asked for."""
    if name in _OF_T1571:
        from oddport.attack import nonstandard

        return getattr(nonstandard, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
