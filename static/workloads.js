// Workloads: dropping a file, its progress, the end of trials, and one word on a button that works for long. Without it plain forms do.
(() => {
  "use strict";

  const sizes = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`);
  const form = document.getElementById("upload");

  function choose(file) {
    document.getElementById("chosen").textContent = file ? `${file.name}, ${sizes(file.size)}` : "Drop a file here, or choose one";
    document.getElementById("drop").classList.toggle("full", Boolean(file));
    say(file && file.size > Number(form.dataset.most) ? form.dataset.tooLarge : "");
  }

  // A refusal in the site's own words is text; what the server drew is a part of the page.
  function say(text) {
    const place = document.getElementById("refusals");
    place.replaceChildren();
    if (!text) return;
    const notice = document.createElement("p");
    notice.className = "notice bad";
    notice.setAttribute("role", "alert");
    notice.textContent = text;
    place.append(notice);
    place.scrollIntoView({ block: "nearest" });
  }

  function show(words, value) {
    const place = document.getElementById("progress");
    place.hidden = false;
    place.querySelector("[role=status]").textContent = words;
    const bar = place.querySelector("progress");
    if (value === undefined) bar.removeAttribute("value");
    else bar.value = value;
  }

  function end(button) {
    document.getElementById("progress").hidden = true;
    button.disabled = false;
  }

  function send(button) {
    const request = new XMLHttpRequest();
    let read = 0;
    let last = null;
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/x-ndjson");
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) show(`Uploading, ${sizes(event.loaded)} of ${sizes(event.total)}`, event.loaded / event.total);
    };
    request.upload.onload = () => show("Reading");
    request.onprogress = () => {
      const lines = request.responseText.slice(read).split("\n");
      read += request.responseText.slice(read).length - lines.pop().length;
      for (const line of lines) {
        try {
          last = JSON.parse(line);
        } catch {
          return; // a page, not steps: onload says so
        }
        if (last.items) show(`Reading, ${last.items.toLocaleString("en")} items`, last.size ? last.bytes / last.size : undefined);
      }
    };
    request.onload = () => {
      if (last?.go) {
        location.assign(last.go);
        return;
      }
      end(button);
      if (last?.refused) {
        const place = document.getElementById("refusals");
        place.innerHTML = last.refused;
        place.scrollIntoView({ block: "nearest" });
      } else say("The upload was not taken. Reload the page and try again.");
    };
    request.onerror = () => {
      end(button);
      say("The connection broke before the upload was there. Nothing was kept; try again.");
    };
    button.disabled = true;
    say("");
    show("Uploading", 0);
    request.send(new FormData(form));
  }

  if (form) {
    const input = document.getElementById("file");
    const drop = document.getElementById("drop");
    input.addEventListener("change", () => choose(input.files[0]));
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      choose(input.files[0]);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const file = input.files[0];
      if (file && file.size > Number(form.dataset.most)) say(form.dataset.tooLarge);
      else send(event.submitter || form.querySelector("button"));
    });
    choose(input.files[0]);
  }

  // What somebody changed before htmx was there, or what the browser filled in again, is tried once it is.
  const changed = (field) => {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    return "defaultValue" in field && field.type !== "hidden" && field.value !== field.defaultValue;
  };

  // Once a form is sent nothing of it is tried any more: what it was about may be gone when the trial arrives.
  for (const one of document.querySelectorAll("form[hx-post]")) {
    let sent = false;
    one.addEventListener("submit", () => {
      sent = true;
      one.dispatchEvent(new Event("htmx:abort"));
    });
    one.addEventListener("htmx:beforeRequest", (event) => {
      if (sent) event.preventDefault();
    });
    window.addEventListener("pageshow", () => {
      sent = false; // somebody came back to it
      if ([...one.elements].some(changed)) one.dispatchEvent(new Event("change"));
    });
  }

  for (const one of document.querySelectorAll("form[data-busy]")) {
    one.addEventListener("submit", (event) => {
      if (event.submitter && event.submitter.form !== one) return;
      one.querySelector("[role=status]").textContent = one.dataset.busy;
    });
  }
})();
