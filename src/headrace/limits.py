"""Every number that limits something, with its unit in its name and its reason. Each module's limits stand together.

Defaults of settings are here too; config.py makes settings of them. Relations between limits are asserted beside the
argument for them.
"""

from __future__ import annotations

# transport: what a stranger may send, and how long we wait for it ---------------------------------------------------

BODY_BYTES_MAX = 64 * 1024 * 1024
"""Default of the setting body_bytes_max: one request's body after decompression, some 500,000 points of JSON."""

HEADER_BYTES_MAX = 64 * 1024
"""Request line and headers together. Real agents send under 1 KiB, a GET query with many series under 32 KiB."""

TELNET_LINE_BYTES_MAX = 16 * 1024
"""One telnet line. OpenTSDB allows 1024 bytes, too few for 16 tags or a text value; ours holds the longest names."""

TELNET_LENT_LINES_AT_ONCE = 2000
"""Lines of one dialect that are fed as one block where a connection mixes two: so many are found in 0.1 ms."""

TELNET_REPLY_BYTES_MAX = 1024 * 1024
"""Of the answers to one block of lines; what is over is counted. Some 50,000 lines may ask for statistics at once."""

KNOWN_HEADS_MAX = 1024
"""Heads of posts that are remembered; one more, and all are forgotten. Agents of one kind say the same, so a fleet
needs a few. Of 2 KiB each as a rule; of as many headers as fit, which a hostile sender may reach, 25 MiB together."""

KNOWN_HEAD_BYTES_MAX = 1024
"""A longer head is parsed each time. Agents send 100 to 300 bytes."""

HEADER_TIMEOUT_S = 30.0
"""Default of the setting header_timeout_s: from a request's first byte to the end of its headers. One packet as a rule;
on a bad line TCP sends it again after 1, 3, 7 and 15 s, and such a sender is honest."""

REQUEST_TIMEOUT_S = 60.0
"""Default of the setting request_timeout_s: a body must end, or bring REQUEST_BYTES_MIN bytes more, within this time,
again and again. A limit on the whole body would cut off slow honest lines, one between packets would let a byte a
minute hold us."""

REQUEST_BYTES_MIN = 1024
"""What a body must bring within REQUEST_TIMEOUT_S to be waited for: 17 bytes/s, a hundredth of a GSM data call."""

HANDSHAKE_TIMEOUT_S = 10.0
"""From the beginning of a connection with TLS to the end of its handshake: two round trips, and what TCP sends again on
a bad line. Such a connection has shown nothing yet, and holds some 40 KiB."""

HANDSHAKES_PER_ADDRESS_MAX = 256
"""Handshakes of TLS that one address (or /64 of IPv6) may have under way: a sixteenth of all connections, so that one
that opens and says nothing keeps nobody out. A thousand agents behind one address that all come back at once are
through in some 2 s, a handshake being a millisecond or two of ours; those that are crowded out come again."""

TLS_PIECE_BYTES = 16 * 1024
"""Bytes that are sealed or opened at a time: a record. OpenSSL's buffers stay as large as they ever were, and idle
connections keep them."""

TLS_WORDS_BYTES_MAX = 1024
"""What TLS itself may say to a client from one byte of requests or lines to the next, and while the client takes
nothing: an answer of 27 bytes to each new key that it asks for, which honest ones do once in 16 million records. Who
asks for more lets us work for nothing, or pile up answers that he never reads, and is cut off."""

TOLD_PER_MINUTE = 10
"""Log lines in a minute and room about requests denied for who sent them; the metrics count all. A client with an old
key sends on and on, and one line tells of it as well as a thousand."""

REFUSED_TOLD_PER_MINUTE = 5
"""Log lines in a minute, room and reason about refused points; the metrics count all. A sender with a mistake repeats
it each minute, and five names show its pattern; with thirty reasons it is at most three lines a second."""

REFUSED_SHOWN_TEXT_MAX = 512
"""Characters of a metric's name and of the words of a refusal in the log."""

IDLE_TIMEOUT_S = 300.0
"""Default of the setting idle_timeout_s. Agents report every 10 to 60 s on one connection; five minutes tolerate
missed turns."""

BODIES_BYTES_MAX = 256 * 1024 * 1024
"""Bodies of all requests in flight, compressed and unfolded; above it 503. Four of the largest, or thousands of usual
ones."""

CONNECTIONS_MAX = 4096
"""Open connections. For one more, HTTP connections that have been idle the longest are closed; where none is, it is
closed itself, unanswered. Idle ones cost 4 to 10 KiB each."""

BACKLOG = 1024
"""Connections that the kernel holds until we accept them: a fleet of agents that reconnects at once after our
restart."""

READ_BYTES = 16 * 1024
"""HTTP bytes parsed at a time: what is pipelined behind a request waits as bytes, and as at most 900 parsed
requests."""

HELD_BYTES_MAX = 64 * 1024
"""Bytes of one connection, HTTP or telnet, that wait for the request or block in flight before we stop reading. One
more read of the event loop, at most 256 KiB, may come on top."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""Of all connections together: what is held so, and blocks of telnet lines in flight. A thousand agents that send what
they can while the disk is slow get there; then none is read from until half of it is done."""

WAITING_REQUEST_BYTES = 2048
"""What a request counts as that was read whole and waits: its headers as Python holds them. Bodies count elsewhere."""

LINGER_S = 10.0
"""After an answer to a request still being sent, what comes is read and thrown away for so long: a close at once would
reset the connection and lose our answer. Also how long the last bytes of an answer may take to leave."""

HALF_CLOSED_S = 5.0
"""A client that has ended its side may want its answer still (`nc -N`), or may have gone: TCP tells only when we send.
After so long its query ends, which would hold a thread for nobody."""

SLOW_READER_S = 60.0
"""An HTTP client must take ANSWER_BYTES_MIN of its answer within this time, again and again, or is cut off: the answer
holds memory of queries and a pinned snapshot."""

ANSWER_BYTES_MIN = 32 * 1024
"""What it must take: 550 bytes/s, half of a GSM data call. ASP.NET's Kestrel asks for 240, nginx for one byte a minute,
which lets a reader hold us for ever."""

KERNEL_UNSENT_BYTES = 128 * 1024
"""Of a connection, what the kernel may hold beside what is on its way (TCP_NOTSENT_LOWAT): by itself it takes up to 4
MB of an answer that nobody reads, memory that a container pays for as well. What is on its way is not bounded by it, so
nothing is slower for it."""

UNREAD_BYTES_MAX = 128 * 1024 * 1024
"""Bytes of answers that wait in our own memory for clients to read them, some 300 kB each where an answer is long.
Above it those that took the least within the last second are cut, and replies of telnet that nobody reads are dropped
at once."""

UNREAD_REPLIES_S = 10.0
"""A telnet client that has let our replies pile up for so long reads none: collectd does not. From then on its replies
are dropped, since its good points matter more than the words about its bad ones."""

