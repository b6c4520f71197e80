"""Elements of a page that only a hostile text could have made, whether they have done anything yet or not."""

from playwright.sync_api import Page

# Touches what could be armed (focus, hover) and lets the page's own tasks run first. Our pages have no such elements
# and attributes: no frames and media, scripts and pictures of our own alone, no handlers, no htmx that evaluates.
STRANGERS = r"""async () => {
    const armed = [...document.querySelectorAll("main a, main summary, main input, main [tabindex]")].slice(0, 400);
    armed.forEach((one) => one.focus());
    const under = [...document.querySelectorAll("main *")].slice(0, 4000);
    under.forEach((one) => one.dispatchEvent(new MouseEvent("mouseover")));
    const { port1, port2 } = new MessageChannel();
    await new Promise((done) => { port1.onmessage = done; port2.postMessage(0); });
    const never = new Set(["IFRAME", "FRAME", "FRAMESET", "VIDEO", "AUDIO", "SOURCE", "OBJECT", "EMBED", "APPLET",
        "BASE", "PORTAL", "MARQUEE", "TEMPLATE", "STYLE", "DIALOG", "AREA", "KEYGEN", "PLAINTEXT", "XMP",
        "LISTING", "animate", "set", "foreignObject", "image", "discard", "math", "MATH"]);
    const ours = `${location.origin}/static/`;
    const address = /^[\s\u0000-\u001f]*(javascript|vbscript|data|blob|view-source):/i;
    const strange = (one) => {
        const name = one.tagName;
        if (never.has(name) || one instanceof HTMLUnknownElement) return true;
        if (name.includes("-") && !name.startsWith("ANNOTATION")) return true;
        if (name === "SCRIPT") return one.src ? !one.src.startsWith(ours) : !/json/.test(one.type);
        if (name === "LINK") return !one.href.startsWith(ours) && one.rel !== "canonical";
        if (name === "META" && one.httpEquiv && one.httpEquiv.toLowerCase() === "refresh") return true;
        if (name === "IMG" && !one.src.startsWith(ours) && !one.src.startsWith("data:image/")) return true;
        return [...one.attributes].some(({ name, value }) =>
            /^(on|hx-on|data-hx-|hx-vars|hx-ext|v-|x-|ng-|srcdoc|ping|_$|popover|contenteditable)/.test(name)
            || (/^hx-(?!get|post|put|patch|delete|push-url|replace-url)/.test(name)
                && /alert|js:|javascript:/.test(value))
            || (/^(href|src|action|formaction|poster|xlink:href|values|hx-(get|post|put|patch|delete))$/.test(name)
                && one.tagName !== "IMG" && (address.test(value) || value.startsWith("//")))
            || (name === "style" && /alert|url\(|expression|animation|binding/.test(value)));
    };
    return [...document.querySelectorAll("*")].filter(strange).map((one) => one.outerHTML.slice(0, 160));
}"""


def strangers(page: Page) -> list[str]:
    """Their beginnings, as HTML."""
    return page.evaluate(STRANGERS)  # type: ignore[no-any-return]
