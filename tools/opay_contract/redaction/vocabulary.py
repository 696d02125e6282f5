"""Words that are nobody's data: what HTTP, JSON, recorders and error messages are written with.

Free text that may be kept at all is kept word by word, and only words that stand here or in the contract.
"""

_WORDS = """
a accept acceptance accepted access action after again age agent alive all allow allowed already
amex an and android any api apng app apple applewebkit application are array asn at attribute auth
authentication available avif b bad base be bearer been being bit body br brand browser bytes cache
call calls cannot card cards center channel charset chrome chromium circled cleared client close
code components conditional conformance connection content contract control cookie cors could
country create creator cross css curl customer data date de debian debug declined default deflate
delete dest destination different discover document does domain done down duplicate dynamic edge ef
empty en encoding end endpoint eng error errors event examples exception exchange expect expired
expires express external failed failure favicon fetch field file filtered firefox float font for
forbidden form found from function gateway gecko generation get gmt go gzip harfile has he head
header headers headless headlesschrome high host hr href html http https httpx icon id identity if
image img important in includes indent input insecure instance interactions internal invalid ios ip
iphone is it its java javascript jcb jpeg json jxl keep key khtml length like limit line link linux
list local localhost location log long low lowest mac macintosh maestro malformed master mastercard
max media medium meeza merchant message meta method missing mitmproxy mobile mode module mozilla
must na name navigate negative network new nginx no node none normal not nothing null number object
of ok okhttp on one only opay open openapi operation option options or order origin other out page
param parameter parameters params parser password patch path payload permitted phase php plain
platform playwright please png policy positive post postman preflight preserve private probe probing
proc proxy public put python q queried query quote radio rate read reason received record redirect
referer refund refused request requests required resource response result retry rule running rv
safari same sample saved scenario schema schemathesis script search sec security server service
services session set severity signature signed site slash slow some source space specification st
star state status stopped string style stylesheet success successful svg switching synthetic system
tag te temporarily text the there this time timeout title to token tokens too try txt type types
ubuntu unauthorized unavailable unexpected unknown unprocessable update upgrade upgraded url
urlencoded us use user using utf v valid value values vary vcr vcrpy version verve very veryhigh
verylow via visa wait wall was webinspector webkit webp website websocket when why windows with
within word world write wrong www xhr xhtml xml yes you your zstd
"""

WORDS = frozenset(_WORDS.split())

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