TELNET_KEEPALIVE_S = 600
"""Silence on a telnet connection after which the kernel asks whether the other end still lives. We never close a silent
one: telnet has no acknowledgement, so the next line of its sender would be lost."""

PASSWORDS_FAILED_MAX = 10
"""Wrong passwords of one user from one address within a minute; until it is over no more are looked at."""

METRIC_PATTERNS_KEPT = 64
"""Sets of patterns of metrics, as grants name them, of which is remembered which series they cover: a byte for each
series; the one that was asked least lately goes first."""

PASSWORDS_FAILED_KEPT_MAX = 4096
"""Users and addresses whose wrong passwords are remembered, some 0.3 kB each; the oldest go first."""

CREDENTIALS_REMEMBERED_MAX = 8192
"""Credentials that were looked up, as those of tokens made while the server runs, and are believed without looking
again as long as they hold, some 0.5 kB each. For one more the oldest is forgotten, and looked up when it comes
again."""

ARGON2_KIB = 19 * 1024
ARGON2_PASSES = 2
"""What it takes to check the secret of a token that was made while the server ran: OWASP's least for Argon2id, some 20
ms. They are for passwords, which can be guessed; a secret of 256 bits cannot."""

TOKEN_CHECKS_AT_ONCE = 2
"""Such checks, each on a thread and with its memory. After a restart each of a hundred agents is checked once: a
second."""

TOKEN_CHECKS_WAITING_MAX = 256
"""Different tokens that wait to be checked; one more gets a 503. They take some 3 s; strangers who keep so many waiting
need 26 addresses each minute (PASSWORDS_FAILED_MAX)."""

TOKENS_LOOK_S = 1.0
"""How often the file of tokens is looked at, 12 us: so soon a revoked one lets nobody in any more."""

TOKEN_USES_S = 60.0
"""How often it is written down when tokens were last used."""

TOKEN_USE_MS = 60_000
"""How exactly that is kept."""

TOKENS_BUSY_S = 5.0
"""How long one who changes the file of tokens, or reads it, waits for another one who changes it: a few fsyncs."""

JWT_BYTES_MAX = 16 * 1024
"""Of a token that an issuer signed. Those with a hundred groups in them have some 6 kB."""

JWT_HEADER_CHARACTERS_MAX = 8 * 1024
"""Of its header, in base64: algorithm and key id are 100, a chain of certificates some 6000."""

JWT_SIGNATURE_CHARACTERS_MAX = 1400
"""Of its signature, in base64: one of RSA with 8192 bits."""

JWT_BELIEVED_S = 300
"""How long a token that was checked is believed at most: then its key may have been taken back. A check takes 50 to 500
us."""

JWT_SKEW_S_MAX = 600
"""How far an issuer's clock and ours may be said to differ: more would make tokens that have expired as good as new."""

JWT_TIME_S_MAX = 2**43
"""The latest time in a token, in seconds: in milliseconds it fits model.time.TIME_MS_MAX."""

JWT_PRINCIPAL_CHARACTERS_MAX = 256
"""Of the name of its sender, which goes into the log: OpenID has 255 at most for `sub`."""

JWT_COLLECTIONS_MAX = 100
"""Of Apollo, that one token names: each is remembered with it, 0.1 kB."""

JWT_KEYS_TRIED_MAX = 4
"""Keys that a token is checked with that does not name one; issuers that name none have one, and two while they change
it."""

JWKS_BYTES_MAX = 256 * 1024
"""Of an issuer's keys: 64 of them with their certificates."""

JWKS_KEYS_MAX = 64
"""Of one issuer. The large ones (Google, Microsoft) have up to ten."""

JWKS_MODULUS_CHARACTERS = (342, 1366)
"""Of a key of RSA, in base64: 2048 bits at least, as NIST asks (SP 800-131A), and 8192 at most: a check by it takes
0.3 ms."""

JWKS_FRESH_S = 600.0
"""How long keys fetched from an address are used before they are fetched again beside the requests. After twice that,
tokens wait for it."""

JWKS_FILE_FRESH_S = 1.0
"""Likewise of a file: it is read again, when a token comes."""

JWKS_AGAIN_S = 5.0
"""Pause between two fetches of an issuer's keys: unknown keys in tokens of strangers, and failures, ask for no more."""

JWKS_TOLD_PER_MINUTE = 2
"""Log lines about keys of one issuer that could not be fetched; the metrics count all."""

JWKS_TIMEOUT_S = 5.0
"""For one fetch, from the look-up of the name to the last byte. Issuers answer within a second."""

PREFLIGHT_AGE_S = 86_400
"""How long a browser may remember what CORS allows (Access-Control-Max-Age), as KairosDB has it; browsers cap it."""

STOP_GRACE_S = 5.0
"""What requests and telnet blocks in flight get to finish when the server stops: several times the slowest commit."""

INFLATE_INLINE_BYTES_MAX = 1024 * 1024
"""Decompressed on the event loop: 1 ms; what unfolds to more goes on in a thread."""

INFLATE_STEP_BYTES_MAX = 4 * 1024 * 1024
"""Unfolded at a time in a thread, before the memory for more is asked for."""

GZIP_MEMBERS_MAX = 4096
"""Members of one gzip body. A block-compressed file (bgzip) of the largest body has 1024; empty members would cost only
us."""

assert HEADER_BYTES_MAX >= READ_BYTES, "a header block is parsed in whole reads before it is judged too large"
assert BODY_BYTES_MAX < BODIES_BYTES_MAX, "one largest body must fit"

# store: what waits between the rooms and the disk, and when recent points become a segment --------------------------

JOURNAL_AHEAD_BYTES = 256 * 1024
"""Zeros that a small commit writes behind itself, for some 3000 commits of a point to come: 0.2 ms once, and each of
them takes 0.08 ms instead of 0.12, as the file does not grow."""

JOURNAL_SMALL_COMMIT_BYTES = 32 * 1024
"""Larger commits bring no room: it would be a good part of what is written, and the sync of a size a small part."""

QUEUE_POINTS_MAX = 2_000_000
"""Points waiting for the writer or being written: two seconds at 1 million points/s, after which a sender is better off
with a 503."""

QUEUE_POINT_BYTES_MAX = 128 * 1024 * 1024
"""And points with their texts: twice what as many numbers take. One larger request is taken all the same."""

COMMIT_POINTS = 250_000
"""Points at which a commit stops to take more: 5 MB, some 10 ms of writing, so that the first in line does not wait
long. A single larger batch is one commit all the same."""

QUEUE_NAME_BYTES_MAX = 128 * 1024 * 1024
"""Names of new series that wait for the writer, from where on more get a 503: half a second of writing. While the disk
refuses writes they stay."""

COMMIT_POINT_BYTES = 16 * 1024 * 1024
"""Points with their texts at which a commit stops to take more: twice what COMMIT_POINTS come to without texts. They
are copied into one record."""

QUEUE_DOCUMENT_BYTES_MAX = 64 * 1024 * 1024
"""Documents waiting for the writer: half a second of writing. One larger commit is taken all the same."""

