// Keys of blind grading: 1 or left, 2 or right, 0 for a tie, p to pass, u to take the last one back. Buttons do the same.
(() => {
  "use strict";

  const KEYS = { 1: "left", ArrowLeft: "left", 2: "right", ArrowRight: "right", 0: "tie", p: "pass", u: "back" };
  let sent = false;

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || sent) return;
    if (event.target.closest("input, textarea, select")) return;
    // Arrows scroll a text that has the focus.
    if (event.key.startsWith("Arrow") && event.target.closest(".passage")) return;
    const button = document.querySelector(`.choices [value="${KEYS[event.key]}"]`);
    if (!button) return;
    event.preventDefault();
    sent = true;
    button.click();
  });
})();
