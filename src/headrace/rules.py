"""Every rule by which a request or a point is refused (errors.Refused), each with one line of what it asks.

A rule's name is stable: the metrics count refusals under it. A new one is a new line here; without it mypy refuses the
`Refused`, and tests/test_rules.py too. Which HTTP status it is, each room that can meet it says in a table of its own.
"""

from __future__ import annotations

from typing import Literal

TransportRule = Literal[
    "bad-compression",  # a body unpacks as its Content-Encoding says
    "bad-request",  # the bytes are an HTTP request
    "body-incomplete",  # a body comes whole
    "body-too-large",  # a body is no larger than body_bytes_max
    "credentials-invalid",  # the credentials are known here
    "credentials-missing",  # who sends a request says who it is, once there are principals
    "credentials-slowed",  # few passwords of a user are wrong within a minute
    "header-too-large",  # request line and headers fit their bound
    "internal-error",  # a fault of ours, worded by the room whose app raised it
    "not-found",  # something is at the path
    "permission-missing",  # the principal is granted what the request does
    "read-only",  # nothing is changed by a listener for reading alone
    "request-timeout",  # headers and body come in time
    "unavailable",  # errors.Unavailable, worded by the room whose app raised it
    "unsupported-encoding",  # the Content-Encoding is one that we unpack
    "web-page",  # no page of another origin changes anything
]
"""Of any request, whatever its dialect."""

NameRule = Literal[
    "metric-character",  # a metric has only characters that the room allows
    "metric-empty",  # a metric has a name
    "name-too-long",  # metric, tag key and tag value fit the room's bound
    "request-names",  # the new names of one request fit REQUEST_NAME_BYTES_MAX
    "series-bytes",  # metric and tags of one series together fit SERIES_NAME_BYTES_MAX
    "series-limit",  # the database has at most series_max series, whose names fit series_bytes_max
    "series-rate",  # within an hour at most series_per_hour_max series are new, of series_bytes_per_hour_max
    "tag-key-character",  # as metric-character
    "tag-key-empty",  # a tag key has a name
    "tag-value-character",  # as metric-character
    "tag-value-empty",  # a tag has a value
    "tags-missing",  # a series has as many tags as the room asks for
    "tags-too-many",  # a series has no more tags than the room allows
]
"""Of the name of a series: what the gate and the table of series refuse."""

QuestionRule = Literal[
    "calendar",  # a bucket by the calendar has at most a hundred years
    "duration",  # a duration is of a known unit, above zero and within time
    "infinite",  # a result fits a double
    "metric-unknown",  # there is a metric of this name
    "metrics-differ",  # series that are asked for by id are of one metric
    "query-groups",  # a question makes at most QUERY_GROUPS_MAX groups
    "query-points",  # a question reads and makes no more points than fit
    "query-time",  # a question is answered within query_timeout_s
    "query-work",  # combining series takes no more work than is allowed
    "regexp",  # a regular expression can be read
    "same-time",  # what goes along time meets no two points of one moment
    "series-unknown",  # there is a series of this id
    "value-kind",  # arithmetic is done on numbers
]
"""Of a question: what query and store refuse, whoever asks."""

