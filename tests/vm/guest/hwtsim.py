"""tests/vm/hwtsim: that the module does what its parameters say, then that netobs finds it out."""

import machine
from hwtsim_module import Module  # pylint: disable=unused-import
from hwtsim_netobs import Clocks, Counts, Faults, Settings  # pylint: disable=unused-import

OFFSETS_NS, DRIFTS_PPB = (5_000_000, 37_000_123_000), (10_000, -20_000)
PRECISE, EXTENDED = 2, 1


if __name__ == "__main__":
    machine.main(("hwts0", "hwts1"), machine.HwtsimClocks(OFFSETS_NS, DRIFTS_PPB, cross=(PRECISE, EXTENDED)))
