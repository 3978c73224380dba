"""Where each thing lies in a flow's row of 64-bit words."""

# Words of a flow's row, by cache line of 64 bytes. A and B are its ends in canonical order (the lower one is A).
A_HI = 0
A_LO = 1
B_HI = 2
B_LO = 3
TAIL = 4  # port A << 32 | port B << 16 | proto << 8 | version
WHERE = 5  # context << 32 | interface << 16 | file
BITS = 6
LAST = 7

FIRST = 8
NAME = 9  # id | number of the first packet << 32
TALLY = 10  # number of the last packet | packets with payload << 32
PACKETS = 11  # the originator's | the responder's << 32
OCTETS = 12  # two words each: originator's, responder's
PAYLOAD = 14

EXPECT = 16  # two words: next sequence number | its position in the stream << 32
CHAIN = 18  # two words: first block + 1 | last block + 1 << 32
USED = 20  # two words: bytes of the chain | pieces << 32
LAST_PIECE = 22  # two words: arena address of the header | end position << 32
WORDS = 24

# Bits of the word BITS; those of a direction take two places, the originator's first.
FLAGS_BIT = 0  # TCP flags ever seen, 8 bits a direction
NOTES_BIT = 16
ORIENT_BIT = 32  # the originator is B
LIVE_BIT = 33
STAGE_BIT = 34  # 2 bits: how many times the flow was offered for naming
KNOWN_BIT = 36  # the direction's first sequence number is known, not guessed
BEGUN_BIT = 38  # EXPECT holds
HOLE_BIT = 40  # bytes behind a hole were seen
FULL_BIT = 42  # no more first bytes are kept
DONE_BIT = 44  # named for good: first bytes were freed
FIRST_RESET_BIT = 45  # 2 bits: 1 = the originator reset first, 2 = the responder
ANSWER_BIT = 47  # the first packet is the responder's
IP_BIT = 48  # 16 bits: bytes of the first packet's frame before its IP header