COMMIT_DOCUMENT_BYTES = 8 * 1024 * 1024
"""Documents at which a commit stops to take more: some 20 ms of writing, as much as COMMIT_POINTS at most takes."""

COMMIT_RECORDS = 16_384
"""Records of deletes and documents at which a commit stops to take more, and the most documents that one request may
change; a commit of the journal may have 65,535 records."""

RECENT_DOCUMENT_BYTES_MAX = 128 * 1024 * 1024
"""Changes of documents in memory, after which more get a 503 until the file holds them: several times what comes while
a generation of points is sealed."""

DOCUMENT_WAL_BYTES = 16 * 1024 * 1024
"""documents.sqlite-wal is cut to this size when all of it is in the file: a large filing does not keep its room."""

DOCUMENTS_SWEPT = 4096
DOCUMENT_BYTES_SWEPT = 16 * 1024 * 1024
"""Of ranges of documents that are taken away, a filing deletes so many rows and bytes: some 0.1 s on a busy disk. What
is more stays, marked as gone, and is deleted in pieces of this size while the sealer has nothing else to do."""

DOCUMENT_PAGES_GIVEN_BACK = 4096
"""Pages of 4 KiB that deleted documents left and that each filing gives back to the disk: 16 MB, some 20 ms."""

PROBE_INTERVAL_S = 1.0
"""While the disk refuses writes it is tried again so often."""

SEAL_POINTS = 1_000_000
"""Default of the setting seal_points: 25 MB of columns, and as much again while they are sealed. Four times as many
made segments 1 % smaller and the server 150 MB larger."""

SEAL_OTHER_BYTES = 32 * 1024 * 1024
"""Deletes and documents that recent stands for, at which it is sealed as at seal_points: as much memory, and as much
journal to read at a start."""

SEAL_TEXT_BYTES = 32 * 1024 * 1024
"""Texts of recent points at which they are sealed as at seal_points: as many bytes as the columns of 1,000,000. A
commit of more, or of more points than a generation, is one of its own, and waits until no other is in memory."""

GENERATIONS_MAX = 3
"""Generations of recent at once: one that fills and up to two that wait for the sealer, after a burst or while the disk
is slow. More would only hide that sealing falls behind."""

SEAL_WAIT_S = 5.0
"""So long the writer waits for a generation to be sealed when all are full, before senders get a 503: ten times what
sealing one takes."""

SEAL_ANSWER_S = 60.0
"""So long POST /api/headrace/v1/seal waits before it answers 503: a generation takes half a second, and two may wait
before it."""

SEAL_POLL_S = 0.02
"""How often it looks."""

SEALER_TICK_S = 1.0
"""How often the age of recent is looked at; it is configured in seconds."""

SEAL_AGE_S = 600.0
"""Default of the setting seal_age_s: outside tools see a point in the Parquet files after at most about ten minutes."""

PENDING_DELETES_MAX = 10_000
"""Deletes under which rows of segments still fall; more get a 503 until segments have been rewritten. Each costs
a query some 20 ns to pass over, so 0.2 ms at the limit."""

APPLY_DELETES_S = 3600.0
"""So often segments are rewritten that wait for nothing but deletes: deleted points leave the disk within about an
hour, and frequent deletes do not rewrite history each time. Sooner when half of PENDING_DELETES_MAX wait."""

PENDING_DELETE_SERIES_MAX = 20_000_000
"""Series in all pending deletes together: 80 MB, twice the largest database wholly deleted."""

SERIES_MAX = 10_000_000
"""Default of the setting series_max: series of one database. Each costs some 170 bytes of memory with names of 90
bytes: 1.7 GB at the limit."""

SERIES_MAX_MAX = 2**32 - 2
"""The most that series_max may say: ordinals have 32 bits, and the last one stands for none."""

SERIES_PER_HOUR_MAX = 0
"""Default of the setting series_per_hour_max: none. A fleet that moves in brings as many as it likes within an hour,
and only the operator knows how many are too many from then on."""

SERIES_NAME_BYTES_MAX = 16 * 1024
"""Metric and tags of one series together, as encode_name writes them: what a telnet line may hold. Without it 64 tags
of the longest values would be half a megabyte, once for each field of a multi-field point."""

REQUEST_NAME_BYTES_MAX = 64 * 1024 * 1024
"""Names of the series that are new with one request: as many bytes as the largest body, so that only a body whose names
unfold (the tags of a multi-field point are those of each of its fields) meets it."""

SERIES_BYTES_MAX = 1024 * 1024 * 1024
"""Default of the setting series_bytes_max: names of all series together, those of SERIES_MAX at 90 bytes. In memory
they are there once in the table of series and, as far as they differ, once in the index."""

SERIES_BYTES_PER_HOUR_MAX = 0
"""Default of the setting series_bytes_per_hour_max: none, as SERIES_PER_HOUR_MAX."""

SERIES_SHOWN_TEXT_MAX = 256
"""Characters of a metric or tag key that the refusal of a series repeats: one is made for each refused series."""

SERIES_LOOKED_AT = 2048
"""Latest series whose tags are counted to say which of them make one too many: 8 ms."""

SERIES_LOOK_S = 60.0
"""They are counted no more often, however many points are refused meanwhile."""

SERIES_BLAMED_TAGS = 3
"""Tag keys that such a refusal names."""

assert SEAL_TEXT_BYTES >= COMMIT_POINT_BYTES, "a generation holds more than one commit of what waits together"

# journal: what one record may hold, and how its files are read ------------------------------------------------------

RECORD_BYTES_MAX = 1024 * 1024 * 1024
"""Payload of one journal record. A commit of points and their texts stays far below; the bound keeps a length that was
read from disk, sound CRC or not, from asking for more memory than any honest record needs."""

REQUEST_POINT_BYTES_MAX = RECORD_BYTES_MAX - 2 * COMMIT_POINT_BYTES
"""Points of one request with their texts. It is refused above it: no record could hold it and what is before it in the
same commit. A body of body_bytes_max as it comes makes less than half of it."""

SERIES_RECORD_BYTES = 16 * 1024 * 1024
"""Names of one record of new series, of 180,000 at 90 bytes; a commit has as many such records as it needs."""

JOURNAL_WINDOW_BYTES = 8 * 1024 * 1024
"""Read at a time when the journal is replayed. Larger ones are not faster; smaller ones cut more records."""

REPLAY_RUN_PAYLOAD_BYTES = 4096
"""Records of up to so many bytes, some 190 points, are replayed many at a time. With longer ones a record's own 20 µs
are little."""

REPLAY_RUN_ROWS = 65_536
"""Points of such a run: 2 MB."""

PROBE_BYTES = 1024 * 1024
"""Written, synced and unlinked to learn whether a disk that failed works again: more than a file system finds room for
without a free block."""

CATALOG_CHUNK_SERIES = 65_536
"""Series in one row of the catalog: some 6 MB, far below the 1 GB that a value of SQLite may have."""

CATALOG_CHUNK_BYTES = 16 * 1024 * 1024
"""Names in one row of the catalog, where they are long."""

