"""Everything in `demo_pcaps/` → anew: recorded, drawn, and described.

usage (as root, from the top of the repository): python -m tools.demo.make_all

What oddport must say of the captures is in `demos.toml`, which a person writes; `tests/demo` compares. The branch office
has other numbers of packets in every recording, so that its entry has to be looked at afterwards.
"""

import sys
from pathlib import Path

from tools.demo import draw, readme, record


def main(folder: Path = record.HERE) -> int:
    """Make everything; gives the exit status."""
    status = record.main(["--to", str(folder)])
    if status:
        return status
    for name in draw.SCENES:
        draw.draw(name, folder / f"{name}.pcap")
        print(f"{name}: drawn")
    readme.main()
    print("README.md: written. Run the tests in tests/demo, and mend demos.toml where a number has changed.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
