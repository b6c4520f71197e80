// Draws the charts whose data lie in the page as JSON (leaderboard/pages/charts.py), with Observable Plot. Every chart
// has a table beside it that says the same, so that nothing is lost without this file.
(() => {
  "use strict";

  // Fixed hues that tell apart for colour-blind readers; shapes say the same again. The tokens follow the theme.
  const INK = "var(--ink)", DIM = "var(--dim)", LINE = "var(--line-strong)";
  const HUES = ["var(--open)", "var(--proprietary)", "var(--accent)", "var(--dim)", "var(--good)", "var(--bad)", "var(--warn)"];
  const SHAPES = ["circle", "diamond2", "triangle2", "square2", "times", "plus", "asterisk"];
  const hue = (kind) => HUES[kind === "proprietary" ? 1 : 0];
  const tipStyle = { fill: "var(--surface)", stroke: LINE, textPadding: 9, fontSize: 12 };

  const tokens = (n) => n >= 1024 ? `${+(n / 1024).toPrecision(3)}k` : `${n}`;
  const lengths = Array.from({ length: 16 }, (_, i) => 512 * 2 ** i);
  const count = (n) => n >= 1e9 ? `${+(n / 1e9).toPrecision(3)} B` : `${+(n / 1e6).toPrecision(3)} M`;
  const powers = Array.from({ length: 16 }, (_, i) => i - 3);
  const dollars = (n) => `$${+n.toPrecision(3)}`;
  // What scores are drawn against: its words, how a number of it is written, and ticks of its own.
  const AXES = {
    parameters: ["parameters", count], active: ["active parameters", count],
    price: ["dollars for a million tokens, 3 in and 1 out", dollars], throughput: ["tokens a second", (n) => `${+n.toPrecision(3)}`],
    context: ["tokens of advertised context", tokens, lengths], measured: ["tokens of measured context", tokens, lengths],
  };
  const KEYS = HUES.slice(1); // of lines beside one of our own
  const UNITS = [[1e12, " T"], [1e9, " B"], [1e6, " M"], [1e3, " k"]];
  const short = (n) => {
    const [size, unit] = UNITS.find(([size]) => Math.abs(n) >= size) || [1, ""];
    return `${+(n / size).toPrecision(3)}${unit}`;
  };
  const one = (x) => x.toFixed(1).replace("-", "−");
  const signed = (x) => (x > 0 ? "+" : "") + one(x);
  const cut = (text, most) => text.length > most ? `${text.slice(0, most - 1)}…` : text;

  // Labels of what lies in the left third go to the right, the others to the left: none leaves the chart.
  const sides = (rows, value, from, to, mark) => {
    const near = (d) => Math.log(value(d) / from) < Math.log(to / from) / 3;
    return [mark(rows.filter(near), "start", 1), mark(rows.filter((d) => !near(d)), "end", -1)];
  };

  const draw = {
    history({ points }, width) {
      const rows = points.map((p) => ({ ...p, day: new Date(p.day) }));
      const days = rows.map((p) => +p.day);
      const pad = Math.max(86_400_000, (Math.max(...days) - Math.min(...days)) * 0.04);
      const ticks = Math.max(2, Math.round(width / 130));
      // Nobody knows hours: a few days get a tick each.
      const few = Math.max(...days) - Math.min(...days) + 2 * pad <= ticks * 86_400_000;
      const title = (p) => [
        `${one(p.score)}${p.low === null ? "" : `  (${one(p.low)} to ${one(p.high)})`}`,
        p.day.toISOString().slice(0, 10), `${p.precision}, revision ${p.sha || "unknown"}`,
        p.imported ? "imported, not verified here" : "measured here",
      ].join("\n");
      const mark = { x: "day", y: "score", stroke: (p) => HUES[+p.imported], symbol: (p) => SHAPES[+p.imported] };
      return Plot.plot({
        width, height: 260, marginLeft: 44, marginRight: 20, marginBottom: 40,
        x: { type: "utc", label: "day of evaluation", labelAnchor: "center", labelArrow: "none",
          domain: [new Date(Math.min(...days) - pad), new Date(Math.max(...days) + pad)], ...(few ? { ticks: "day", tickFormat: "%-d %b %Y" } : { ticks }) },
        y: { label: "suite score, 0–100", nice: true, labelArrow: "none", insetTop: 6, insetBottom: 6 },
        color: { type: "identity" }, symbol: { type: "identity" },
        marks: [
          Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.ruleX(rows.filter((p) => p.low !== null), { x: "day", y1: "low", y2: "high", stroke: (p) => HUES[+p.imported], strokeWidth: 1.5 }),
          Plot.dot(rows, { ...mark, r: 4, strokeWidth: 1.8, fill: "var(--surface)" }),
          Plot.tip(rows, Plot.pointer({ x: "day", y: "score", title, ...tipStyle })),
        ],
      });
    },

    lengths({ points, least, measured, advertised }, width) {
      const rows = points.map(([length, score, half]) => ({ length, score, low: half === null ? null : Math.max(0, score - half), high: half === null ? null : Math.min(100, score + half) }));
      const read = (d) => measured !== null && d.length <= measured;
      const longest = Math.max(advertised ?? 0, ...rows.map((d) => d.length));
      const title = (d) => `${one(d.score)}${d.low === null ? "" : `  (${one(d.low)} to ${one(d.high)})`} at ${d.length.toLocaleString("en")} tokens`;
      return Plot.plot({
        width, height: 260, marginLeft: 44, marginRight: 24, marginBottom: 42, marginTop: 24,
        x: { type: "log", label: "length of the text in tokens (logarithmic)", labelAnchor: "center", labelArrow: "none", tickFormat: tokens,
          ticks: lengths.filter((x) => x >= rows[0].length && x <= longest), domain: [rows[0].length / 1.1, longest * 1.1] },
        y: { label: "score, 0–100", labelArrow: "none", domain: [0, 100] },
        color: { type: "identity" },
        marks: [
          Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.ruleY([least], { stroke: DIM, strokeDasharray: "4 4" }),
          Plot.ruleX(advertised ? [advertised] : [], { stroke: DIM, strokeWidth: 1.5 }),
          Plot.text(advertised ? [advertised] : [], { x: (d) => d, frameAnchor: "top", dy: -12, text: () => "advertised", fill: DIM, fontSize: 11, textAnchor: "end" }),
          Plot.line(rows, { x: "length", y: "score", stroke: HUES[0], strokeWidth: 1.5 }),
          Plot.ruleX(rows.filter((d) => d.low !== null), { x: "length", y1: "low", y2: "high", stroke: HUES[0], strokeWidth: 1.5 }),
          Plot.dot(rows, { x: "length", y: "score", stroke: HUES[0], strokeWidth: 1.8, fill: (d) => read(d) ? HUES[0] : "var(--surface)", r: 4.5 }),
          Plot.tip(rows, Plot.pointer({ x: "length", y: "score", title, ...tipStyle })),
        ],
      });
    },

    gap({ lines, until, lag, lower }, width, small) {
      const end = new Date(until), roomy = width > 560;
      const all = lines.map((line) => ({ ...line, hue: hue(line.side), rows: line.steps.map(([day, score, half, name]) => (
        { day: new Date(day), score, name, low: half === null ? null : Math.max(0, score - half), high: half === null ? null : Math.min(100, score + half), side: line.side, imported: line.imported })) }));
      const rows = all.flatMap((line) => line.rows), days = rows.map((d) => +d.day);
      const from = Math.min(...days), span = Math.max(86_400_000 * 30, end - from);
      const course = (line) => [...line.rows, { ...line.rows[line.rows.length - 1], day: end }];
      const held = (line) => line.rows.map((d, i) => ({ ...d, until: line.rows[i + 1]?.day ?? end })).filter((d) => d.low !== null);
      const symbol = (d) => SHAPES[d.side === "proprietary" ? 3 : 0];
      const title = (d) => [d.name, `${one(d.score)}${d.low === null ? "" : `  (${one(d.low)} to ${one(d.high)})`}`, `released ${d.day.toISOString().slice(0, 10)}`,
        d.imported ? "imported, not verified here" : `best ${d.side === "open" ? "open-weights" : "proprietary"}, measured here`].join("\n");
      const top = Math.max(...rows.map((d) => d.score));
      const late = lag ? [{ from: new Date(lag[0]), to: new Date(lag[1]), score: lag[2] }] : [];
      return Plot.plot({
        width, height: small ? 150 : Math.min(420, Math.max(280, width * 0.42)), marginLeft: small ? 30 : 44, marginRight: small ? 10 : 20, marginBottom: small ? 24 : 42, marginTop: small ? 8 : 26,
        x: { type: "utc", label: small ? null : "release date of the model", labelAnchor: "center", labelArrow: "none", domain: [new Date(from - span * 0.03), new Date(+end + span * 0.02)], ticks: Math.max(2, Math.round(width / (small ? 110 : 120))) },
        y: { label: small ? null : `score, 0–100${lower ? ", lower is better" : ""}`, labelArrow: "none", nice: true, ticks: small ? 4 : 6, insetTop: 6, insetBottom: 6 },
        color: { type: "identity" }, symbol: { type: "identity" },
        marks: [
          Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
          ...all.map((line) => Plot.rect(held(line), { x1: "day", x2: "until", y1: "low", y2: "high", fill: line.hue, fillOpacity: 0.13 })),
          ...all.map((line) => Plot.line(course(line), { x: "day", y: "score", curve: "step-after", stroke: line.hue, strokeWidth: line.imported ? 1.4 : 2, strokeDasharray: line.imported ? "5 4" : null })),
          Plot.link(small ? [] : late, { x1: "from", x2: "to", y1: "score", y2: "score", stroke: "var(--warn)", strokeWidth: 2.2 }),
          Plot.dot(small ? [] : late.flatMap((d) => [{ x: d.from, y: d.score }, { x: d.to, y: d.score }]), { x: "x", y: "y", r: 9, stroke: "var(--warn)", strokeWidth: 2 }),
          Plot.dot(rows.filter((d) => d.imported), { x: "day", y: "score", stroke: (d) => hue(d.side), symbol, r: small ? 2 : 3, fill: "var(--surface)", strokeWidth: 1.4 }),
          Plot.dot(rows.filter((d) => !d.imported), { x: "day", y: "score", fill: (d) => hue(d.side), symbol, r: small ? 2.6 : 4.5, stroke: "var(--surface)", strokeWidth: 1 }),
          ...(small || !roomy ? [] : all.map((line) => line.rows[line.rows.length - 1])).map((d) => Plot.text([d], { x: "day", y: "score", text: (d) => cut(d.name.replace(/^[^/]*\//, ""), 34),
            textAnchor: (d.day - from) / span < 0.5 ? "start" : "end", dy: d.score === top ? -14 : 16, fill: INK, fontSize: 11, stroke: "var(--surface)", strokeWidth: 3 })),
          Plot.tip(rows, Plot.pointer({ x: "day", y: "score", title, ...tipStyle })),
        ],
      });
    },

    sizes({ rows, axis, more }, width) {
      const all = rows.map(([name, kind, parameters, score, half, front, pinned, stands]) => ({ name, kind, parameters, score, half, front, pinned, stands }));
      const [unit, place, some] = AXES[axis];
      const front = all.filter((d) => d.front), pinned = all.filter((d) => d.pinned);
      // Where more is better, the front lies to the right of its points' left neighbours.
      const steps = front.flatMap((d, i) => i ? [more ? { ...front[i - 1], score: d.score } : { ...d, score: front[i - 1].score }, d] : [d]);
      const title = (d) => [
        d.name, `${one(d.score)}${d.half === null ? "" : ` ± ${one(d.half)}`} at ${place(d.parameters)} ${unit}`,
        d.front ? `no model with ${more ? "more" : "less"} of it scores as high` : "", d.stands > 1 ? `drawn for ${d.stands} models that would lie here` : "",
      ].filter(Boolean).join("\n");
      const roomy = width > 560, from = Math.min(...all.map((d) => d.parameters)), to = Math.max(...all.map((d) => d.parameters));
      const named = roomy ? front.filter((d, i) => !d.pinned && (i === front.length - 1 || front[i + 1].parameters / d.parameters > 1.25)) : [];
      return Plot.plot({
        width, height: Math.min(460, Math.max(300, width * 0.5)), marginLeft: 44, marginRight: roomy ? 28 : 16, marginBottom: 42, marginTop: 26,
        x: { type: "log", label: `${unit} (logarithmic)`, labelAnchor: "center", labelArrow: "none", tickFormat: place,
          ticks: (some || (width > 480 ? [1, 3] : [1]).flatMap((n) => powers.map((e) => n * 10 ** e))).filter((x) => x >= from && x <= to), inset: 8 },
        y: { label: "suite score, 0–100", labelArrow: "none", nice: true },
        color: { type: "identity" }, symbol: { type: "identity" },
        marks: [
          Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.line(steps, { x: "parameters", y: "score", stroke: INK, strokeWidth: 1.5 }),
          Plot.dot(all.filter((d) => !d.front && !d.pinned), {
            x: "parameters", y: "score", stroke: (d) => hue(d.kind), symbol: (d) => SHAPES[d.kind === "proprietary" ? 3 : 0],
            r: 2.6, strokeOpacity: 0.55, strokeWidth: 1.2,
          }),
          Plot.ruleX([...front, ...pinned].filter((d) => d.half !== null), {
            x: "parameters", y1: (d) => d.score - d.half, y2: (d) => d.score + d.half, stroke: (d) => hue(d.kind),
          }),
          Plot.dot(front, { x: "parameters", y: "score", fill: (d) => hue(d.kind), symbol: (d) => SHAPES[d.kind === "proprietary" ? 3 : 0], r: 4.5, stroke: "var(--surface)", strokeWidth: 1 }),
          Plot.dot(pinned, { x: "parameters", y: "score", stroke: "var(--warn)", r: 8, strokeWidth: 2.2 }),
          ...sides(pinned, (d) => d.parameters, from, to, (some, textAnchor, side) => Plot.text(some, { x: "parameters", y: "score", text: (d) => cut(d.name, 34), fill: INK, textAnchor, dx: 10 * side, dy: -12, fontSize: 11, fontWeight: 600, stroke: "var(--surface)", strokeWidth: 3 })),
          ...sides(named, (d) => d.parameters, from, to, (some, textAnchor, side) => Plot.text(some, { x: "parameters", y: "score",
            text: (d) => cut(d.name.replace(/^[^/]*\//, ""), 22), fill: DIM, dy: -11, fontSize: 10, textAnchor, dx: -4 * side, stroke: "var(--surface)", strokeWidth: 3 })),
          Plot.tip(all, Plot.pointer({ x: "parameters", y: "score", title, ...tipStyle })),
        ],
      });
    },

    forest({ rows, models, tasks, margin }, width) {
      const ids = Object.keys(models), narrow = width < 560, longest = narrow ? 16 : 30;
      const place = new Map(ids.map((id, i) => [id, i % SHAPES.length]));
      const shown = tasks.filter((task) => rows.some((d) => d.task === task));
      const left = 16 + 6.2 * Math.max(5, ...shown.map((task) => Math.min(longest, task.length)));
      const reach = Math.max(2 * margin, 1, ...rows.flatMap((d) => [Math.abs(d.low), Math.abs(d.high)])) * 1.06;
      const title = (d) => `${d.model} on ${d.task}: ${d.verdict}\n${signed(d.difference)} points (${signed(d.low)} to ${signed(d.high)})`;
      const tone = (d) => HUES[place.get(d.id)];
      const lane = ids.length > 1 ? 15 : 22;
      return Plot.plot({
        width, height: 56 + shown.length * (ids.length * lane + 12), marginLeft: left, marginRight: 16, marginBottom: 42, marginTop: 6,
        x: { label: "difference to the base, points", labelAnchor: "center", labelArrow: "none", domain: [-reach, reach],
          tickFormat: (x) => x ? signed(x).replace(/\.0$/, "") : "0", ticks: Math.max(3, Math.round(width / 110)) },
        y: { type: "band", domain: ids, axis: null, padding: 0 },
        fy: { domain: shown, label: null, padding: shown.length > 1 && ids.length > 1 ? 0.14 : 0, axis: null },
        color: { type: "identity" }, symbol: { type: "identity" },
        marks: [
          Plot.rect([0], { x1: -margin, x2: margin, fill: "var(--raised)" }),
          Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.ruleX([0], { stroke: LINE, strokeWidth: 1.5 }),
          Plot.text(shown, { fy: (task) => task, frameAnchor: "left", dx: -left + 4, text: (task) => cut(task, longest), textAnchor: "start", fill: INK, fontSize: 12 }),
          Plot.link(rows, { fy: "task", x1: "low", x2: "high", y1: "id", y2: "id", stroke: tone, strokeWidth: 1.8 }),
          Plot.dot(rows, { fy: "task", x: "difference", y: "id", symbol: (d) => SHAPES[place.get(d.id)], stroke: tone,
            fill: (d) => d.verdict === "undecided" ? "var(--surface)" : tone(d), r: 4.5, strokeWidth: 1.6 }),
          Plot.tip(rows, Plot.pointer({ fy: "task", x: "difference", y: "id", title, ...tipStyle })),
        ],
      });
    },

    staircase({ corners, top, at, apis }, width) {
      const steps = corners.map(([requests, dollars]) => ({ requests, dollars }));
      const lines = apis.flatMap(([name, request], i) => [0, 1].map((end) => ({ name, key: KEYS[i], requests: end * top, dollars: end * top * request })));
      const most = Math.max(...steps.map((d) => d.dollars), at[1]) * 1.5, roomy = width > 480;
      return Plot.plot({
        width, height: Math.min(400, Math.max(280, width * 0.45)), marginLeft: 62, marginRight: 18, marginBottom: 42, marginTop: 26,
        x: { label: "requests a month", labelAnchor: "center", labelArrow: "none", domain: [0, top], tickFormat: short, ticks: roomy ? 8 : 4 },
        y: { label: "US dollars a month", labelArrow: "none", domain: [0, most], tickFormat: (y) => `$${short(y)}`, ticks: 6 },
        color: { type: "identity" },
        marks: [
          Plot.gridY({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.line(steps, { x: "requests", y: "dollars", stroke: HUES[0], strokeWidth: 2, clip: true }),
          Plot.line(lines, { x: "requests", y: "dollars", z: "name", stroke: "key", strokeWidth: 1.8, clip: true }),
          Plot.dot([at], { x: (d) => d[0], y: (d) => d[1], r: 6, stroke: "var(--ink)", strokeWidth: 2 }),
          Plot.tip(steps, Plot.pointer({ x: "requests", y: "dollars", title: (d) => [`${short(d.requests)} requests a month`, `self-hosted $${short(d.dollars)}`,
            ...apis.map(([name, request]) => `${cut(name, 30)} $${short(request * d.requests)}`)].join("\n"), ...tipStyle })),
        ],
      });
    },

    tornado({ rows, now, apis }, width) {
      const all = rows.map(([name, low, high]) => ({ name, low, high }));
      const bars = all.flatMap((d) => [{ name: d.name, x: d.low, half: true }, { name: d.name, x: d.high, half: false }]);
      const from = Math.min(now, ...bars.map((d) => d.x)), to = Math.max(now, ...bars.map((d) => d.x));
      const pad = (to - from || now || 1) * 0.06, seen = apis.map(([name, x], i) => ({ name, x, key: KEYS[i] })).filter((d) => d.x >= from - 6 * pad && d.x <= to + 6 * pad);
      const domain = [Math.max(0, Math.min(from, ...seen.map((d) => d.x)) - pad), Math.max(to, ...seen.map((d) => d.x)) + pad];
      return Plot.plot({
        width, height: 64 + all.length * 30, marginLeft: width < 560 ? 118 : 170, marginRight: 16, marginBottom: 42, marginTop: 8,
        x: { label: "US dollars for a million tokens", labelAnchor: "center", labelArrow: "none", domain, tickFormat: (x) => `$${short(x)}`, ticks: Math.max(3, Math.round(width / 120)) },
        y: { type: "band", domain: all.map((d) => d.name), label: null, padding: 0.35, tickSize: 0 },
        color: { type: "identity" },
        marks: [
          Plot.gridX({ stroke: "var(--line)", strokeOpacity: 1 }),
          Plot.link(bars, { y1: "name", y2: "name", x1: now, x2: "x", stroke: HUES[0], strokeOpacity: (d) => d.half ? 0.45 : 1, strokeWidth: 14 }),
          Plot.ruleX([now], { stroke: INK, strokeWidth: 1.5 }),
          Plot.ruleX(seen, { x: "x", stroke: "key", strokeWidth: 1.8, strokeDasharray: "5 3" }),
          Plot.tip(bars, Plot.pointer({ x: "x", y: "name", title: (d) => `${d.name} ${d.half ? "lower" : "higher"}: $${short(d.x)} a million`, ...tipStyle })),
        ],
      });
    },
  };

  function render(holder, data, width) {
    const drawn = draw[data.kind](data, width, holder.dataset.small === "yes");
    // Plot's own style element would be refused by the page's policy; parity.css has its rules.
    for (const style of drawn.querySelectorAll("style")) style.remove();
    drawn.setAttribute("aria-hidden", "true"); // the holder has the name, the table the numbers
    holder.replaceChildren(drawn);
  }

  function watch(holder) {
    // In parts that htmx replaces the data are an attribute: it takes every script element out, of data too.
    const data = JSON.parse(holder.dataset.json ?? document.getElementById(holder.dataset.chart).textContent);
    let last = 0;
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry.contentRect.width);
      if (!width || width === last) return;
      last = width;
      render(holder, data, width);
    }).observe(holder);
  }

  const watchAll = (root) => root.querySelectorAll("[data-chart]").forEach(watch);
  watchAll(document);
  document.addEventListener("htmx:afterSwap", (event) => watchAll(event.target)); // of parts that are replaced
})();