DOCUMENTS_CHECKED_BYTES = 16 * 1024 * 1024
"""Up to this size documents.sqlite is checked row by row at each start, 10 ms a megabyte."""

SQLITE_READ_BYTES = 1024 * 1024
"""Read at a time when a file that SQLite calls malformed is read to learn whether the disk gives it."""

SQLITE_JUDGED_S = 5.0
"""So long holds what was found when all of a file was looked at: requests that meet a malformed page do not each read
it whole."""

# segments: how much of a file is in memory at once --------------------------------------------------------------------

ROW_GROUP_ROWS = 65_536
"""Rows of one row group, the unit that sealing and reading hold in memory. Half as many made one series 1.4 times
faster to read and files 11 % larger (docs/decisions/segments.md)."""

FOOTERS_BYTES_MAX = 256 * 1024 * 1024
"""Parsed footers of segments in memory, of some 1.7 billion points; those of all history would be 155 MB for each
billion. The others are parsed again when their file is asked for: 0.35 ms for one of 4 million points."""

FOOTERS_OPENED_AT_ONCE = 100
"""After so many files an opening gives back what parsing their footers has freed: up to 60 MB."""

ROW_GROUP_TEXT_BYTES = 2 * 1024 * 1024
"""A row group is cut earlier when its texts come to more, so that long texts do not make it large: a merge of
MERGE_INPUTS_MAX files holds some seven times as much of each, 110 MB."""

SERIES_CHUNK = 16_384
"""Series whose names are columns at once while a series file is written: some 5 MB."""

SERIES_CHUNK_BYTES = 8 * 1024 * 1024
"""Names that are columns at once, where they are long: those of a row group."""

SERIES_STEP = 1024
"""Series whose names are asked for at once, and that row groups are put together for: 16 MB with the longest names."""

QUERY_THREADS = 2
"""Queries that run at once. Kernels and Parquet reading run outside the GIL, so two keep two cores busy."""

SWITCH_INTERVAL_S = 0.0005
"""After so long a thread that holds the GIL gives way to one that waits for it. With Python's 5 ms the writer waits
that long for the loop after every sync, and the loop for a query: 13,000 instead of 21,000 puts/s at 64 connections."""

OPEN_FILES_BESIDE_CONNECTIONS = 4096
"""Open files beside connections: segments, journal, catalog. The soft limit of 1024 of many systems is too low for
both."""

OPEN_FILES_MAX = CONNECTIONS_MAX + OPEN_FILES_BESIDE_CONNECTIONS

# housekeeping: how files are merged, and the room that is kept for it ------------------------------------------------

MERGE_FACTOR = 4
"""Sizes of neighbouring files differ by this factor from tier to tier, and so many of a tier become one. 8 would write
a point 1.5 times less often but leave twice as many files for each query to ask (docs/decisions/merging.md)."""

MERGE_INPUTS_MAX = 8
"""Files merged at once: one row group of each is in memory, some 4 MB, 16 MB where texts are long."""

MERGE_ROWS_MAX = 64_000_000
"""Rows of a merged file; from half of it on a file is not merged again for its size. 120 to 500 MB of numbers: a merge
of that size takes half a minute, and 10 billion points lie in some 300 files."""

MERGE_BYTES_MAX = 1024 * 1024 * 1024
"""Bytes of a merged file, for long texts: a merge needs so much room beside the files that it replaces."""

REWRITE_SHARE = 0.5
"""A segment of which so much has expired or is out of retention is rewritten without it: what is gone takes at most as
much disk as what is there, and a row is rewritten for it once on average."""

CLOCK_AHEAD_MS = 86_400_000
"""A clock that is further ahead of the latest moment that the database knows is doubted: a day, so that neither a night
without points nor summer time raises doubts, and a wrong year does."""

CLOCK_DOUBTED_S = 86_400.0
"""For so long nothing is dropped for its age by a doubted clock: time for the operator, or a time server, to notice."""

RETENTION_GRACE = "3d"
"""Default of the setting retention_grace: a mistake of Friday evening can still be mended on Monday."""

RETENTION_GRACE_BYTES_MAX = 8 * 1024 * 1024 * 1024
"""Default of the setting retention_grace_bytes_max: some 4 billion points of numbers. A mistake drops all history at
once, and of a small database all of it should be there."""

GRACE_FILES_MAX = 1000
"""Dropped files that are kept at once: each is some 400 bytes of current.json, which each seal writes anew."""

GRACE_FREE_RESERVES = 2
"""With less free than so many times disk_reserve_bytes nothing dropped is kept: the room is needed before points are
refused."""

GRACE_NOTE_S = 600.0
"""So often it is noted how long dropped files have been kept. A restart forgets what came after, and keeps them so
much longer."""

MERGE_SERIES_MAX = 1_000_000
"""Series of a merged series file: some 10 MB."""

MERGE_TICK_S = 10.0
"""Each seal wakes the merger; so often it looks by itself, to try again what failed."""

MERGE_RETRY_S = 60.0
"""Before merging goes on after a failure that nobody foresaw: the next attempt may be as long, and end as badly."""

MERGE_PAUSE_S = 0.02
"""While a seal is under way merging looks so often whether it is done."""

SCRUB_BYTES_PER_S = 4 * 1024 * 1024
"""Default of the setting scrub_bytes_per_s: 340 GB a day, a tenth of what the slowest disks give, some 6 % of a core
for unpacking it."""

SCRUB_READ_BYTES = 128 * 1024
"""Read at once by the scrub: 1 ms of a slow disk, behind which a commit or a query waits."""

SCRUB_LOOK_BYTES = 256 * 1024
"""Documents that the scrub looks at in one go: SQLite reads them in some 0.3 ms, and the last may be larger."""

SCRUB_AGAIN_S = 86_400.0
"""A file that was seen is not read again before: rot is found within a day, and a small database does not keep its disk
busy for nothing."""

SCRUB_RETRY_S = 600.0
"""A file that could not be read is not tried again before: what is loose, or being mended, is given some time."""

SCRUB_TICK_S = 5.0
"""The scrub begins so long after the start, and looks again so often while no file is due."""

SCRUB_PAUSE_S = 0.02
"""While a seal is under way the scrub looks so often whether it is done."""

VERIFY_PROGRESS_S = 0.25
"""So often a verification says how far it is."""

SCRUB_NOTE_S = 10.0
"""When files were seen is written down at most so often: what is lost by a crash is read once more."""

DISK_RESERVE_BYTES = 256 * 1024 * 1024
"""Default of the setting disk_reserve_bytes: five times what sealing all of recent takes at 8 bytes a point, for series
files, the catalog and texts too."""

NEW_DATABASE_BYTES = 256 * 1024
"""Free on the disk before a database is begun. One without points takes 70 kB, and a start that fails half way leaves
files behind."""

OPENING_BYTES = 80 * 1024
"""Free on the disk when a database is opened that was closed: two files of SQLite's, 32 KiB each, and what it notes.
With 40 kB it says that the disk fails."""

