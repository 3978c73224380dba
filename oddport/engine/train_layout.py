"""Where each thing lies in a fragment train's row of signed 64-bit words."""

# The key: addresses, then id | context << 32, then interface << 16 | atomic << 8 | version.
SRC_HI = 0
SRC_LO = 1
DST_HI = 2
DST_LO = 3
ID = 4
WHERE = 5
HASH = 6
NEXT = 7  # in the bucket of the hash table; links are slot + 1, 0 = none
EARLIER = 8  # in the list that the train is in
LATER = 9
LIST = 10
ROAD = 11
NUMBER = 12
FIRST_NS = 13
LAST_NS = 14
FLOOR = 15  # ns: a fragment before it belongs to another train, as one after the deadline does
DEADLINE = 16
COST = 17  # bytes that are charged
COUNT = 18
FILLED = 19  # bytes that came; of a plain train that is complete, its total
PROTO = 20
PORTS = 21  # source << 16 | destination, -1 = not known
TTL_LOW = 22
TTL_HIGH = 23
NOTES = 24
FIRST_ROW = 25  # the batch's fragments are chained from the first to the last
LAST_ROW = 26
KEPT = 27  # number of the batch in which a plain train became complete
PIECE = 28  # index of its first fragment among that batch's
AT = 29  # index of its first byte in that batch's buffer
FLOW = 30
ODDITIES = 31  # of a plain train, bits of ANOMALIES
WORDS = 32

# LIST
HELD = 0  # open and complete ones, the oldest first
ATOMIC = 1
OVER = 2  # in the order in which they ended
LISTS = 3

# ROAD
PLAIN_OPEN = 1  # all its fragments are in this batch
PLAIN_DONE = 2
ODD = 3  # it has an Assembly

# bits of NOTES
COMPLETE = 1
AT_START = 2
AT_END = 4
EVICTED = 8

# columns of TrainSlots.done, a row for each datagram that became complete in this batch
DONE_FRAGMENT = 0  # index of the fragment that completed it
DONE_SLOT = 1
DONE_PIECE = 2  # index of its first fragment in `pieces`, -1 = its bytes are given
DONE_PIECES = 3
DONE_TOTAL = 4  # bytes on the wire
DONE_CAPTURED = 5  # of them that are there
DONE_PROTO = 6
DONE_AT = 7  # index of the first byte behind the header in the buffer
DONE_COLUMNS = 8
