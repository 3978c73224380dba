"""Conversations of text protocols, after the examples of their specifications: (client's bytes, server's bytes)."""

TRANSCRIPTS: dict[str, tuple[bytes, bytes]] = {
    # RFC 9112, section 2.1
    "http": (
        b"GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\n"
        b"Accept-Language: en, mi\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nServer: Apache\r\nContent-Length: 51\r\n\r\n"
        b"Hello World!",
    ),
    # RFC 4253, sections 4.2 and 7.1: identification, then packet length 20, padding length 4, SSH_MSG_KEXINIT
    "ssh": (
        b"SSH-2.0-OpenSSH_9.2p1\r\n\x00\x00\x00\x14\x04\x14" + bytes(18),
        b"SSH-2.0-dropbear_2022.83\r\n\x00\x00\x00\x14\x04\x14" + bytes(18),
    ),
    # RFC 5321, appendix D.1
    "smtp": (
        b"EHLO bar.com\r\nMAIL FROM:<Smith@bar.com>\r\nRCPT TO:<Jones@foo.com>\r\nDATA\r\nBlah blah\r\n.\r\nQUIT\r\n",
        b"220 foo.com Simple Mail Transfer Service Ready\r\n250-foo.com greets bar.com\r\n250-8BITMIME\r\n250-SIZE\r\n"
        b"250-DSN\r\n250 HELP\r\n250 OK\r\n250 OK\r\n354 Start mail input; end with <CRLF>.<CRLF>\r\n250 OK\r\n"
        b"221 foo.com\r\n",
    ),
    # RFC 959, section 7, as sessions begin today
    "ftp": (
        b"USER anonymous\r\nPASS guest@\r\nSYST\r\nPASV\r\nRETR file.txt\r\nQUIT\r\n",
        b"220 Service ready\r\n331 User name ok, need password\r\n230 User logged in\r\n215 UNIX Type: L8\r\n"
        b"227 Entering Passive Mode (192,0,2,1,4,1)\r\n150 Opening\r\n",
    ),
    # RFC 1939, section 10
    "pop3": (
        b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\nSTAT\r\nLIST\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n",
        b"+OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>\r\n"
        b"+OK mrose's maildrop has 2 messages (320 octets)\r\n+OK 2 320\r\n",
    ),
    # RFC 9051, section 8
    "imap": (
        b"a001 LOGIN mrc secret\r\na002 SELECT inbox\r\na003 FETCH 12 full\r\n",
        b"* OK [CAPABILITY STARTTLS AUTH=SCRAM-SHA-256 IMAP4rev2] IMAP4rev2 Service Ready\r\n"
        b"a001 OK LOGIN completed\r\n* 18 EXISTS\r\n",
    ),
    # RFC 2812, sections 3.1 and 5.1
    "irc": (
        b"NICK Wiz\r\nUSER guest 0 * :Ronnie Reagan\r\nJOIN #foobar\r\n",
        b":irc.example.org NOTICE AUTH :*** Looking up your hostname\r\n"
        b":irc.example.org 001 Wiz :Welcome to the network\r\n",
    ),
    # RFC 854 and 1073, 1091: WILL and DO of terminal type, window size, echo
    "telnet": (
        b"\xff\xfb\x18\xff\xfb\x1f\xff\xfd\x01\xff\xfd\x03",
        b"\xff\xfd\x18\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03\r\nlogin: ",
    ),
    # RFC 6143, section 7.1
    "vnc": (b"RFB 003.008\n\x01\x01", b"RFB 003.008\n\x01\x01\x00\x00\x00\x00"),
    # Redis serialization protocol specification, "Sending commands to a Redis server"
    "redis": (b"*2\r\n$4\r\nLLEN\r\n$6\r\nmylist\r\n", b":48293\r\n"),
    # RFC 3261, section 24.2
    "sip": (
        b"INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/TCP client.atlanta.example.com:5060\r\n"
        b"User-Agent: Softphone\r\n"
        b"Content-Length: 0\r\n\r\n",
        b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/TCP client.atlanta.example.com:5060\r\nContent-Length: 0\r\n\r\n",
    ),
    "shell": (
        b"whoami\r\ncd C:\\Users\r\n",
        b"Microsoft Windows [Version 10.0.19045.3803]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\n"
        b"C:\\Windows\\system32>whoami\r\nnt authority\\system\r\n",
    ),
}
SERVER_UNKNOWN = frozenset({"ssh", "vnc", "telnet", "shell"})
"""Both sides speak alike, or the roles say nothing about who listens."""
