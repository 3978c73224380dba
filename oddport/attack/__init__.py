"""ATT&CK ids → names, tactics, our words, and who is known to have used a port; read from data files at first use."""

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
