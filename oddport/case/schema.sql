-- The case file. Compact tables; the views (views.sql) are what people read.
-- Times are ns since 1970 (UTC). An IPv4 address is an INTEGER, an IPv6 address a BLOB of 16 bytes: half the load time and
-- a fifth of the size of a flow against 16 bytes for both, and a network is a plain range.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
-- state of each load: 'loading', 'done', 'stopped', 'failed', 'interrupted'. host, pid and process_start say whose load it
-- is, beat_ns when it was last heard of: a load that says 'loading' without a living process was interrupted.
CREATE TABLE load (id INTEGER PRIMARY KEY, started_ns INTEGER NOT NULL, ended_ns INTEGER, state TEXT NOT NULL,
  bytes_total INTEGER, bytes_read INTEGER NOT NULL DEFAULT 0, packets INTEGER NOT NULL DEFAULT 0, flows INTEGER NOT NULL DEFAULT 0,
  findings INTEGER NOT NULL DEFAULT 0, pid INTEGER, message TEXT, host TEXT, process_start TEXT, beat_ns INTEGER);
CREATE TABLE file (id INTEGER PRIMARY KEY, path TEXT NOT NULL, unpacked_path TEXT, format TEXT NOT NULL, size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL, digest TEXT NOT NULL, packets INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
  first_ns INTEGER, last_ns INTEGER, linktypes TEXT NOT NULL DEFAULT '[]', truncated INTEGER NOT NULL DEFAULT 0,
  warnings TEXT NOT NULL DEFAULT '[]');
