"""Requests that two servers could read differently, and unusual ones that they may not, by what is odd in them."""

from __future__ import annotations

LINE = b"POST /invocations HTTP/1.1\r\n"
HOST = b"Host: a\r\n"
TYPE = b"Content-Type: application/json\r\n"
LENGTH = b"Content-Length: 11\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b'{"age": 31}'
CHUNK = b"b\r\n" + BODY + b"\r\n"
CHUNKS = CHUNK + b"0\r\n\r\n"
CANARY = LINE + HOST + TYPE + b'Content-Length: 12\r\n\r\n{"age": 666}'
"""Follows what must be the last request of a connection: the model is never asked for it."""
LAST = LINE + HOST + TYPE + b'Connection: close\r\nContent-Length: 11\r\n\r\n{"age": 40}'


def post(headers: bytes = LENGTH, body: bytes = BODY, *, line: bytes = LINE, host: bytes = HOST) -> bytes:
    return line + host + TYPE + headers + b"\r\n" + body


def chunked(body: bytes) -> bytes:
    return post(CHUNKED, body)


def to(line: bytes) -> bytes:
    return post(line=line + b"\r\n")


LENGTHS = {
    "length and chunks": post(LENGTH + CHUNKED, CHUNKS),
    "chunks and length": post(CHUNKED + LENGTH, CHUNKS),
    "no length and chunks": post(b"Content-Length: 0\r\n" + CHUNKED, CHUNKS),
    "length and an empty coding": post(LENGTH + b"Transfer-Encoding:\r\n"),
    "length and identity": post(LENGTH + b"Transfer-Encoding: identity\r\n"),
    "length and an unknown coding": post(LENGTH + b"Transfer-Encoding: doves\r\n"),
    "the same length twice": post(LENGTH * 2),
    "two lengths": post(LENGTH + b"Content-Length: 0\r\n"),
    "two lengths in HTTP/1.0": post(LENGTH + b"Content-Length: 0\r\n", line=b"POST /invocations HTTP/1.0\r\n"),
    "a list of equal lengths": post(b"Content-Length: 11, 11\r\n"),
    "a list of lengths": post(b"Content-Length: 11, 0\r\n"),
    "a list of one length": post(b"Content-Length: 11,\r\n"),
    "a length in two": post(b"Content-Length: 1 1\r\n"),
    "no length after the colon": post(b"Content-Length:\r\n", b""),
    "blanks for a length": post(b"Content-Length: \t \r\n", b""),
    "a length with a plus": post(b"Content-Length: +11\r\n"),
    "a length of minus nothing": post(b"Content-Length: -0\r\n", b""),
    "a length with an underscore": post(b"Content-Length: 1_1\r\n"),
    "a length with a fraction": post(b"Content-Length: 11.0\r\n"),
    "a length with an exponent": post(b"Content-Length: 11e0\r\n"),
    "a hexadecimal length": post(b"Content-Length: 0xb\r\n"),
    "a quoted length": post(b'Content-Length: "11"\r\n'),
    "a length in other digits": post(b"Content-Length: \xd9\xa1\xd9\xa1\r\n"),
    "a length with a superscript": post(b"Content-Length: 1\xb9\r\n"),
    "a length after a hard blank": post(b"Content-Length: \xa011\r\n"),
    "a length after a vertical tab": post(b"Content-Length: \v11\r\n"),
    "a length before a form feed": post(b"Content-Length: 11\f\r\n"),
    "a length before NUL": post(b"Content-Length: 11\0\r\n"),
    "a length of 11 beyond 64 bits": post(b"Content-Length: 18446744073709551627\r\n"),
    "a length of 63 bits": post(b"Content-Length: 9223372036854775807\r\n"),
    "a blank before the colon of a length": post(b"Content-Length : 11\r\n"),
    "a tab before the colon of a length": post(b"Content-Length\t: 11\r\n"),
    "a folded length": post(b"Content-Length:\r\n 11\r\n"),
    "a length in a fold": post(b"X-A: 1\r\n Content-Length: 11\r\n"),
}
CODINGS = {
    "an empty coding": post(b"Transfer-Encoding:\r\n", CHUNKS),
    "an empty coding, then chunked": post(b"Transfer-Encoding:\r\n" + CHUNKED, CHUNKS),
    "chunked, then an empty coding": post(CHUNKED + b"Transfer-Encoding:\r\n", CHUNKS),
    "chunked and a comma": post(b"Transfer-Encoding: chunked,\r\n", CHUNKS),
    "a comma and chunked": post(b"Transfer-Encoding: , chunked\r\n", CHUNKS),
    "chunked twice": post(CHUNKED * 2, CHUNKS),
    "chunked twice in a list": post(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "chunked twice without a comma": post(b"Transfer-Encoding: chunked chunked\r\n", CHUNKS),
    "chunked, then identity": post(CHUNKED + b"Transfer-Encoding: identity\r\n", CHUNKS),
    "chunked, then gzip": post(CHUNKED + b"Transfer-Encoding: gzip\r\n", CHUNKS),
    "chunked before gzip": post(b"Transfer-Encoding: chunked, gzip\r\n", CHUNKS),
    "identity alone": post(b"Transfer-Encoding: identity\r\n"),
    "gzip alone": post(b"Transfer-Encoding: gzip\r\n", CHUNKS),
    "an unknown coding before chunked": post(b"Transfer-Encoding: doves, chunked\r\n", CHUNKS),
    "a letter before chunked": post(b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    "a letter after chunked": post(b"Transfer-Encoding: chunkedx\r\n", CHUNKS),
    "chunked with a parameter": post(b"Transfer-Encoding: chunked;q=1\r\n", CHUNKS),
    "chunked in quotes": post(b'Transfer-Encoding: "chunked"\r\n', CHUNKS),
    "chunked after a vertical tab": post(b"Transfer-Encoding: \vchunked\r\n", CHUNKS),
    "chunked before NUL": post(b"Transfer-Encoding: chunked\0\r\n", CHUNKS),
    "a blank before the colon of a coding": post(b"Transfer-Encoding : chunked\r\n", CHUNKS),
    "a tab before the colon of a coding": post(LENGTH + b"Transfer-Encoding\t: chunked\r\n"),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked\r\n", CHUNKS),
    "a fold after chunked": post(b"Transfer-Encoding: chunked\r\n gzip\r\n", CHUNKS),
    "a long s in the name of a coding": post(b"Tran\xc5\xbffer-Encoding: chunked\r\n" + LENGTH),
    "chunks in HTTP/1.0": post(CHUNKED, CHUNKS, line=b"POST /invocations HTTP/1.0\r\n"),
    "chunks on a kept connection of HTTP/1.0": post(
        CHUNKED + b"Connection: keep-alive\r\n", CHUNKS, line=b"POST /invocations HTTP/1.0\r\n"
    ),
}
CHUNK_LINES = {
    f"a chunk of size {size!r}": chunked(size + b"\r\n" + BODY + b"\r\n0\r\n\r\n")
    for size in (
        b"0xb",
        b"+b",
        b"-b",
        b"0_b",
        b"b.0",
        b"g",
        b" b",
        b"b ",
        b"b\t",
        b"b\0",
        b"b\xa0",
        b"",
        b";a=b",
        b"b a=b",
    )
} | {
    f"an extension {extension!r}": chunked(b"b" + extension + b"\r\n" + BODY + b"\r\n0\r\n\r\n")
    for extension in (
        b"\n;a",
        b"\r\r",
        b"\r;a",
        b";a=\r1",
        b";a=\n1",
        b';a="\n"',
        b';a="\r\n"',
        b';a="1',
        b";a=\0",
        b";",
    )
}
CHUNK_ENDS = {
    "a line feed after a size": chunked(b"b\n" + BODY + b"\r\n0\r\n\r\n"),
    "a carriage return after a size": chunked(b"b\r" + BODY + b"\r\n0\r\n\r\n"),
    "a line feed after an extension": chunked(b"b;a=b\n" + BODY + b"\r\n0\r\n\r\n"),
    "nothing after a chunk": chunked(b"b\r\n" + BODY + b"0\r\n\r\n"),
    "a line feed after a chunk": chunked(b"b\r\n" + BODY + b"\n0\r\n\r\n"),
    "a carriage return after a chunk": chunked(b"b\r\n" + BODY + b"\r0\r\n\r\n"),
    "something else after a chunk": chunked(b"b\r\n" + BODY + b"xx0\r\n\r\n"),
    "a chunk that is longer than it says": chunked(b"a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk that is shorter than it says": chunked(b"c\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "no last chunk": chunked(CHUNK),
    "no line after the last chunk": chunked(CHUNK + b"0\r\n"),
    "a line feed after the last chunk": chunked(CHUNK + b"0\n\r\n"),
    "only line feeds after the last chunk": chunked(CHUNK + b"0\n\n"),
    "a line feed for the last line": chunked(CHUNK + b"0\r\n\n"),
    "a carriage return for the last line": chunked(CHUNK + b"0\r\n\r"),
    "a blank after the last chunk": chunked(CHUNK + b"0 \r\n\r\n"),
}
TRAILERS = {
    f"a trailer {trailer!r}": chunked(CHUNK + b"0\r\n" + trailer + b"\r\n\r\n")
    for trailer in (
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Host: b",
        b"X: 1\n",
        b"GET /ping HTTP/1.1\r\nHost: a",
    )
}
STRICT_TRAILERS = {
    f"a trailer {trailer!r}": chunked(CHUNK + b"0\r\n" + trailer + b"\r\n\r\n")
    for trailer in (
        b"X: 1\rY: 1",
        b"X: 1\r\n 2",
        b"X: \0",
        b"X: \x7f",
        b"X : 1",
        b": 1",
        b"X",
        b"Content-Type: text/csv",
    )
}
NAMES = {
    f"a header {header!r}": post(header + b"\r\n" + LENGTH)
    for header in (
        *(b"X-A", b": 1", b"X A: 1", b" X-A: 1", b"\tX-A: 1", b"X-A : 1", b"X-A\t: 1", b"X-A\r\n : 1", b"X-A: 1\r\n 2"),
        *(b"X-A: 1\r\n ", b"X\0: 1", b"X\x01: 1", b"X\x7f: 1", b"X@: 1", b"X(: 1", b"X/: 1", b"{X}: 1", b"X\xe4: 1"),
        *("Content-Lengthß: 0".encode(), b"Content-Length\xff: 0", b'"Content-Length": 0', b"Content\rLength: 0"),
    )
}
VALUES = {
    f"a value {value!r}": post(b"X-A: a" + value + b"\r\n" + LENGTH)
    for value in (b"\0", b"\x01", b"\a", b"\b", b"\v", b"\f", b"\x1b", b"\x1f", b"\x7f", b"\r", b"\n", b"\rb", b"\nb")
}
LINE_ENDS = {
    "only line feeds": post().replace(b"\r\n", b"\n"),
    "only carriage returns": post().replace(b"\r\n", b"\r"),
    "a line feed after the request line": post(line=LINE[:-2] + b"\n"),
    "a carriage return after the request line": post(line=LINE[:-2] + b"\r"),
    "two carriage returns after the request line": post(line=LINE[:-2] + b"\r\r\n"),
    "a length after a line feed": post(b"X-A: 1\nContent-Length: 11\r\n"),
    "a length after a carriage return": post(b"X-A: 1\rContent-Length: 11\r\n"),
    "a coding after an empty value and a line feed": post(LENGTH + b"X-A:\nTransfer-Encoding: chunked\r\n"),
    "a coding after an empty value and a carriage return": post(LENGTH + b"X-A:\rTransfer-Encoding: chunked\r\n"),
    "a line feed for the line before the body": LINE + HOST + TYPE + LENGTH + b"\n" + BODY,
    "a carriage return for the line before the body": LINE + HOST + TYPE + LENGTH + b"\r" + BODY,
    "a carriage return and a letter for that line": LINE + HOST + LENGTH + b"\rx" + CANARY,
    "line ends the wrong way round": post(b"X-A: 1\n\r" + LENGTH),
    "a blank before the first header": post(host=b" Host: a\r\n"),
}
REQUEST_LINES = {
    f"the line {line!r}": to(line)
    for line in (
        *(
            b"POST /invocations",
            b"POST HTTP/1.1",
            b"/invocations HTTP/1.1",
            b"POST  HTTP/1.1",
            b" POST /invocations HTTP/1.1",
        ),
        *(b"POST\t/invocations HTTP/1.1", b"POST /invocations\tHTTP/1.1", b"POST\n/invocations\nHTTP/1.1"),
        *(b"POST /invo cations HTTP/1.1", b"POST /invocations HTTP/1.1 ", b"POST /invocations HTTP/1.1 x"),
        *(b"post /invocations HTTP/1.1", b"POST\0 /invocations HTTP/1.1", b"POST: /invocations HTTP/1.1"),
        *(
            b"POST\xff /invocations HTTP/1.1",
            b"PRI * HTTP/2.0",
            b"CONNECT a:443 HTTP/1.1",
            b"CONNECT /invocations HTTP/1.1",
        ),
        *(
            b"POST a:80 HTTP/1.1",
            b"POST * HTTP/1.1",
            b"GET * HTTP/1.1",
            b"POST invocations HTTP/1.1",
            b"POST ?a HTTP/1.1",
        ),
        *(b"POST \\invocations HTTP/1.1", b"POST /\0 HTTP/1.1", b"POST /\x01 HTTP/1.1", b"POST /\x7f HTTP/1.1"),
        *(b"POST /\xe4 HTTP/1.1", "POST /ä HTTP/1.1".encode(), b"POST /a\rb HTTP/1.1", b"POST /a\nb HTTP/1.1"),
    )
}
VERSIONS = {
    f"the version {version!r}": to(b"POST /invocations " + version)
    for version in (
        *(b"HTTP/0.9", b"HTTP/0.99", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/1.01", b"HTTP/01.1", b"HTTP/11", b"HTTP/111"),
        *(
            b"HTTP/2",
            b"HTTP/2.0",
            b"HTTP/5.6",
            b"HTTP/-1.1",
            b"HTTP/1,1",
            b"HTTP/1.",
            b"HTTP/ 1.1",
            b"HTTP/1.1x",
            b"HTTP",
        ),
        *(
            b"HTTP/\xd9\xa1.\xd9\xa1",
            b"HTTP/" + b"1" * 90 + b".1",
            b"http/1.1",
            b"HTTPS/1.1",
            b"IHTTP/1.1",
            b"ICE/1.0",
            b"FTP/1.1",
        ),
    )
}
HOSTS = {
    "the same host twice": post(host=HOST * 2),
    "two hosts": post(host=HOST + b"hOST: b\r\n"),
    "two hosts apart": post(LENGTH + b"Host: b\r\n"),
    "two types": post(b"Content-Type: text/csv\r\n" + LENGTH),
}
BEFORE = {
    "something before the request": b"abc\r\n" + post(),
    "a blank line before the request": b" \r\n" + post(),
    "NUL before the request": b"\0" + post(),
    "a byte order mark before the request": b"\xef\xbb\xbf" + post(),
    "the line of a proxy before the request": b"PROXY TCP4 192.0.2.1 192.0.2.2 3 4\r\n" + post(),
    "the signature of a proxy before the request": b"\r\n\r\n\0\r\nQUIT\n" + post(),
    "a response for a request": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    "a blank before the colon of an upgrade": post(b"Connection : upgrade\r\nUpgrade: ws\r\n" + LENGTH),
    "a connection with a carriage return": post(b"Connection: keep\ralive\r\n" + LENGTH),
}
IN_DOUBT = (
    *(LENGTHS, CODINGS, CHUNK_LINES, CHUNK_ENDS, TRAILERS),
    *(NAMES, VALUES, LINE_ENDS, REQUEST_LINES, VERSIONS, HOSTS, BEFORE),
)
ONLY_FAST = {
    # Gunicorn takes these: it decodes none of the codings, but closes the connection after gzip; identity is obsolete.
    "identity before chunked": post(b"Transfer-Encoding: identity, chunked\r\n", CHUNKS),
    "identity, then chunked": post(b"Transfer-Encoding: identity\r\n" + CHUNKED, CHUNKS),
    "gzip before chunked": post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "gzip, then chunked": post(b"Transfer-Encoding: gzip\r\n" + CHUNKED, CHUNKS),
    # It reads on over a blank that RFC 9112 allows there.
    "a blank after chunked": post(b"Transfer-Encoding: chunked \r\n", CHUNKS),
    "a blank before an extension": chunked(b"b ;a=b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    # It looks at no trailer but at the names that RFC 9110 forbids, and drops them all.
    **STRICT_TRAILERS,
    # It does without a host, and with any.
    "no host": post(host=b""),
    "a host with a path": post(host=b"Host: a/b\r\n"),
    "a host with a user": post(host=b"Host: a@b\r\n"),
    "a host with a blank": post(host=b"Host: a b\r\n"),
    "hosts in a list": post(host=b"Host: a, b\r\n"),
    # Its methods are all tokens: it knows where such a request ends, answers 400, and reads the next one.
    "an unknown method": to(b"SPAM /invocations HTTP/1.1"),
    "a longer method": to(b"POSTS /invocations HTTP/1.1"),
    "a method with a dash": to(b"-POST /invocations HTTP/1.1"),
    # It takes any target with a host for the path in it.
    "a target with a user": to(b"POST http://b@a/invocations HTTP/1.1"),
    "a target with a part of a page": to(b"POST http://a/invocations#b HTTP/1.1"),
    "a target without a scheme": to(b"POST ://a/invocations HTTP/1.1"),
}
ONLY_STOCK = {
    # Our parser takes any blank lines before a request, and any blanks in its first line: RFC 9112 allows it.
    "two lines before the request": b"\r\n\r\n" + post(),
    "a line feed before the request": b"\n" + post(),
    "two blanks before the target": to(b"POST  /invocations HTTP/1.1"),
    "two blanks after the target": to(b"POST /invocations  HTTP/1.1"),
    # It takes extensions without a name, or without a value; no line ends in them.
    "an extension without a name": chunked(b"b;=a\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "an extension without a value": chunked(b"b;a=\r\n" + BODY + b"\r\n0\r\n\r\n"),
    # It knows another protocol of the same form, reads it as HTTP of that version, and does not say so.
    "the version of a stream": to(b"POST /invocations RTSP/1.0"),
}
SWALLOWED = {
    "a length that is longer": post(b"Content-Length: 1000\r\n"),
    "a chunk of 4 GB": chunked(b"10000000b\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "a chunk of 64 bits": chunked(b"ffffffffffffffff\r\n" + BODY + b"\r\n0\r\n\r\n"),
}
ONE_ANSWER = {
    "a body without a length": post(b""),
    "a body after no length": post(b"Content-Length: 0\r\n"),
    "a length that is shorter": post(b"Content-Length: 10\r\n"),
    "a letter after the body": post() + b"x",
    "a blank after the body": post() + b" ",
    "the last request": post(LENGTH + b"Connection: close\r\n"),
    "the last request in a list": post(LENGTH + b"Connection: x, close\r\n"),
    "the last request, and not": post(LENGTH + b"Connection: close\r\nConnection: keep-alive\r\n"),
    "the last request in capitals": post(LENGTH + b"CONNECTION: CLOSE\r\n"),
    "the last request for a tab": post(LENGTH + b"Connection: close\t\r\n"),
    "HTTP/1.0": post(line=b"POST /invocations HTTP/1.0\r\n"),
}
TWO_ANSWERS = {
    "a plain request": post(),
    "a length with zeros": post(b"Content-Length: 00011\r\n"),
    "a length between blanks": post(b"Content-Length: \t 11 \t\r\n"),
    "chunks": chunked(CHUNKS),
    "chunks without a blank": post(b"Transfer-Encoding:chunked\r\n", CHUNKS),
    "chunks after a tab": post(b"Transfer-Encoding:\tchunked\r\n", CHUNKS),
    "chunks in capitals": post(b"TRANSFER-ENCODING: CHUNKED\r\n", CHUNKS),
    "several chunks": chunked(b"1\r\n{\r\n000A;a=b;c\r\n" + BODY[1:] + b'\r\n000;a="b c"\r\n\r\n'),
    "trailers": chunked(CHUNK + b"0\r\nX-A: 1\r\nConnection: keep-alive\r\n\r\n"),
    "trailers that would be headers": chunked(CHUNK + b"0\r\nContent-Encoding: gzip\r\nAccept: text/html\r\n\r\n"),
    "a name of signs": post(b"X!#$%&'*+.^`|~: 1\r\n" + LENGTH),
    "names with underscores": post(b"Content_Length: 0\r\nTransfer_Encoding: chunked\r\n" + LENGTH),
    "a value with a tab and an umlaut": post(b"X-A: D\xfc\ts\r\n" + LENGTH),
    "a coding the client takes": post(LENGTH + b"TE: chunked\r\n"),
    "an upgrade that is not for us": post(LENGTH + b"Upgrade: h2c\r\n"),
    "an upgrade with a body": post(LENGTH + b"Connection: upgrade\r\nUpgrade: h2c\r\n"),
    "an upgrade with chunks": post(CHUNKED + b"Connection: upgrade\r\nUpgrade: h2c\r\n", CHUNKS),
    "an upgrade as Java asks for it": post(
        b"Connection: Upgrade, HTTP2-Settings\r\n" + LENGTH + b"HTTP2-Settings: AAEAAEAA\r\nUpgrade: h2c\r\n"
    ),
    "a target with a host": to(b"POST http://a/invocations HTTP/1.1"),
    "a target with another host": to(b"POST HTTPS://b:443/invocations?a=b HTTP/1.1"),
    "an empty host": post(host=b"Host:\r\n"),
    "a host and its port": post(host=b"Host: [::1]:8080\r\n"),
    "a query": to(b"POST /invocations?a=b HTTP/1.1"),
    "a line before the request": b"\r\n" + post(),
    "a line after the request": post() + b"\r\n",
    "HTTP/1.0 on a kept connection": post(
        LENGTH + b"Connection: keep-alive\r\n", line=b"POST /invocations HTTP/1.0\r\n"
    ),
}
