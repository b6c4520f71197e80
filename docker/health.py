"""Ask this container's own web server whether it is ready (the image's HEALTHCHECK)."""

import urllib.request

# No proxy from the environment: the question stays inside the container. An answer of 400 or above raises.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open("http://127.0.0.1:8000/readyz", timeout=5)