OpenTSDBRule = Literal[
    "aggregator",  # an aggregator is given and known
    "annotation-unknown",  # there is an annotation at this place
    "back-scan",  # back_scan is a number of hours
    "body-empty",  # a request has a body
    "charset",  # the charset of a body is one that we know
    "date",  # a date is written as OpenTSDB reads it
    "delete",  # a query does not delete
    "downsample",  # a downsampling can be read
    "dump-meta",  # dump_meta is asked for a tag key
    "end",  # a time range ends after it begins
    "expression",  # an expression can be read, knows what it names, and fits its bounds
    "fields-missing",  # a multi-field query names fields
    "filter",  # a filter of tags can be read
    "json",  # a body is JSON of the expected shape
    "jsonp",  # a callback is a name
    "limit",  # limits and offsets of a query are not negative
    "lookup",  # a lookup can be read
    "m",  # the parameter m can be read
    "method-override",  # a method that stands in for the request's is known
    "metric-missing",  # a sub-query names a metric or tsuids
    "name-unknown",  # a looked-up name is there
    "no-points",  # a write has points
    "not-implemented",  # what is asked for is built
    "null-point",  # a point is not null
    "points",  # a multi-field write has points, and not too many
    "queries-missing",  # a query has sub-queries
    "rate",  # the options of a rate go together
    "start-missing",  # a time range has a start
    "suggest",  # a suggestion can be read
    "sync-timeout",  # sync_timeout is a number of ms
    "tag-duplicate",  # no tag has two values
    "tag-invalid",  # a tag is written key=value
    "time",  # a time can be read
    "timestamp",  # a time of /api/query/last and of Apollo's samples can be read
    "timestamp-invalid",  # a point has a time above zero
    "timestamp-range",  # the time of a point is one that OpenTSDB takes
    "timezone",  # a time zone is known
    "tsuid",  # a tsuid is one of ours
    "tsuids-missing",  # annotations are asked for by tsuids, or all global ones
    "ttl",  # a time to live is a number of seconds in range
    "uid",  # values to assign UIDs to are given
    "value-condition",  # a condition on values can be read
    "value-empty",  # a point has a value
    "value-infinite",  # a value fits a double
    "value-number",  # a value is a number
    "value-too-long",  # a text fits its bound
]
"""Of the dialects of OpenTSDB and Alibaba TSDB."""

KairosDBRule = Literal[
    "json",  # a body is JSON of the expected shape
    "metadata-names",  # metadata has a service, a service key and a key
    "not-finite",  # a result can be written as JSON
    "query",  # a query can be read
    "rollups-too-many",  # there are few roll-up tasks, and few requests to compute one again
    "save-as",  # the name under which a result is saved is one that may live here
]
"""Of the dialect of KairosDB."""

ApolloRule = Literal[
    "collection-access",  # the caller may use the collection
    "continuation-token",  # a continuation belongs to this query
    "device-access",  # the caller may use the device
    "guid",  # the id of a time series is a GUID
    "json",  # a body is JSON of the expected shape
    "limit",  # the length of a page is a number from 1 on
    "method",  # the path has this method
    "metrics-too-many",  # a time series has few metrics
    "no-ids",  # a query names time series
    "no-points",  # a registration has points
    "no-samples",  # a post has samples
    "orderby",  # an order names a field and a direction
    "path",  # a path is percent-encoded UTF-8
    "permission",  # a least permission is known
    "point-empty",  # a point has an id
    "query",  # a query is percent-encoded UTF-8
    "scope-missing",  # the token has the scope
    "time",  # a time can be read
    "timestamp",  # the time of a sample can be read
    "token-invalid",  # a token is one of ours
    "token-missing",  # a request has a token
    "too-many",  # one request brings no more than is taken at once
    "type-empty",  # a point has a type
    "value-range",  # an integer fits 64 bits
    "value-too-long",  # a text fits its bound
]
"""Of the dialect of Johnson Controls Apollo."""

DataZoneRule = Literal[
    "caller-unknown",  # an access key is one of ours
    "conflict",  # a client token comes with the same request again
    "media-type",  # a body is plain JSON
    "operation-unknown",  # there is an operation at this path
    "quota",  # one request brings no more forms than are taken
    "serialization",  # a request has the shape of its operation
    "signature-incomplete",  # a signature has all its parts
    "signature-invalid",  # a signature is right
    "signature-missing",  # a request is signed
    "validation",  # values keep the constraints of their type
]
"""Of the dialect of Amazon DataZone."""

Rule = Literal[TransportRule, NameRule, QuestionRule, OpenTSDBRule, KairosDBRule, ApolloRule, DataZoneRule]
"""Any of them. A rule that several dialects have stands with each; metrics tell them apart by room."""