DISK_MARGIN_SHARE = 1 / 8
"""Of the reserve, so much more must be free before a disk that was short takes points again, 32 MiB by default: some
seconds of full load, so that a disk at the edge does not take and refuse in turns."""

DISK_CHECK_INTERVAL_S = 1.0
"""So often the free space is asked for while points come."""

DISK_CHECK_BYTES = 16 * 1024 * 1024
"""And again after so many bytes of points: on a fast disk a second may bring more than a small reserve."""

assert SERIES_STEP * SERIES_NAME_BYTES_MAX <= 2 * SERIES_CHUNK_BYTES, "a step is a row group of long names"
assert 2 <= MERGE_FACTOR <= MERGE_INPUTS_MAX
assert DISK_CHECK_BYTES * 4 <= DISK_RESERVE_BYTES, "what slips in between two looks must not eat the reserve"

# query: what one question may take ----------------------------------------------------------------------------------

QUERY_MEMORY_BYTES = 512 * 1024 * 1024
"""Default of the setting query_memory_bytes: what all queries under way may hold together, as much as the rest of the
server. A point takes some 50 bytes while it is selected, 17 in an answer: 10 million at once."""

CACHE_BYTES = 64 * 1024 * 1024
"""Default of the setting cache_bytes: some 20 to 40 million points of gauges."""

SCRATCH_KEPT_BYTES_MAX = 160 * 1024 * 1024
"""Memory of large columns that is kept for the next question: what two pieces of a million points take, 64 bytes a
point, in blocks that are up to a fourth larger. With 96 MiB "4000 series" take 27,000 page faults again, not 4,000."""

SCRATCH_IDLE_S = 5.0
"""After which what is kept so goes back to the system: a dashboard asks all its questions within a moment."""

QUERY_POINTS_MAX = 20_000_000
"""Points that one select may return, and one query make: whatever the memory, more serve nobody who looks at them."""

QUERY_PIECE_POINTS = 1_000_000
"""Points of one piece of a query that downsamples: 50 MB. Two are worked on at a time. Each piece reads a row group of
each segment twice; there are some 15 in it."""

QUERY_HALVED_POINTS = 500_000
"""From here on a query that downsamples is at least two pieces, so that two cores can work on it: below, it is done in
some 20 ms, and would be no sooner."""

QUERY_HELPERS_MAX = QUERY_THREADS
"""Threads that help with large queries, if there are so many cores beside the first: one for each query under way, as
two pieces of it are all the memory that it should need."""

QUERY_TIMEOUT_S = 60.0
"""Default of the setting query_timeout_s, waiting for a thread included: dashboards give up after 30 s, and what takes
longer only keeps the next question waiting."""

LAST_WINDOW_MS = 60_000
"""The first stretch of time in which the last point of a series is looked for; each further one is 8 times as long.
What is alive reports each minute, and ten stretches reach back further than any clock."""

LAST_POINTS_MAX = 1_000_000
"""Points that one such stretch may hold before it is halved: 25 MB, read in some 20 ms."""

QUERY_STEPS_MAX = 1_000_000_000
"""Values that the series of one group may give by interpolation, some 4 ns each: no query holds a core for over 4 s.
Only undownsampled groups of many series with times of their own come near it."""

UNIT_LOOKS = 4
"""Points that are looked at, if there are so many, before an answer is taken for written in seconds. Of a sender who
says milliseconds one time in a thousand is a whole second, so four of them mislead once in 10^12 questions."""

QUERIES_WAITING_MAX = 64
"""Queries that run or wait for a thread. A dashboard asks some 20 at once; behind 64 a client is better off with a
503."""

CALENDAR_BUCKET_MS_MAX = 100 * 365 * 86_400_000
"""A calendar bucket: nobody asks for more than a century, and each one of a time zone's clock takes 40 ms to find."""

QUERY_GROUPS_MAX = 100_000
"""Groups that the times or values of one result may fall into: each is a result of its own, some 20 µs and 200 bytes of
answer."""

ANSWER_PIECE_VALUES = 10_000
"""Values of an answer that are written in one step: their doubles hold the interpreter for 0.5 ms."""

ANSWER_CHUNK_BYTES = 256 * 1024
"""An answer longer than this, some 10,000 values, is sent while it is being made."""

ANSWER_GZIP_BYTES_MIN = 1024
"""Shorter answers fit one packet: gzip would save nothing."""

# names, as all rooms decode them ------------------------------------------------------------------------------------

CACHED_NAMES_MAX = 65_536
"""Spellings of names whose keys a decoder remembers: some 25 MB at 150 bytes a name. When full it is emptied, which
costs one hash a series."""

CACHED_NAMES_BYTES_MAX = 32 * 1024 * 1024
"""Of all remembered spellings and their keys, as Python holds them: CACHED_NAMES_MAX usual ones. Longer ones fill it
sooner, and then it is emptied too."""

CACHED_SPELLING_BYTES_MAX = 16 * 1024
"""A longer spelling is not remembered: real names have some hundred bytes, and what no rule set admits must not push
out what agents send."""

PLAIN_NAMES_AT_ONCE = 4096
"""New names that the gate takes apart in one step: with 64 tags each they would need 8 MB of scratch."""

# JSON, as all rooms decode it ---------------------------------------------------------------------------------------

JSON_PIECE_BYTES = 256 * 1024
"""Of a long array so much becomes Python objects at a time: at worst, with elements of two bytes, some 15 MB."""

JSON_OBJECT_BYTES = 64
"""An object counts as so many bytes of usual JSON when it is decided whether a body is decoded on the event loop: with
4096 of them, or lines of telnet, it no longer is, however short they are: 20 ms where each is worded. A point is two
objects, so 1000 points of 100 bytes still are: the way to a thread and back costs a third of what they take."""

JSON_ITEM_BYTES = 32
"""And what stands before a comma, as it need be no object: 125,000 numbers in 250 kB stopped the loop for 0.4 s. A
point of two tags has five commas, so 1000 of them still are decoded there."""

JSON_SOUND_TOKENS = 2000
"""Tokens of JSON that is mended which are passed over at once, without letting others have the interpreter: 0.1 ms."""

JSON_SOUND_ESCAPES = 200
"""Escapes of a text that is passed over with them; one with more costs a step of its own."""

JSON_MENDS_MAX = 1_000_000
"""Odd tokens of one body that are mended, such as bare NaN: two to three seconds of work, and as many as the largest
body may have points."""

JSON_MENDED_ON_LOOP_BYTES_MAX = 8 * 1024
"""A larger body is mended on a thread: where each fourth byte is odd, so much takes 5 ms."""

JSON_NAME_WITHIN_BYTES = 4096
"""Of an element that can not be read, so much is looked through for the name of its metric."""

LARGE_BODIES_AT_ONCE = 2
"""Large bodies of all rooms that are decoded at once, each on a thread; more wait. Kernels keep two cores busy, which
is what the writer can take, and the reference decoders hold the interpreter."""

