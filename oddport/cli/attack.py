"""ATT&CK's data → what is in use, on standard output; a newer bundle → the data in use from then on."""

from pathlib import Path

from oddport.attack import ATTACK_VERSION, ATTRIBUTION, in_version_19, non_standard_port, technique
from oddport.attack.update import UpdateError, update
from oddport.cli.paths import fail
from oddport.detection.registry import describe


def show() -> int:
    """Print the version, what T1571 is looked for by, and every technique that a finding may be mapped to."""
    facts = non_standard_port()
    print(f"ATT&CK {ATTACK_VERSION}, enterprise")
    successors = ", ".join(f"{each.id} {each.name}" for each in facts.components)
    print(f"{facts.data_source} {facts.data_source_name}, since version 18 in parts: {successors}")
    print(f"{facts.strategy} {facts.strategy_name}")
    for each in facts.analytics:
        print(f"  {each.id} {', '.join(each.platforms)}: {', '.join(part.id for part in each.components)}")
    mapped = sorted({name for detector in describe() for name in detector.techniques})
    print(f"{len(mapped)} techniques that findings are mapped to:")
    for name in mapped:
        later = in_version_19(name)
        moved = "" if later == name else f" ({later or 'withdrawn'} in version 19)"
        print(f"  {name:<10} {technique(name).name}{moved}")
    print(ATTRIBUTION)
    return 0


def load_bundle(bundle: Path) -> int:
    """Take over a bundle; exit status 0, or 2 where it cannot be used."""
    try:
        done = update(bundle)
    except UpdateError as error:
        fail(str(error))
        return 2
    print(f"ATT&CK {done.version} in place of {done.before}: {done.techniques:,} techniques, {done.revoked:,} revoked.")
    return 0