CREATE TABLE interface (id INTEGER PRIMARY KEY, file INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT, link INTEGER NOT NULL, snaplen INTEGER);
CREATE TABLE app (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- the columns stand as flow_rows.py gives them; rows of another table of this declaration are copied in as they are
CREATE TABLE flow (id INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, src NOT NULL, dst NOT NULL,
  version INTEGER NOT NULL, proto INTEGER NOT NULL, sport INTEGER NOT NULL, dport INTEGER NOT NULL, server_port INTEGER,
  context INTEGER NOT NULL, interface INTEGER NOT NULL, file INTEGER NOT NULL, packets_o INTEGER NOT NULL, packets_r INTEGER NOT NULL,
  bytes_o INTEGER NOT NULL, bytes_r INTEGER NOT NULL, payload_o INTEGER NOT NULL, payload_r INTEGER NOT NULL, flags_o INTEGER NOT NULL,
  flags_r INTEGER NOT NULL, state INTEGER NOT NULL, server INTEGER NOT NULL, notes INTEGER NOT NULL, first_packet INTEGER NOT NULL,
  last_packet INTEGER NOT NULL, app INTEGER, tier INTEGER NOT NULL, verdict INTEGER NOT NULL, severity INTEGER, open INTEGER NOT NULL,
  facts TEXT);
-- packet columns of up to 65,536 packets; `layout` (JSON) says how each column is packed, see blocks.py.
-- numbers (JSON): file -> 1-based number in that file of its first packet in this block.
CREATE TABLE packet_block (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, count INTEGER NOT NULL, numbers TEXT NOT NULL,
  layout TEXT NOT NULL, flow BLOB NOT NULL, ts BLOB NOT NULL, offset BLOB NOT NULL, caplen BLOB NOT NULL, wirelen BLOB NOT NULL,
  flags BLOB NOT NULL, info BLOB NOT NULL, file BLOB NOT NULL, interface BLOB NOT NULL);
-- flows that were found in tunnels: the flow whose packets carry it, and the tunnels, outermost first: gre > vxlan vni 42
CREATE TABLE inside (flow INTEGER PRIMARY KEY, parent INTEGER NOT NULL, tunnel TEXT NOT NULL);
-- processes that the local ends of flows belong to. side: 0 the originator's, 1 the responder's. name is NULL where the process
-- is not known, and why says for what reason.
CREATE TABLE owner (flow INTEGER NOT NULL, side INTEGER NOT NULL, pid INTEGER, name TEXT, path TEXT, user TEXT, why TEXT,
  PRIMARY KEY (flow, side)) WITHOUT ROWID;
-- packets inside those of a block, 8 bytes each: row in the block, flow, TCP flags, info (engine.columns.INNER_PACKET)
CREATE TABLE inner_block (block INTEGER PRIMARY KEY, packets BLOB NOT NULL);
-- the blocks in which a flow has packets, the block of its first packet left out unless it is not where flow.first_packet says
CREATE TABLE flow_block (flow INTEGER NOT NULL, block INTEGER NOT NULL, packets INTEGER NOT NULL, PRIMARY KEY (flow, block)) WITHOUT ROWID;
-- anomalies: bits, whose words are in `word`. fragments: 42 bytes each in order of arrival, see reading.FRAGMENT. rest (JSON):
-- holes and conflicts. The columns stand as train_rows.py gives them.
CREATE TABLE train (id INTEGER PRIMARY KEY, version INTEGER NOT NULL, src NOT NULL, dst NOT NULL, proto INTEGER NOT NULL,
  ip_id INTEGER NOT NULL, sport INTEGER, dport INTEGER, flow INTEGER, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  count INTEGER NOT NULL, complete INTEGER NOT NULL, total INTEGER, reassembled INTEGER NOT NULL, anomalies INTEGER NOT NULL,
  context INTEGER NOT NULL, interface INTEGER NOT NULL, at_start INTEGER NOT NULL, at_end INTEGER NOT NULL, fragments BLOB NOT NULL,
  rest TEXT);
CREATE TABLE finding (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE, detector TEXT NOT NULL, rule TEXT NOT NULL, severity INTEGER NOT NULL,
  score INTEGER NOT NULL, title TEXT NOT NULL, summary TEXT NOT NULL, expected TEXT NOT NULL, src NOT NULL, dst NOT NULL,
  version INTEGER NOT NULL, proto INTEGER NOT NULL, sport INTEGER NOT NULL, dport INTEGER NOT NULL, server_port INTEGER NOT NULL,
  app TEXT, flow INTEGER, train INTEGER, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, count INTEGER NOT NULL,
  parts TEXT NOT NULL, rejected TEXT NOT NULL, lowered TEXT NOT NULL, attack_version TEXT NOT NULL);
CREATE INDEX finding_flow ON finding (flow);
CREATE INDEX finding_train ON finding (train);
-- flows that were folded into a finding, besides its own: the first 1,000; finding.count says how many there are
CREATE TABLE occurrence (finding INTEGER NOT NULL, flow INTEGER NOT NULL, PRIMARY KEY (finding, flow)) WITHOUT ROWID;
CREATE INDEX occurrence_flow ON occurrence (flow);
CREATE TABLE evidence (id INTEGER PRIMARY KEY, finding INTEGER NOT NULL, file INTEGER NOT NULL, packet INTEGER NOT NULL, offset INTEGER NOT NULL,
  length INTEGER NOT NULL, data BLOB NOT NULL, says TEXT NOT NULL, expected TEXT NOT NULL, train INTEGER NOT NULL, side INTEGER NOT NULL);
CREATE INDEX evidence_finding ON evidence (finding);
CREATE TABLE finding_technique (finding INTEGER NOT NULL, technique TEXT NOT NULL, relation TEXT NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (finding, technique)) WITHOUT ROWID;
CREATE INDEX finding_technique_technique ON finding_technique (technique);
CREATE TABLE detector_error (id INTEGER PRIMARY KEY, detector TEXT NOT NULL, at TEXT NOT NULL, message TEXT NOT NULL, trace TEXT NOT NULL);
-- what the load left out (kind 'limit': a limit of memory was met) or left undecided ('doubt': a detector did not judge)
CREATE TABLE omission (source TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (source, kind, reason)) WITHOUT ROWID;
-- the analyst's own. Verdicts go by finding uid, places of captures by digest, so that loading again keeps them.
CREATE TABLE verdict (uid TEXT PRIMARY KEY, verdict TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', user TEXT NOT NULL, at_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE verdict_history (id INTEGER PRIMARY KEY, uid TEXT NOT NULL, verdict TEXT, note TEXT NOT NULL DEFAULT '', user TEXT NOT NULL DEFAULT '', at_ns INTEGER NOT NULL);
CREATE INDEX verdict_history_uid ON verdict_history (uid);
-- marks: of findings by uid, of flows by what they are, since their numbers are the load's
CREATE TABLE finding_mark (uid TEXT PRIMARY KEY, user TEXT NOT NULL, at_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE flow_mark (first_ns INTEGER NOT NULL, src NOT NULL, dst NOT NULL, proto INTEGER NOT NULL, sport INTEGER NOT NULL,
  dport INTEGER NOT NULL, context INTEGER NOT NULL, user TEXT NOT NULL, at_ns INTEGER NOT NULL,
  PRIMARY KEY (first_ns, src, dst, proto, sport, dport, context)) WITHOUT ROWID;
CREATE TABLE capture_place (digest TEXT PRIMARY KEY, path TEXT NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
-- words of the numbers above, filled from words.py
CREATE TABLE word (kind TEXT NOT NULL, number INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (kind, number)) WITHOUT ROWID;
