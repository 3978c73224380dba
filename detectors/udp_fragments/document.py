"""The text that explains the detector to an analyst."""

DOCUMENT = """\
# Fragments that no honest sender makes (`udp-fragments`)

Judges trains of IP fragments: overlaps, shapes that crash receivers, first fragments that hide ports, trains that
are never completed. Fragmentation alone is never reported. FRG-01 to 15 look at every transport, FRG-25 at UDP.

## Rules

| rule | what | base |
|---|---|---|
| FRG-01 | fragments overlap with different bytes | 80 |
| FRG-02 | fragments overlap in part, with the same bytes | 40 |
| FRG-03 | fragments repeated exactly: at least 10, or 20 % of the train | 10 |
| FRG-04 | the last fragment lies within another one (Teardrop) | 85 |
| FRG-05 | a length that is no multiple of 8 with more to follow, or data far outside the datagram (Bonk, Jolt) | 75 |
| FRG-06 | a datagram beyond 65,535 bytes (ping of death) | 85 |
| FRG-07 | a first fragment that hides the transport header (75), or holds nothing else (45) | 75 |
| FRG-12 | no first fragment within the timeout; 10 of one source within 60 s are medium, fewer info | 35 |
| FRG-13 | at least 10 trains of a pair never completed, and half of all its trains | 40 |
| FRG-15 | flood to one host: 100 unfinished trains open, 1,000 of their fragments a second, or 4 MiB held | 75 |
| FRG-25 | suspicious UDP fragments of a pair within 5 minutes, 50 points or more | – |

A duplicate is not an overlap, an overlap with the same bytes is not a conflict: three different things with three
rules. Trains that may have begun before the capture, or that it ends in, are not called incomplete, nor are those
that memory ran short for.

**FRG-25** is our reading of what PT-CR-476 (Suspicious UDP fragments) names; the text of that rule is not public,
and no equality is claimed. It adds the base of every rule that holds between the two hosts (each once; FRG-07 as
45; a lone train without its first fragment counts 5, a burst of them 35), those of `fragment-cuts`, `fragment-headers`,
`ipv6-fragments` and reuse of `fragment-ids` included (but for FRG-18; FRG-17 as 15), then: the service is not one that
fragments anyway +10, an outside address +10, the first fragments of the pair in this capture +10.

The same rule from 50 sources or more to one host is one finding, of the earliest train: forged sources are one
attack.

## Score

Base, then: towards an outside address +15; both ends inside −10. FRG-12 for a lone train: half.

## What is quiet

Complete trains without overlap, in either order, of any size: DNS answers (EDNS, DNSSEC), NFS, Kerberos, RADIUS
with certificates, IKE, SIP, SNMP, syslog, TFTP, and tunnels at an MTU of 1,500.

## False positives to expect

Reused IP ids at a high rate with loss (RFC 4963) look like FRG-01. Captures that lose packets look like FRG-12 and
13. Mirrored ports give FRG-03.

## ATT&CK

ATT&CK has no technique for fragments. What muddles port and protocol for a filter is mapped to T1571 as *related*;
packets made to crash a receiver to T1499.004; exhaustion of reassembly to T1499.001.
"""
