-- The views: what people, the sqlite3 shell and Datasette read. Pure SQL, no functions of our own.
-- Addresses: IPv4 in decimal from its integer, IPv6 as eight full groups from its 16 bytes.
-- Times: ISO 8601 in UTC with nanoseconds; whole seconds are rounded down, also before 1970.
CREATE VIEW captures AS SELECT file.id, coalesce(capture_place.path, file.path) AS path, file.format, file.packets, file.bytes,
  strftime('%Y-%m-%dT%H:%M:%S', (first_ns - (first_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS first,
  strftime('%Y-%m-%dT%H:%M:%S', (last_ns - (last_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS last,
  linktypes, truncated, warnings, file.size, file.digest, unpacked_path
  FROM file LEFT JOIN capture_place ON capture_place.digest = file.digest AND file.unpacked_path IS NULL;
CREATE VIEW flows AS SELECT flow.id,
  strftime('%Y-%m-%dT%H:%M:%S', (first_ns - (first_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS first,
  strftime('%Y-%m-%dT%H:%M:%S', (last_ns - (last_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS last,
  (last_ns - first_ns) / 1e9 AS seconds,
  (SELECT word FROM word WHERE kind = 'proto' AND number = flow.proto) AS proto,
  CASE typeof(src) WHEN 'integer' THEN (src >> 24) || '.' || (src >> 16 & 255) || '.' || (src >> 8 & 255) || '.' || (src & 255)
    ELSE lower(hex(substr(src, 1, 2)) || ':' || hex(substr(src, 3, 2)) || ':' || hex(substr(src, 5, 2)) || ':' || hex(substr(src, 7, 2))
      || ':' || hex(substr(src, 9, 2)) || ':' || hex(substr(src, 11, 2)) || ':' || hex(substr(src, 13, 2)) || ':' || hex(substr(src, 15, 2)))
    END AS src,
  sport,
  CASE typeof(dst) WHEN 'integer' THEN (dst >> 24) || '.' || (dst >> 16 & 255) || '.' || (dst >> 8 & 255) || '.' || (dst & 255)
    ELSE lower(hex(substr(dst, 1, 2)) || ':' || hex(substr(dst, 3, 2)) || ':' || hex(substr(dst, 5, 2)) || ':' || hex(substr(dst, 7, 2))
      || ':' || hex(substr(dst, 9, 2)) || ':' || hex(substr(dst, 11, 2)) || ':' || hex(substr(dst, 13, 2)) || ':' || hex(substr(dst, 15, 2)))
    END AS dst,
  dport, nullif(server_port, 0) AS server_port, app.name AS app,
  (SELECT word FROM word WHERE kind = 'tier' AND number = flow.tier) AS tier,
  (SELECT word FROM word WHERE kind = 'port_verdict' AND number = flow.verdict) AS port_verdict,
  (SELECT word FROM word WHERE kind = 'severity' AND number = flow.severity) AS severity,
  packets_o + packets_r AS packets, bytes_o + bytes_r AS bytes, packets_o, packets_r, bytes_o, bytes_r, payload_o, payload_r,
  (SELECT word FROM word WHERE kind = 'state' AND number = flow.state) AS state,
  (SELECT word FROM word WHERE kind = 'server' AND number = flow.server) AS server_known_by,
  notes & 1 AS midstream, notes >> 1 & 1 AS one_sided, notes >> 2 & 1 AS cut, notes >> 6 & 1 AS fragmented, notes >> 7 & 1 AS repeats,
  nullif(context, 0) AS context, interface, file, first_packet, last_packet, open, facts, inside.parent, inside.tunnel,
  (SELECT group_concat(name, ', ') FROM (SELECT name FROM owner WHERE owner.flow = flow.id AND name IS NOT NULL ORDER BY side)) AS proc,
  (SELECT group_concat(path, ', ') FROM (SELECT path FROM owner WHERE owner.flow = flow.id AND path IS NOT NULL ORDER BY side)) AS proc_path,
  (SELECT group_concat(user, ', ') FROM (SELECT user FROM owner WHERE owner.flow = flow.id AND user IS NOT NULL ORDER BY side)) AS proc_user,
  (SELECT group_concat(pid, ', ') FROM (SELECT pid FROM owner WHERE owner.flow = flow.id AND pid IS NOT NULL ORDER BY side)) AS proc_pid,
  (SELECT group_concat(why, ', ') FROM (SELECT DISTINCT why FROM owner WHERE owner.flow = flow.id AND why IS NOT NULL)) AS proc_unknown
  FROM flow LEFT JOIN app ON app.id = flow.app LEFT JOIN inside ON inside.flow = flow.id;
CREATE VIEW findings AS SELECT finding.id, finding.uid,
  (SELECT word FROM word WHERE kind = 'severity' AND number = finding.severity) AS severity, score, title, summary, detector, rule,
  CASE typeof(src) WHEN 'integer' THEN (src >> 24) || '.' || (src >> 16 & 255) || '.' || (src >> 8 & 255) || '.' || (src & 255)
    ELSE lower(hex(substr(src, 1, 2)) || ':' || hex(substr(src, 3, 2)) || ':' || hex(substr(src, 5, 2)) || ':' || hex(substr(src, 7, 2))
      || ':' || hex(substr(src, 9, 2)) || ':' || hex(substr(src, 11, 2)) || ':' || hex(substr(src, 13, 2)) || ':' || hex(substr(src, 15, 2)))
    END AS src,
  sport,
  CASE typeof(dst) WHEN 'integer' THEN (dst >> 24) || '.' || (dst >> 16 & 255) || '.' || (dst >> 8 & 255) || '.' || (dst & 255)
    ELSE lower(hex(substr(dst, 1, 2)) || ':' || hex(substr(dst, 3, 2)) || ':' || hex(substr(dst, 5, 2)) || ':' || hex(substr(dst, 7, 2))
      || ':' || hex(substr(dst, 9, 2)) || ':' || hex(substr(dst, 11, 2)) || ':' || hex(substr(dst, 13, 2)) || ':' || hex(substr(dst, 15, 2)))
    END AS dst,
  dport, (SELECT word FROM word WHERE kind = 'proto' AND number = finding.proto) AS proto, nullif(server_port, 0) AS server_port, app,
  expected, count,
  strftime('%Y-%m-%dT%H:%M:%S', (first_ns - (first_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS first,
  strftime('%Y-%m-%dT%H:%M:%S', (last_ns - (last_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS last,
  (SELECT group_concat(technique, ' ') FROM finding_technique WHERE finding_technique.finding = finding.id) AS techniques,
  verdict.verdict, verdict.note, verdict.user AS reviewed_by, flow, train, parts, rejected, lowered, attack_version
  FROM finding LEFT JOIN verdict ON verdict.uid = finding.uid;
CREATE VIEW evidence_bytes AS SELECT evidence.id, evidence.finding, finding.title, captures.path AS capture, evidence.packet,
  evidence.offset, evidence.length, lower(hex(evidence.data)) AS bytes, evidence.says, evidence.expected,
  CASE evidence.side WHEN 0 THEN 'originator' ELSE 'responder' END AS sent_by, nullif(evidence.train, 0) AS train
  FROM evidence JOIN finding ON finding.id = evidence.finding LEFT JOIN captures ON captures.id = evidence.file;
CREATE VIEW techniques AS SELECT finding_technique.technique, finding_technique.relation, finding_technique.reason,
  finding_technique.finding, finding.title, (SELECT word FROM word WHERE kind = 'severity' AND number = finding.severity) AS severity
  FROM finding_technique JOIN finding ON finding.id = finding_technique.finding;
CREATE VIEW trains AS SELECT train.id,
  strftime('%Y-%m-%dT%H:%M:%S', (first_ns - (first_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (first_ns % 1000000000 + 1000000000) % 1000000000) AS first,
  strftime('%Y-%m-%dT%H:%M:%S', (last_ns - (last_ns % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch')
    || printf('.%09dZ', (last_ns % 1000000000 + 1000000000) % 1000000000) AS last,
  CASE typeof(src) WHEN 'integer' THEN (src >> 24) || '.' || (src >> 16 & 255) || '.' || (src >> 8 & 255) || '.' || (src & 255)
    ELSE lower(hex(substr(src, 1, 2)) || ':' || hex(substr(src, 3, 2)) || ':' || hex(substr(src, 5, 2)) || ':' || hex(substr(src, 7, 2))
      || ':' || hex(substr(src, 9, 2)) || ':' || hex(substr(src, 11, 2)) || ':' || hex(substr(src, 13, 2)) || ':' || hex(substr(src, 15, 2)))
    END AS src,
  CASE typeof(dst) WHEN 'integer' THEN (dst >> 24) || '.' || (dst >> 16 & 255) || '.' || (dst >> 8 & 255) || '.' || (dst & 255)
    ELSE lower(hex(substr(dst, 1, 2)) || ':' || hex(substr(dst, 3, 2)) || ':' || hex(substr(dst, 5, 2)) || ':' || hex(substr(dst, 7, 2))
      || ':' || hex(substr(dst, 9, 2)) || ':' || hex(substr(dst, 11, 2)) || ':' || hex(substr(dst, 13, 2)) || ':' || hex(substr(dst, 15, 2)))
    END AS dst,
  (SELECT word FROM word WHERE kind = 'proto' AND number = train.proto) AS proto, ip_id, sport, dport, flow, count AS fragments,
  CASE complete WHEN 1 THEN 'complete' ELSE 'incomplete' END AS state, total, reassembled AS reassembled_bytes,
  (SELECT group_concat(word, ' ') FROM (SELECT word FROM word WHERE kind = 'anomaly' AND train.anomalies >> number & 1 ORDER BY word))
    AS anomalies
  FROM train;
CREATE VIEW packet_blocks AS SELECT id, first AS first_packet, count AS packets, layout, numbers,
  length(flow) + length(ts) + length(offset) + length(caplen) + length(wirelen) + length(flags) + length(info) + length(file)
    + length(interface) AS bytes
  FROM packet_block;
CREATE VIEW loads AS SELECT id,
  strftime('%Y-%m-%dT%H:%M:%S', started_ns / 1000000000, 'unixepoch') || printf('.%09dZ', started_ns % 1000000000) AS started,
  state, (ended_ns - started_ns) / 1e9 AS seconds, bytes_read, bytes_total, packets, flows, findings, message, host, pid
  FROM load;