LARGE_BODIES_BYTES_AT_ONCE = 64 * 1024 * 1024
"""And their bytes together: points of the shortest spelling take six times their bytes while they are decoded. A larger
body is decoded alone."""

REFUSALS_WORDED_MAX = 1000
"""Refused points that one answer words; the rest are counted. Millions may fit a body, and nobody reads them."""

JSON_DEPTH_MAX = 1000
"""Brackets within brackets. No decoder of ours goes deeper; what reads broken JSON itself stops there too."""

QUESTION_ITEMS_MAX = 250_000
"""Members and elements of the JSON of a question, of annotations in bulk: 16 times what a commit can change, and some
60 MB as objects."""

QUESTION_BYTES_MAX = 4 * 1024 * 1024
"""Of the JSON of a question and of annotations in bulk, unpacked: 100,000 values of a tag have room. Its decoder holds
the interpreter, for 20 us per number of 4300 digits and so for 0.1 s at most; 64 MB of them were 5 s."""

QUESTION_ON_LOOP_BYTES_MAX = 4 * 1024
"""A longer question is read beside the event loop: a byte takes up to 1 us, of regular expressions 4, so this 5 to 16
ms. A panel of Grafana asks with some hundred bytes."""

assert QUESTION_ON_LOOP_BYTES_MAX <= JSON_MENDED_ON_LOOP_BYTES_MAX, "what is read on the loop may be mended there"

QUESTION_FILTERS_MAX = 1000
"""Filters of one question of OpenTSDB, tags and regular expressions of one of KairosDB; values that are only compared
are not among them. Each pattern is made and asked one by one, 30 to 40 us where nothing is stored: 60,000 of them
kept a thread for 2 to 3 s. A series has 64 tags at most."""

QUESTION_INLINE_BYTES_MAX = 1024 * 1024
"""Items of larger questions are counted on a thread."""

# the OpenTSDB room -------------------------------------------------------------------------------------------------

OPENTSDB_TAGS_MAX = 32
"""Tags of one point. OpenTSDB's default is 8, Alibaba's 16 and later 24; a few more cost nothing, without end would."""

OPENTSDB_NAME_BYTES_MAX = 4096
"""UTF-8 bytes of one metric name, tag key or tag value. Alibaba allows metrics of 255; tag values hold URLs and paths,
and 4096 is the longest path of Linux."""

OPENTSDB_TEXT_BYTES_MAX = 64 * 1024
"""UTF-8 bytes of a text value. Alibaba documents 20 KB; must stay below the 16 MiB that model.points.HEAP_LENGTH_BITS
can say."""

GATHERED_BODY_BYTES_MAX = 16 * 1024
"""Bodies of points up to this size, some 100 points, are decoded and committed together with their neighbours: their
scan takes at most 10 µs, less than the calls around it. Larger ones gain nothing from company."""

OPENTSDB_LOOP_BODY_BYTES_MAX = 256 * 1024
"""Bodies up to this size are decoded on the event loop: at most 2 ms by the slowest decoder; larger ones on a
thread."""

OPENTSDB_LOOP_LINES_BYTES_MAX = 40 * 1024
"""The same for blocks of telnet lines that are not all plain, and so are read one by one: 640 lines at most, 4 ms. 4000
of them, as above, held the loop for 20 to 40 ms."""

OPENTSDB_LOOP_FIELDS_BYTES_MAX = 32 * 1024
"""The same for multi-field points, each of whose fields may be a new series with all tags of its point: at most 1000
of them, 50 ms."""

OPENTSDB_ANY_FIELD_MAX = 10_000
"""Fields that `*` stands for in a question for multi-field points: far more than a device has."""

OPENTSDB_SHAPES_BYTES_MAX = 24 * 1024 * 1024
"""Names of multi-field points whose keys are remembered, as Python holds them: those of some 30,000 devices of 8
fields. When full it is emptied, which costs one hash a series."""

OPENTSDB_POINTS_MAX = 2_000_000
"""Points of one body: the shortest that can be stored has 50 bytes, so no largest body holds so many good ones. What is
shorter than that, such as {}, comes from nobody who means it."""

OPENTSDB_MPUT_ITEMS_MAX = 1_000_000
"""Points, fields and tags of one body of /api/mput together: its points are objects all at once, some 250 bytes an
item. The SDK sends hundreds of points at a time."""

OPENTSDB_TAG_ITEMS_MAX = 4096
"""Members of the tags of one point, equal keys counted each time: far beyond OPENTSDB_TAGS_MAX. More are refused before
they are read."""

OPENTSDB_ERRORS_BYTES_MAX = 4 * 1024 * 1024
"""Of the points and errors that one answer words; the rest are counted."""

OPENTSDB_ECHO_BYTES_MAX = 64 * 1024
"""A field longer than this is left out of the point that an error repeats."""

OPENTSDB_SHOWN_TEXT_MAX = 512
"""Characters of one of the sender's texts that an error repeats: errors stay smaller than what caused them."""

OPENTSDB_ANNOTATION_BYTES_MAX = 64 * 1024
"""One annotation as JSON. All of them are in memory: people write some thousands a year, of a few hundred bytes."""

OPENTSDB_ANNOTATIONS_PAGE = 100
"""Annotations that a list of them reads at a time: 6 MB of the largest."""

OPENTSDB_METAS_MAX = 1000
"""Series, or names, whose meta data one answer shows: 1 MB with two tags each, 9 MB with as many as there may be."""

OPENTSDB_METAS_BYTES_MAX = 16 * 1024 * 1024
"""Of such an answer, with what people have said about each of its names."""

OPENTSDB_QUERIES_REMEMBERED = 32
"""Queries that have ended and that /api/stats/query still shows: a dashboard's worth."""

OPENTSDB_QUERY_REMEMBERED_BYTES_MAX = 16 * 1024
"""Of one of them, as it was sent; dashboards send some 1 KB. What is longer is shown without its question, so all of
them are half a megabyte."""

OPENTSDB_SEARCHED_NAMES_MAX = 1_000_000
"""Names that one search looks through, of those that begin as its pattern does: some 200 MB, which count as memory of
queries."""

OPENTSDB_SEARCHED_NAME_BYTES = 128
"""Of a name that is looked through, beside its text twice: as Python and as Arrow hold it."""

OPENTSDB_SUGGEST_MAX = 100_000
"""Names of one suggestion, whatever `max` says: some 10 MB."""

EXPRESSION_CHARS_MAX = 16 * 1024
"""All formulas of one question to /api/query/exp, or all expressions of one to /api/query/gexp, together: 26 queries
with long filters come to 5 KB. Formulas of that length are read in some 30 ms, beside the event loop."""

EXPRESSION_DEPTH_MAX = 50
"""Parentheses, choices and calls inside each other: each costs the reader a few frames of Python's 1000."""

EXPRESSION_DIGITS_MAX = 400
"""Characters of one number: a double has at most 309 before its point."""

EXPRESSION_PARTS_MAX = 100
"""Metrics, filters, expressions and outputs of one question to /api/query/exp, of each kind, and queries in all
expressions of one to /api/query/gexp: four times what OpenTSDB names by letters."""

