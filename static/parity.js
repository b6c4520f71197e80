// Keys, the copy buttons, the theme toggle, and keeping one's place in what htmx replaces. Everything else is HTML.
(() => {
  "use strict";

  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => !row.closest(".pinned"));

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const here = all.findIndex((row) => row.contains(document.activeElement));
    const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
    const link = all[next].querySelector("a.name") || all[next].querySelector("a");
    link?.focus({ preventScroll: true });
    all[next].scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=radio]), textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const search = document.getElementById("search");
    if (event.key === "/" && search) {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "x") event.target.closest("[data-row]")?.querySelector("[data-pin]")?.click();
    else if (event.key === "c") document.getElementById("compare")?.click();
    else if (event.key === "?") document.getElementById("keys")?.toggleAttribute("open");
  });

  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // No clipboard without https: select the text and use the old command.
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    const label = button.textContent;
    button.textContent = "Copied";
    button.disabled = true;
    setTimeout(() => {
      button.textContent = label;
      button.disabled = false;
    }, 1500);
  }

  function toggleTheme() {
    const root = document.documentElement;
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const wanted = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    // Choosing what the system says anyway means to follow it again.
    if (wanted === system) delete root.dataset.theme;
    else root.dataset.theme = wanted;
    try {
      if (wanted === system) localStorage.removeItem("theme");
      else localStorage.setItem("theme", wanted);
    } catch {
      // Storage may be forbidden; the choice lasts until the next page.
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.copy) copy(button);
    if (button?.id === "theme") toggleTheme();
  });

  // A poll replaces the log and its neighbours: who scrolled up or opened something keeps that.
  const kept = new Map();
  let row = "";
  document.addEventListener("htmx:beforeSwap", () => {
    kept.clear();
    row = document.activeElement?.closest("[data-row]")?.id || "";
    for (const element of document.querySelectorAll("[data-keep]")) {
      kept.set(element.id, { top: element.scrollTop, left: element.scrollLeft, open: element.open });
    }
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const [id, { top, left, open }] of kept) {
      const element = document.getElementById(id);
      if (!element) continue;
      if (open !== undefined) element.open = open;
      element.scrollTop = top;
      element.scrollLeft = left;
    }
    // Whoever walks the rows by keys goes on where they were.
    if (row && document.activeElement === document.body) {
      document.getElementById(row)?.querySelector("a.name")?.focus({ preventScroll: true });
    }
  });
})();
