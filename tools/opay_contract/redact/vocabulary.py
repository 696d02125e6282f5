"""Words that are nobody's data: what HTTP, JSON, recorders and error messages are written with.

Free text that may be kept at all is kept word by word, and only words that stand here or in the contract.
"""

import re

_NAME_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")


def split_words(name: str) -> set[str]:
    """Return the words of a name in lower case: `http2-serverName` has three."""
    return {part.lower() for part in _NAME_PARTS.findall(name)}


_WORDS = """
a accept acceptance accepted access action aes after again age agent agree alive all allow allowed
alpn already amex an and android another answer answers any anyway api apikey apng app apple
applewebkit application are array asn assertion at attribute auth authentication available avif awsv
b bad base basic be bearer been being bit body br brand browser buffer bundle bytes cache call calls
can cannot card cards center cert certificate chacha change channel charset chrome chromium cipher
circled cleared client close closed closing code collection completely components conditional
conformance connect connected connecting connection content continuing contract control cookie cors
could country create creator cross css curl customer customers data date de debian debug declined
default deflate delete dest destination did different digest discover document does domain done down
duplicate dynamic easy ecdhe ecdsa edge edgegrid ef empty en encoding encrypted end endpoint eng
error errors even event example examples exception excess exchange execution existing expect expire
expired expires express extensions external failed failure favicon fetch field file filtered fine
finished firefox float folder font for forbidden form formdata found from function gateway gcm gecko
generation get gmt go graphql gzip handle handshake harfile has hawk he head header headers headless
headlesschrome hello high host hostname hr href html http https httpx icon id identity if image img
important in includes indent input insecure instance intact interactions internal invalid ios ip
iphone is issue issuer it its java javascript jcb jpeg json jwt jxl keep key khtml known left
leftovers length like limit line link linux list local localhost location log long low lowest mac
macintosh maestro malformed master mastercard max media medium meeza merchant message meta method
missing mitmproxy mobile mode module mozilla multiplex must na name navigate negative network new
newsession nginx nil no noauth node none normal not note nothing null number object of offers ok
okhttp old on one only opay open openapi operation option options or order origin other out page
param parameter parameters params parser password patch path payload permitted phase php plain
platform playwright please png policy poly port positive post postman preflight preserve private
probe probing proc protocol proxy public put python q queried queries query quic quote radio rate
raw re read reason received record redirect referer refund refused removing report request requests
required resolve resolved resource response result retry reusing rsa rule running rv safari same
sample saved scenario schema schemathesis scheme script search sec security self sent serially
server service services session set severity sha shutting signature signed site slash slow some
source space spec specification ssl st stale star start started state status stopped stream string
style stylesheet subject success successful svg switching synthetic system tag te temporarily test
tests text the there this ticket time timeout title tls tlsv to token tokens too total transfer try
trying txt type types ubuntu unable unauthorized unavailable unexpected unknown unprocessable update
upgrade upgraded uploaded url urlencoded us use used user uses using utf v valid value values vary
vcr vcrpy verify version verve very veryhigh verylow via visa wait wall wanted warning was we
webinspector webkit webp website websocket when why windows with within word world write wrong www
xhr xhtml xml yes you your zstd
"""

_PATH_WORDS = """
account accounts active add address admin ads amount analytics archive article articles assets back
balance bank banks banner batch billing blog buy callback campaign cancel cart cashier category
channels charge checkout click collect comment comments common complete config confirm contact count
countries currency current dashboard delivery detail details device devices dist download edit email
enable ending events export feed files finish forms fragment gallery group groups hash health help
history home hook hooks images import inbox index info initialize inquiry international invoice
invoices item items job jobs label labels landing lib loan login logout main manage manifest map
maps member members modules more names notify offer orders org organization overview pages panel
partner pay payment payments payout payouts people pixel places plan plans points popup portal
prepare preview price prices print prod product products profile profiles promo purchase qr rates
receipt receipts recent refunds region register remove reports reset resources return review reviews
role roles root route save scan schedule screen send setting settings setup shared shipping shop
shops sign signin signup size staging statements static stats store stores styles submit
subscription subscriptions sum summary support sync tags task tasks temp template templates terms
theme top topic track tracking transaction transactions transfers unit units uploads users validate
vendor video videos view views visit void wallet wallets web webhook webhooks widget widgets zone
"""
"""Words that paths and members of other APIs are made of."""

WORDS = frozenset(_WORDS.split())

_RECORDER_NAMES = """
statusText httpVersion encoding name version _resourceType _priority type status phase mode kind
method label comment message connection_state _fromCache outcome protocol schemathesis_version
recorded_with description location description_kind parameter_location http_version reason_phrase
checks source title reason msg language mode listen
postman_previewlanguage _postman_previewlanguage postman_previewtype _postman_previewtype
"""
RECORDER_NAMES = frozenset(_RECORDER_NAMES.split())
"""Members of recorders whose known words are kept; other texts are replaced as a whole."""

_TELLING = """
url uri path redirecturl requested_url mimetype media_type querystring params headers header key value
postdata bodysize script exec stream websocket trailers latencies upstream resp vhost msec
"""

_MEMBERS = """
_blocked_queueing _fetchedviaserviceworker _frameref _initiator _monotonictime _workerfetchstart _workerready
_workerrespondwithsettled _workerstart afterrequest beforerequest blocked callframes columnnumber compression
cookies dns entries hitcount httponly oncontentload onload pageref pagetimings parent receive stack timings
additionals alpn_proto_negotiated authorities authority backup certificate_chain client_conn clientcert
first_line_format intercepted is_replay marked messages metadata mitmcert peername questions server_conn sni
sockname timestamp timestamp_created timestamp_end timestamp_start timestamp_tcp_setup timestamp_tls_setup
tls_established transport_protocol
command elapsed recorded_at seed
cases elapsed_time is_final is_transition_applied recorder scenariofinished suite_id
assertions cursor environment executions failures globals iteration originalrequest position ref run src
variable variables
remote_addr time_iso8601
"""
"""Members of HAR, of flows, cassettes, reports, collections and logs that are made of other words, too."""

NAME_WORDS = WORDS.union(
    _PATH_WORDS.split(), _TELLING.split(), _MEMBERS.split(), map(str.lower, RECORDER_NAMES)
)
"""Words that a part of a path may have, or a member that no report shows; free text has fewer."""

_HEADERS = """
accept accept-encoding accept-language accept-ranges access-control-allow-credentials
access-control-allow-headers access-control-allow-methods access-control-allow-origin
access-control-expose-headers access-control-max-age access-control-request-headers
access-control-request-method age allow cache-control connection content-encoding content-language
content-length content-type date expires keep-alive last-modified pragma priority sec-ch-ua
sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user
server strict-transport-security te transfer-encoding upgrade upgrade-insecure-requests user-agent
vary x-content-type-options x-frame-options x-powered-by
"""

HEADERS = frozenset(_HEADERS.split())
"""Header fields whose values are kept as far as they are made of known words; any other value is replaced."""

URL_HEADERS = frozenset({"content-location", "location", "origin", "referer", ":path"})
HOST_HEADERS = frozenset({"host", ":authority", "x-forwarded-host"})
PSEUDO_HEADERS = frozenset({":method", ":path", ":scheme", ":authority", ":status"})

METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "CONNECT"})