EXPRESSION_SERIES_BYTES = 3 * 1024
"""What a series counts as in the memory of queries beside its points, for each variable, call and result: its name and
tags as Python holds them while it is read, joined and described."""

EXPRESSION_BLOCK_VALUES = 16_384
"""Values of one operand that are computed at once, 128 KB: they stay in the cache of a core from step to step."""

# the KairosDB room -------------------------------------------------------------------------------------------------

KAIROSDB_METRICS_MAX = 1_500_000
"""Metric objects of one body: the shortest that can be stored has 44 bytes, so no largest body holds so many good ones.
What is shorter than that, such as {}, comes from nobody who means it."""

KAIROSDB_PAIRS_MAX = 12_000_000
"""Elements of the `datapoints` of one metric object: more than a largest body has of the shortest pairs, [0,1]."""

KAIROSDB_TAGS_MAX = 64
"""Tags of one series. KairosDB has no limit, but a series is its whole set of tags, and none has shown more."""

KAIROSDB_NAME_BYTES_MAX = 4096
"""UTF-8 bytes of one metric name, tag name or tag value: the longest path of Linux, as in the OpenTSDB room."""

KAIROSDB_TEXT_BYTES_MAX = 64 * 1024
"""UTF-8 bytes of a string or of a custom value's JSON, as sent and as stored; must stay below what
model.points.HEAP_LENGTH_BITS can say. It bounds what one value is decoded into, too: a histogram of 64 KiB has at most
10,000 bins, while the 128 bins per power of two of the usual precision make 4096 from a microsecond to an hour."""

KAIROSDB_HISTOGRAM_BLOCK_BYTES = 2 * 1024 * 1024
"""Of stored histograms, the texts that a question works on at a time: at most 300,000 bins, each of which takes some
100 bytes while they are put in order."""

KAIROSDB_HISTOGRAM_BINS_MAX = 100_000
"""Bins of a histogram that a question makes of others: at 47 bytes it is far below what model.points.HEAP_LENGTH_BITS
can say. 1 ns to 30 years takes 7700 of the usual precision; more come from histograms that hold single values, which a
lower precision brings together."""

KAIROSDB_TTL_S_MAX = 2**31 - 1
"""The greatest ttl: KairosDB's is a 32-bit integer, 68 years."""

KAIROSDB_ERRORS_MAX = 1000
"""Errors that one answer words; the rest are counted in a last one. Millions may fit a body, and nobody reads them."""

KAIROSDB_SHOWN_TEXT_MAX = 512
"""Characters of one of the sender's texts that an error repeats."""

KAIROSDB_LOOP_BODY_BYTES_MAX = 256 * 1024
"""Bodies up to this size (model.json_pieces.work_of) are looked at on the event loop: 0.1 ms of the kernel, which reads
what is plain; larger ones on a thread."""

KAIROSDB_LOOP_ODD_BODY_BYTES_MAX = 40 * 1024
"""The same of bodies that are not plain (custom values, texts, quoted numbers, refusals), which the reference decoder
reads: at most 5 ms, as the slowest take 113 ns a byte. At 256 KiB they held the loop for 8 to 29 ms. And of blocks of
telnet lines that are not all plain: 640 lines at most."""

KAIROSDB_FORGOTTEN_SERIES_MAX = 10_000
"""Series of a delete of a part of time that are asked for a point that is left, so that the names of those without go.
The question goes back through their history, and the answer waits for it; the names of more stay until they are deleted
for all time."""

KAIROSDB_NAMES_MAX = 1_000_000
"""Names that one answer lists: KairosDB has no limit, its web pages read all. Some 50 MB."""

KAIROSDB_METADATA_BYTES_MAX = 1024 * 1024
"""One text of metadata: they are dashboards and settings of plugins, and all of them are in memory."""

KAIROSDB_LISTED_QUERY_BYTES_MAX = 16 * 1024
"""Of a running query's JSON that /api/v1/admin/runningqueries shows; a longer one is left out. Dashboards send some
hundred bytes, and QUERIES_WAITING_MAX of the largest bodies would be an answer of 256 MB."""

# roll-ups of the KairosDB room -------------------------------------------------------------------------------------

ROLLUPS_AFTER = ("15s", "10m", "1d")
"""Default of the setting kairosdb_rollups_after. Agents send every 10 s, most of them; those that were cut off from us
bring what they kept within minutes of the first point, and what came by hand or by night is there a day later."""

ROLLUP_TASKS_MAX = 256
"""Roll-up tasks: all of them are in memory, and a list of them is one answer of 8 MiB at most."""

ROLLUP_TASK_BYTES_MAX = 32 * 1024
"""One task as JSON. Tasks have some hundred bytes; lists of tag values may be long."""

ROLLUP_METRICS_MAX = 64
"""Queried metrics of one task: the progress of each, some 300 bytes, is written with every step of any of them."""

ROLLUP_LOOK_BACK_MAX = 1000
"""The greatest size of an sma in a roll-up: so many ranges before its own are read each time."""

ROLLUP_INTERVAL_MS_MIN = 1000
"""A task does not run more often, whatever it asks for: KairosDB takes intervals of 1 ms and of 0."""

ROLLUP_STEP_RANGES_MAX = 65_536
"""Ranges that one step computes at most; fewer where there are many points. Where there are none, a year of hours is
one step, a year of seconds are 481."""

ROLLUP_STEP_GAPS_MAX = 256
"""The same for a query that marks empty ranges: each costs a row, in every group."""

ROLLUP_STEP_POINTS = 100_000
"""A step that read fewer points is followed by one of twice as many ranges, one that read four times as many by one of
half: some 10 ms of work. No step of several ranges reads more than about QUERY_PIECE_POINTS."""

ROLLUP_COMMIT_POINTS = 100_000
"""Points of a roll-up in one commit, as COMMIT_POINTS: whoever writes beside it does not wait long."""

ROLLUP_STEP_S = 60.0
"""For how long one step may compute; then it is tried with fewer ranges. As long as a query may take by default."""

ROLLUP_PAUSE_S_MAX = 1.0
"""The longest pause between two steps. It is as long as the step was, so that catching up takes half of a core."""

ROLLUP_NOTE_S = 1.0
"""Steps that made no points are noted down so often: a crash costs that much of going over emptiness again."""

ROLLUP_RETRY_S = 60.0
"""After a failure a task is tried again so soon, if its interval is not shorter."""

ROLLUP_LOAD_RETRY_S = 5.0
"""Between attempts to read the tasks at the start, where the disk does not let us."""

ROLLUP_MARKS = 8
"""Into how many parts the time is cut after which ranges are computed again; they wait together within each."""

ROLLUP_MARKS_MAX = 32
"""Marks of ranges that wait to be computed again, of one queried metric and one such time: ROLLUP_MARKS and two while
all is well, more while it fails. Then the oldest are due anyhow and become one: a mark has some 30 bytes, and all are
written with every step."""

