// Blocks in <head>: what must be there before the first paint (a chosen theme; "js" reveals what needs scripts), and
// before htmx, which leaves the page as it is when Back or Forward is pressed while it still loads.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; the system's preference holds.
  }
  addEventListener("popstate", (event) => {
    if (event.state?.htmx && !window.onpopstate) location.reload();
  });
})();