ROLLUP_BACKFILLS_MAX = 16
"""Stretches of a task that wait to be computed again by request; while so many wait no other request is taken, of which
each has at most ROLLUP_METRICS_MAX."""

ROLLUP_BACKFILL_ANSWER_S = 20.0
"""For so long the answer to such a request waits for its end. Clients and proxies give up after 30 s and more."""

ROLLUP_BACKFILL_POLL_S = 0.05
"""Between two looks whether it has ended."""

ROLLUP_SHOWN_NAME_MAX = 128
"""Characters of a task's name that metrics and log show."""

# the DataZone room -------------------------------------------------------------------------------------------------

DATAZONE_BODY_BYTES_MAX = 16 * 1024 * 1024
"""One request's body: a form of 500,000 characters is up to 6 MB of JSON."""

DATAZONE_LOOP_BODY_BYTES_MAX = 64 * 1024
"""Bodies up to this size are decoded on the event loop: some 2 ms; larger ones on a thread."""

DATAZONE_FORMS_MAX = 4000
"""Forms of one request: each is two documents of the one commit that must hold all of them. The service's own limit is
not public."""

DATAZONE_ITEMS_MAX = 50_000
"""Members and elements of the JSON of one request, of which a form has six: 40 ms, in which its decoder lets nobody
else have the interpreter. Counted before any is an object; what is inside of contents is text."""

assert DATAZONE_ITEMS_MAX >= 8 * DATAZONE_FORMS_MAX

DATAZONE_PIECE_BYTES = 64 * 1024
"""Of JSON so much is decoded at a time, by a decoder that lets nobody else have the interpreter: up to 8 ms, where each
tenth byte begins an object."""

DATAZONE_PIECES_DEPTH_MAX = 4
"""Objects and arrays within each other that are cut into such pieces: those of a request come to four with a form's
members. Each is looked through once more, so without end the cutting would take longer than what it is for."""

DATAZONE_NUMBER_CHARACTERS_MAX = 1000
"""Digits of a timestamp: more than any double has, and no power of ten takes long."""

DATAZONE_FORM_BYTES = 512
"""A form counts as so many bytes beside its content when it is decided whether it is worked on on the event loop."""

DATAZONE_FORM_NUMBERS_MAX = 1000
"""Numbers of one form that become points. The documented contents have two; a thousand is a form per column of the
widest tables."""

DATAZONE_POST_NUMBERS_MAX = 8000
"""Numbers of one request that become points: each may be a new series, and so a document of the commit."""

DATAZONE_POST_TYPES_MAX = 100
"""New form types of one request that are remembered, two documents each: who posts has one or two. More are remembered
by the next request that posts them."""

DATAZONE_TYPES_MAX = 10_000
"""Form types in all their revisions that are remembered, of all domains: nobody can delete one. A catalog has tens;
each is two documents, and its name stays in memory."""

DATAZONE_TYPES_BYTES_MAX = 4 * 1024 * 1024
"""And their names together: 400 bytes each, where those of the service's own types have 60."""

assert 2 * DATAZONE_FORMS_MAX + DATAZONE_POST_NUMBERS_MAX + 2 * DATAZONE_POST_TYPES_MAX + 2 <= COMMIT_RECORDS, (
    "what a request changes is one commit"
)

DATAZONE_SERIES_AT_ONCE = 10_000
"""Series of a form that a delete reads in one step: their keys are some 2 MB."""

DATAZONE_NAME_BYTES_MAX = 4096
"""UTF-8 bytes of a metric or a tag of such points, as in the OpenTSDB room."""

DATAZONE_SUMMARY_CHARACTERS_MAX = 20_000
"""Of a form's contentSummary, by the service's model; longer ones are left out."""

DATAZONE_TOKEN_MS = 24 * 3600 * 1000
"""For so long a client token is remembered at least."""

DATAZONE_TOKEN_PERIOD_MS = 8 * 3600 * 1000
"""Tokens are forgotten by whole periods, so after 24 to 32 hours; a write asks for its token in each period that
counts, five lookups."""

DATAZONE_VIOLATIONS_MAX = 100
"""Broken constraints that one answer words; all are counted."""

DATAZONE_SHOWN_TEXT_MAX = 512
"""Characters of one of the sender's texts that an error repeats."""

DATAZONE_SIGNED_BYTES_KEPT = 512
"""Characters of a header Authorization, up to its signature, that are remembered as they were read: an AWS SDK sends
some 180. DATAZONE_SIGNING_KEYS_KEPT of them are."""

DATAZONE_SIGNING_KEYS_KEPT = 64
"""Keys of one day and region that are remembered, and moments of signatures: some 10 us less for each that comes again.
None is longer than a head may be, 64 KiB."""

DATAZONE_CLOCK_SKEW_S = 5 * 60
"""How far the time of a signature may be from ours: AWS's own tolerance."""

# the Apollo room ---------------------------------------------------------------------------------------------------

APOLLO_NAME_BYTES_MAX = 4096
"""UTF-8 bytes of a device id, a point id, a pointType or a metric: as in the other rooms."""

APOLLO_TEXT_BYTES_MAX = 64 * 1024
"""UTF-8 bytes of a text value; must stay below what model.points.HEAP_LENGTH_BITS can say."""

APOLLO_POINTS_MAX = 10_000
"""Points of one registration, and new time series of one post: twenty times what the platform takes at once, a
commit of some 3 MB."""

assert APOLLO_POINTS_MAX < COMMIT_RECORDS, "a document each, and the device's"

APOLLO_SAMPLES_MAX = 100_000
"""Samples of one post: ten times what the platform takes at once, some 12 MB of JSON."""

APOLLO_POINT_ITEMS_MAX = 20 * APOLLO_POINTS_MAX
"""Members and elements of the JSON of a registration: a point has three. Counted before any is an object."""

APOLLO_SAMPLE_ITEMS_MAX = 20 * APOLLO_SAMPLES_MAX
"""The same of samples, which have five."""

APOLLO_METRICS_MAX = 100
"""Different `metric` of the samples of one time series: they are listed in its definition, and each is a series."""

APOLLO_CACHED_SERIES_MAX = 65_536
"""Time series whose registrations a server remembers: some 60 MB. When full it is emptied, which costs one look into
the store a series."""

APOLLO_LOOP_BODY_BYTES_MAX = 64 * 1024
"""Bodies up to this size are decoded on the event loop: 500 samples, at most 2 ms by the reference decoder; larger ones
on a thread."""

APOLLO_PAGE_SAMPLES = 100
"""Samples of a page when the query does not say."""

APOLLO_PAGE_SAMPLES_MAX = 1000
"""The largest page; a larger `limit` is cut."""

APOLLO_PIECE_SAMPLES = 1000
"""Samples of an answer that are spelled in one step: some 2 ms, in which other threads have their turns."""

APOLLO_CORRELATION_BYTES_MAX = 256
"""A longer x-correlation-id is neither logged nor sent back: it is no id."""

APOLLO_SHOWN_TEXT_MAX = 512
"""Characters of one of the sender's texts that an error repeats."""
