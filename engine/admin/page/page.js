"use strict";
(() => {
  // Everything is made with text nodes: no text of a pipeline, an error or a configuration can become markup.
  const $ = (id) => document.getElementById(id);
  const el = (tag, cls, ...kids) => {
    const n = document.createElement(tag);
    if (cls) n.className = cls;
    n.append(...kids);
    return n;
  };
  const svg = (tag, attrs = {}, ...kids) => {
    const n = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [k, v] of Object.entries(attrs)) n.setAttribute(k, v);
    n.append(...kids);
    return n;
  };
  const set = (n, text) => { if (n.textContent !== text) n.textContent = text; };
  const attr = (n, name, value) => { if (n.getAttribute(name) !== value) n.setAttribute(name, value); };

  // ---- numbers in words
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const short = (n, units, base = 1000) => {
    let i = 0;
    while (n >= base && i < units.length - 1) { n /= base; i++; }
    return (n >= 100 || i === 0 ? whole.format(n) : n.toFixed(1)) + units[i];
  };
  const count = (n) => (n < 1e6 ? whole.format(n) : short(n, ["", "k", "M", "G", "T"]));
  const rate = (n) => (n > 0 && n < 10 ? n.toFixed(1) : count(n)) + "/s";
  const bytes = (n) => short(n, [" B", " kB", " MB", " GB", " TB"]);
  const took = (s) => {
    if (!s) return "–";
    if (s < 0.001) return "<1 ms";
    if (s < 1) return `${Math.round(s * 1000)} ms`;
    return s < 60 ? `${s < 10 ? s.toFixed(1) : Math.round(s)} s` : ago(s);
  };
  const ago = (s) => {
    s = Math.max(0, Math.floor(s));
    if (s < 60) return `${s}s`;
    if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
    if (s < 86400) return `${Math.floor(s / 3600)}h ${Math.floor(s / 60) % 60}m`;
    return `${Math.floor(s / 86400)}d ${Math.floor(s / 3600) % 24}h`;
  };
  const sentence = (text) => (/^\w+\.\w/.test(text) ? text : text[0].toUpperCase() + text.slice(1)) + (/[.…]$/.test(text) ? "" : ".");
  // The end of a path says more than its beginning.
  const ending = (text, most) => {
    if (text.length <= most) return text;
    const tail = text.slice(-most), slash = tail.indexOf("/");
    return `${text.slice(0, text.indexOf(" ") + 1)}…${slash < 0 ? tail : tail.slice(slash)}`;
  };
  const plural = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
  let now = 0; // the process's clock; ours may be wrong
  const since = (t) => (now - Date.parse(t)) / 1000;

  // ---- states: a shape and a word each
  const shapes = {
    ok: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M5.2 8.2 7.2 10.2 11 6.2"],
    note: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M5.5 8h5"],
    warn: ["M8 1.8 15 14H1z", "M8 6.3v3.4M8 11.8v.1"],
    fail: ["M5.2 1.5h5.6l3.7 3.7v5.6l-3.7 3.7H5.2l-3.7-3.7V5.2z", "M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"],
  };
  const rank = { ok: 0, note: 1, warn: 2, fail: 3 };
  const words = { fail: "fail", warn: "need a look", note: "at rest", ok: "are well" };
  const glyph = (state) => {
    const g = svg("svg", { class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true" });
    redraw(g, state);
    return g;
  };
  const redraw = (g, state) => {
    if (g.dataset.shape === state) return;
    g.dataset.shape = state;
    g.replaceChildren(...shapes[state].map((d) => svg("path", { d })));
  };
  const badge = () => {
    const g = glyph("note"), w = el("span");
    const n = el("span", "badge", g, w);
    return { n, show: (state, word) => { redraw(g, state); attr(n, "data-state", state); set(w, word); } };
  };

  // ---- curves
  const W = 360, H = 54;
  const pathOf = (values, most, slots, height) => {
    const step = W / (slots - 1), top = most > 0 ? (height - 3) / most : 0;
    return values.map((v, i) => `${i ? "L" : "M"}${(W - (values.length - 1 - i) * step).toFixed(1)} ${(height - 1 - v * top).toFixed(1)}`).join("");
  };
  const areaOf = (line, n, slots, height) => (n ? `${line}V${height}H${(W - (n - 1) * W / (slots - 1)).toFixed(1)}z` : "");
  const barsOf = (values, most, slots, height) => {
    const step = W / (slots - 1);
    return values.map((v, i) => {
      if (!v) return "";
      const x = (W - (values.length - 1 - i) * step).toFixed(1);
      return `M${x} ${height}V${(height - Math.max(4, v / most * (height - 4))).toFixed(1)}`;
    }).join("");
  };
  // A process that is young has curves of its first minutes.
  const slotsOf = (status) => {
    const longest = Math.max(...[...pipes.values()].map((p) => p.history.received.length));
    return [36, 72].find((n) => n >= longest) || status.history_points;
  };
  const chart = (title, format, isBars) => {
    const value = el("b"), label = el("span", "", title);
    const area = svg("path", { class: "area" }), curve = svg("path", { class: isBars ? "bars" : "curve" });
    const plot = svg("svg", { class: "plot", viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img" }, area, curve);
    const left = el("span"), right = el("span", "", "now");
    const n = el("figure", "chart", el("figcaption", "", label, value), plot, el("div", "axis", left, right));
    let data = [], slots = 2, seconds = 5, at = -1, most = 0, latest = "";
    const read = () => {
      const i = at < 0 ? -1 : data.length - 1 - Math.round((1 - at) * (slots - 1));
      if (i >= 0 && i < data.length) {
        set(value, format(data[i]));
        set(right, `${ago((data.length - 1 - i) * seconds)} ago`);
      } else {
        set(value, latest);
        set(right, "now");
      }
    };
    plot.addEventListener("pointermove", (e) => { const r = plot.getBoundingClientRect(); at = (e.clientX - r.left) / r.width; read(); });
    plot.addEventListener("pointerleave", () => { at = -1; read(); });
    return {
      n,
      show: (values, status, current, atLeast) => {
        data = values; slots = slotsOf(status); seconds = status.history_seconds;
        const largest = Math.max(0, ...values);
        most = Math.max(values.length ? atLeast : 0, largest); // what the curve is drawn by
        latest = current;
        const line = isBars ? barsOf(values, most, slots, H) : pathOf(values, most, slots, H);
        attr(curve, "d", line);
        if (!isBars) attr(area, "d", areaOf(line, values.length, slots, H));
        set(left, `−${slots * seconds / 60} min${largest > 0 ? ` · most ${format(largest)}` : ""}`);
        attr(plot, "aria-label", `${title}, last 15 minutes: now ${current}, at most ${format(largest)}`);
        read();
      },
    };
  };

  // ---- the picture of a pipeline
  const kinds = { input: "input", processor: "processor", output: "output", fallback: "fallback", dead_letter: "dead letter" };
  const card = (s) => {
    const g = glyph("note"), word = el("span"), fact = el("div", "fact"), fact2 = el("div", "fact"), fill = el("i"), meter = el("div", "meter", fill);
    const n = el("div", "step", el("div", "role", kinds[s.role] || s.role), el("div", "type", s.name.slice(s.name.indexOf(`${s.role}.`) < 0 ? 0 : s.name.indexOf(`${s.role}.`) + s.role.length + 1)));
    if (s.about) {
      const what = el("div", "what", ending(s.about, 26));
      what.title = s.about;
      n.append(what);
    }
    n.append(el("div", "word", g, word), fact, fact2, meter);
    return {
      n,
      show: (s, p) => {
        attr(n, "data-state", s.state);
        redraw(g, s.state);
        set(word, s.word);
        const f = factsOf(s, p);
        set(fact, f.text[0] || "");
        set(fact2, f.text[1] || "");
        fact.hidden = !f.text[0];
        fact2.hidden = !f.text[1];
        meter.hidden = f.share === undefined;
        if (f.share !== undefined) fill.style.transform = `scaleX(${Math.min(1, Math.max(0, f.share)).toFixed(3)})`;
      },
    };
  };
  const factsOf = (s, p) => {
    const g = s.gauges || {}, text = [];
    let share;
    if (s.role === "input") {
      if (s.window) { text.push(`${count(s.unsettled || 0)} of ${count(s.window)} unsettled`); share = (s.unsettled || 0) / s.window; }
      if (g.queue_messages !== undefined) text.push(`${count(g.queue_messages)} wait in the queue`);
    } else if (s.role === "processor") {
      if (g.open_groups !== undefined) text.push(`${plural(g.open_groups, "open batch").replace("batchs", "batches")}, ${plural(g.open_messages || 0, "message")}`);
      if (g.fullest_ratio !== undefined) { text.push(`fullest ${Math.round(g.fullest_ratio * 100)} %`); share = g.fullest_ratio; }
      if (g.waiting_messages) text.push(`${plural(g.waiting_messages, "message")} wait`);
      if (s.rejected) text.push(`${count(s.rejected)} rejected`);
      if (s.dropped) text.push(`${count(s.dropped)} dropped`);
    } else if (s.role === "output") {
      if (s.p99) text.push(`p50 ${took(s.p50)} · p99 ${took(s.p99)}`);
      if (p.workers && !s.branch) { text.push(`${p.busy} of ${plural(p.workers, "worker")} busy`); share = p.busy / p.workers; }
    } else if (s.role === "fallback") {
      const n = backlog(s);
      text.push(n ? `${plural(n, "message")} wait` : "nothing waits");
      if (g.backlog_bytes) text.push(`${bytes(g.backlog_bytes)}${g.backlog_files ? ` in ${plural(g.backlog_files, "file")}` : ""}`);
    } else {
      text.push(g.dead_messages !== undefined ? `${count(g.dead_messages)} in its queue` : `${count(s.flow.total)} since the start`);
    }
    return { text, share };
  };
  const backlog = (s) => s.gauges?.backlog_messages ?? Math.max(0, s.flow.total - s.back.total);
  const arrow = (name) => {
    const r = el("span", "rate"), b = el("span", "bytes"), line = el("div", "line", el("i"));
    const n = el("div", "arrow", r, line, b);
    if (name) n.prepend(el("span", "way", name));
    return {
      n,
      show: (f) => {
        set(r, rate(f.messages));
        set(b, f.bytes ? `${bytes(f.bytes)}/s` : "");
        n.classList.toggle("still", !(f.messages > 0));
        n.classList.toggle("fast", f.messages >= 1000);
      },
    };
  };
  const branch = () => {
    const main = el("div"), sub = el("span"), n = el("div", "drop", el("div", "v"), el("div", "label", main, sub));
    n.firstChild.setAttribute("aria-hidden", "true");
    return { n, show: (text, under, moves, back) => {
      set(main, text); set(sub, under);
      n.classList.toggle("still", !moves && !back);
      n.classList.toggle("back", back && !moves);
    } };
  };
  const place = (n, col, row, wide = 1) => { n.style.gridColumn = `${col} / span ${wide}`; n.style.gridRow = String(row); };
  const picture = (p) => {
    const n = el("div", "flow"), shows = [];
    n.setAttribute("role", "group");
    n.setAttribute("aria-label", `The way of the messages of ${p.name}`);
    const of = (way, role) => p.steps.filter((s) => (s.branch || "") === way && s.role === role);
    const add = (part, col, row) => { place(part.n, col, row); n.append(part.n); return part; };
    const live = (name, part) => shows.push((q) => { const s = q.steps.find((s) => s.name === name); if (s) part.show(s, q); });
    const inputs = el("div", "inputs");
    for (const s of of("", "input")) { const c = card(s); inputs.append(c.n); live(s.name, c); }
    place(inputs, 1, 1);
    n.append(inputs);
    const columns = ["max-content"];
    const at = {};
    // A chain of cards with arrows before them, from a column on.
    const line = (chain, first, row, name) => chain.forEach((s, i) => {
      const col = first + 2 * i;
      const a = add(arrow(i ? "" : name), col, row);
      shows.push((q) => { const t = q.steps.find((t) => t.name === s.name); if (t) a.show(t.flow); });
      at[s.name] = col + 1;
      const c = add(card(s), at[s.name], row);
      live(s.name, c);
      n.lastChild.dataset.step = s.name;
      while (columns.length < at[s.name]) columns.push("minmax(84px, 1fr)", "max-content");
    });
    // What takes over when an output fails, and what is taken out: below the chain.
    const below = (way, chain, row) => {
      const out = of(way, "output")[0];
      for (const s of of(way, "fallback")) {
        const d = add(branch(), at[out.name], row + 1), c = add(card(s), at[out.name], row + 2);
        c.n.classList.add("branch");
        live(s.name, c);
        shows.push((q) => {
          const t = q.steps.find((t) => t.name === s.name), back = t.back.messages > 0, in_ = t.flow.messages > 0;
          d.show(back ? `${rate(t.back.messages)} come home` : `${rate(t.flow.messages)} fall back`, back && in_ ? `${rate(t.flow.messages)} fall back` : "when it fails", in_, back);
        });
      }
      const from = chain.find((s) => s.rejects) || chain.filter((s) => s.role === "processor").at(-1) || out;
      for (const s of of(way, "dead_letter")) {
        let col = from ? at[from.name] : 1;
        if (from === out && of(way, "fallback").length) col = Math.max(1, at[out.name] - 2);
        const d = add(branch(), col, row + 1), c = add(card(s), col, row + 2);
        if (out && col < at[out.name]) place(d.n, col, row + 1, 2); // its label is long, and nothing else is below the arrow behind
        c.n.classList.add("branch");
        live(s.name, c);
        const why = from?.rejects ? "rejected, or never storable" : "never storable";
        shows.push((q) => {
          const t = q.steps.find((t) => t.name === s.name);
          d.show(`${rate(t.flow.messages)} · ${count(t.flow.total)} in all`, why, t.flow.messages > 0, false);
        });
      }
    };
    const common = [...of("", "processor"), ...of("", "output")];
    line(common, 2, 1, "");
    below("", common, 1);
    [...new Set(p.steps.map((s) => s.branch).filter(Boolean))].forEach((name, i) => {
      const chain = [...of(name, "processor"), ...of(name, "output")];
      line(chain, 2 + 2 * common.length, 1 + 3 * i, name);
      below(name, chain, 1 + 3 * i);
    });
    n.style.gridTemplateColumns = columns.join(" ");
    return { n, show: (q) => shows.forEach((f) => f(q)) };
  };

  // ---- figures
  const tile = (label) => {
    const v = el("dd"), sub = el("dd", "sub"), n = el("div", "", el("dt", "", label), v, sub);
    return { n, show: (text, under = "", state = "ok", zero = false) => { set(v, text); set(sub, under); attr(n, "data-state", state); v.classList.toggle("zero", zero); } };
  };
  const figures = () => {
    const t = {};
    const n = el("dl", "facts");
    for (const [key, label] of [["unsettled", "Unsettled"], ["fill", "Batch fill"], ["latency", "Write latency"], ["late", "Until it is stored"], ["writes", "Writes"],
      ["outage", "Outages of the output"], ["held", "Held"], ["fallback", "Fallback"], ["dead", "Dead letters"], ["again", "Reconnects"]]) {
      t[key] = tile(label);
      n.append(t[key].n);
    }
    return { n, show: (p) => showFigures(t, p) };
  };
  // What several branches have of one role, as one: sums, and the worst.
  const merged = (all) => {
    if (all.length < 2) return all[0];
    const sum = (f) => all.reduce((n, s) => n + (f(s) || 0), 0);
    const worst = (f) => all.reduce((a, b) => ((f(b) || 0) > (f(a) || 0) ? b : a));
    const slowest = worst((s) => s.p99), gauges = {}, by = {};
    for (const s of all) {
      for (const [k, v] of Object.entries(s.gauges || {})) gauges[k] = (gauges[k] || 0) + v;
      for (const [k, v] of Object.entries(s.failed_by || {})) by[k] = (by[k] || 0) + v;
    }
    const rates = (f) => ({ messages: sum((s) => f(s).messages), total: sum((s) => f(s).total) });
    return {
      p50: slowest.p50, p99: slowest.p99, writes: sum((s) => s.writes), failed: sum((s) => s.failed), failed_by: by, outages: sum((s) => s.outages),
      down_seconds: sum((s) => s.down_seconds), failing: all.map((s) => s.failing).filter(Boolean).sort()[0], gauges,
      flow: rates((s) => s.flow), back: rates((s) => s.back), state: worst((s) => ["ok", "note", "warn", "fail"].indexOf(s.state)).state,
    };
  };
  const showFigures = (t, p) => {
    const of = (role) => merged(p.steps.filter((s) => s.role === role));
    const out = of("output"), fb = of("fallback"), dead = of("dead_letter"), stages = p.steps.filter((s) => s.gauges?.open_groups !== undefined);
    const stage = stages.length ? stages.reduce((a, b) => ((b.gauges.fullest_ratio || 0) > (a.gauges.fullest_ratio || 0) ? b : a)) : undefined;
    t.unsettled.show(count(p.unsettled), p.oldest ? `oldest ${ago(since(p.oldest))} · ${bytes(p.unsettled_bytes)}` : "nothing waits", "ok", !p.unsettled);
    t.fill.n.hidden = !stage;
    if (stage) t.fill.show(stage.gauges.fullest_ratio !== undefined ? `${Math.round(stage.gauges.fullest_ratio * 100)} %` : count(stage.gauges.open_messages), `${count(stage.gauges.open_groups)} open, ${count(stage.gauges.open_messages || 0)} messages`);
    t.latency.show(out?.p99 ? `${took(out.p50)} · ${took(out.p99)}` : "–", "p50 · p99, last 5 min", "ok", !out?.p99);
    t.late.show(p.lateness_p99 ? `${took(p.lateness_p50)} · ${took(p.lateness_p99)}` : "–", "p50 · p99, last 5 min", "ok", !p.lateness_p99);
    const failed = out?.failed || 0;
    t.writes.show(count(out?.writes || 0), failed ? `${count(failed)} failed: ${classes(out)}` : "none failed", "ok", !out?.writes);
    t.outage.show(out?.failing ? `for ${ago(since(out.failing))}` : count(out?.outages || 0), out?.outages ? `${count(out.outages)} in all, ${ago(out.down_seconds)}` : "none since the start", out?.failing ? "fail" : "ok", !out?.outages);
    t.held.show(count(p.held || 0), p.held ? `${bytes(p.held_bytes || 0)}, tried again` : "nothing is stuck", p.held ? "fail" : "ok", !p.held);
    t.fallback.n.hidden = !fb;
    if (fb) t.fallback.show(count(backlog(fb)), `${count(fb.flow.total)} in, ${count(fb.back.total)} home${p.refused ? `, ${count(p.refused)} refused` : ""}`, backlog(fb) ? "warn" : "ok", !backlog(fb));
    t.dead.n.hidden = !dead;
    if (dead) t.dead.show(count(p.dead_letters), dead.gauges?.dead_messages !== undefined ? `${count(dead.gauges.dead_messages)} in the queue` : p.last_dead_letter ? `last ${ago(since(p.last_dead_letter))} ago` : "none lately", dead.state, !p.dead_letters);
    const lost = p.steps.reduce((n, s) => n + (s.lost || 0), 0);
    t.again.show(count(p.reconnects), lost ? `${plural(lost, "connection")} lost` : "no connection lost", "ok", !p.reconnects);
  };
  const classes = (s) => Object.entries(s.failed_by || {}).sort((a, b) => b[1] - a[1]).slice(0, 3).map(([k, v]) => `${k} ${count(v)}`).join(", ");

  // ---- the last errors, and the configuration
  const errorTable = () => {
    const head = el("tr");
    for (const [h, cls] of [["Last", ""], ["Where", ""], ["Class", ""], ["What", ""], ["Times", "count"]]) {
      const th = el("th", cls, h);
      th.scope = "col";
      head.append(th);
    }
    const rows = el("tbody"), none = el("p", "muted", "None since the start."), table = el("table", "", el("thead", "", head), rows);
    const n = el("section", "", el("h3", "", "Last errors"), none, table);
    return { n, show: (p) => {
      const all = p.errors || [];
      none.hidden = all.length > 0;
      table.hidden = !all.length;
      while (rows.children.length < all.length) rows.append(el("tr", "", el("td"), el("td"), el("td"), el("td", "text"), el("td", "count")));
      while (rows.children.length > all.length) rows.lastChild.remove();
      all.forEach((e, i) => {
        const cells = rows.children[i].children;
        [`${ago(since(e.last))} ago`, e.step, e.class, e.text, count(e.count)].forEach((text, k) => set(cells[k], text));
        cells[0].title = e.last;
      });
    } };
  };
  const configOf = (name) => {
    const pre = el("pre", "", "…");
    pre.tabIndex = 0;
    const n = el("details", "", el("summary", "", "Configuration in effect"), pre);
    n.addEventListener("toggle", async () => {
      if (!n.open) return;
      try {
        const answer = await fetch(`/api/config/${encodeURIComponent(name)}`, { cache: "no-store" });
        if (!answer.ok) throw new Error("it is not known here");
        pre.replaceChildren(...(await answer.text()).split("\n").flatMap((l) => {
          const i = l.lastIndexOf("# default");
          return i < 0 ? [l + "\n"] : [l.slice(0, i), el("span", "c", l.slice(i)), "\n"];
        }));
      } catch (e) {
        set(pre, `The configuration cannot be read: ${e.message}`);
      }
    });
    return n;
  };

  // ---- one pipeline: a row, and what is behind it
  const pipes = new Map();
  const opened = new Map(); // what somebody opened or closed, by name
  const newPipe = (name) => {
    const b = badge(), why = el("span", "why"), title = el("span", "name", name);
    const nums = ["in", "out", "un", "age"].map((k) => ({ n: el("span", `num ${k}${k === "in" || k === "un" ? " key" : ""}`, el("b"), el("i")) }));
    const curve = svg("path", { class: "curve" }), area = svg("path", { class: "area" });
    const mini = svg("svg", { class: "mini", viewBox: `0 0 ${W} 26`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, curve);
    const caret = svg("svg", { class: "caret", viewBox: "0 0 10 10", "aria-hidden": "true" }, svg("path", { d: "M3 1.5 7 5 3 8.5" }));
    const row = el("button", "row", caret, el("span", "state", b.n), title, why, ...nums.map((x) => x.n), mini);
    row.type = "button";
    const n = el("section", "pipe", el("h2", "", row));
    n.setAttribute("aria-label", `pipeline ${name}`);
    n.dataset.name = name;
    const pipe = { n, row, name, history: { received: [], written: [], unsettled: [], errors: [] }, body: null, state: "", shape: "" };
    const num = (i, text, unit, zero) => { const [v, u] = nums[i].n.children; set(v, text); set(u, unit); v.classList.toggle("zero", zero); };
    pipe.show = (p, status) => {
      attr(n, "data-state", p.state);
      b.show(p.state, p.word);
      set(why, (p.says || [])[0] || "");
      why.hidden = !why.textContent || (isOpen(name) && p.state !== "note" && p.state !== "ok"); // open, it stands below
      row.title = [name, ...(p.says || [])].join("\n");
      num(0, rate(p.received.messages), "received", !p.received.messages);
      num(1, rate(p.written.messages), "written", !p.written.messages);
      num(2, count(p.unsettled), "unsettled", !p.unsettled);
      num(3, p.oldest ? ago(since(p.oldest)) : "–", "oldest", !p.oldest);
      const h = pipe.history.received, slots = slotsOf(status), line = pathOf(h, Math.max(...h, 0.1), slots, 26);
      attr(curve, "d", line);
      attr(area, "d", areaOf(line, h.length, slots, 26));
      pipe.expand(isOpen(name), p);
      if (pipe.body) pipe.body.show(p, status);
    };
    pipe.expand = (open, p) => {
      attr(row, "aria-expanded", String(open));
      const shape = p.steps.map((s) => s.name + s.kind + s.about + s.rejects).join();
      if (pipe.body && (!open || shape !== pipe.shape)) { pipe.body.n.remove(); pipe.body = null; }
      if (open && !pipe.body) {
        pipe.shape = shape;
        pipe.body = newBody(p, pipe);
        n.append(pipe.body.n);
      }
    };
    row.addEventListener("click", () => { opened.set(name, !isOpen(name)); render(); });
    return pipe;
  };
  const isOpen = (name) => opened.get(name) ?? (pipes.size <= 3);
  // The picture stands upright where it has no room to lie: nobody finds what a box inside of the page hides beside it.
  const lays = (flow) => {
    let needs = 0;
    const fit = () => {
      if (!flow.classList.contains("tall")) needs = flow.scrollWidth;
      flow.classList.toggle("tall", flow.clientWidth > 0 && (needs > flow.clientWidth || window.innerWidth <= 760));
    };
    new ResizeObserver(fit).observe(flow);
  };
  const newBody = (p, pipe) => {
    const says = el("ul", "says"), pic = picture(p), facts = figures(), errors = errorTable(), life = el("p", "muted life");
    const c = { received: chart("Received", rate), written: chart("Written", rate), unsettled: chart("Unsettled", count), errors: chart("Errors", count, true) };
    const n = el("div", "body", says, pic.n, facts.n, el("div", "charts", ...Object.values(c).map((x) => x.n)), errors.n, configOf(p.name), life);
    lays(pic.n);
    return { n, show: (p, status) => {
      const all = p.says || [];
      says.hidden = !all.length;
      while (says.children.length < all.length) says.append(el("li", "", glyph("note"), el("span")));
      while (says.children.length > all.length) says.lastChild.remove();
      all.forEach((text, i) => {
        const li = says.children[i], state = i ? "warn" : p.state;
        attr(li, "data-state", state);
        redraw(li.firstChild, state);
        set(li.lastChild, sentence(text));
      });
      pic.show(p);
      facts.show(p);
      errors.show(p);
      const h = pipe.history, most = Math.max(...h.received, ...h.written, 0.1);
      c.received.show(h.received, status, rate(p.received.messages), most);
      c.written.show(h.written, status, rate(p.written.messages), most);
      c.unsettled.show(h.unsettled, status, count(p.unsettled), 1);
      c.errors.show(h.errors, status, `${count(h.errors.reduce((a, b) => a + b, 0))} in 15 min`, 1);
      set(life, `${p.phase} for ${ago(since(p.since))}${p.starts > 1 ? `, started ${count(p.starts)} times` : ""} · ${count(p.received.total)} received, ${count(p.written.total)} written`);
    } };
  };

  // ---- the whole
  let status = null, fresh = true, version = "";
  const totals = {};
  for (const [key, label] of [["in", "Received"], ["out", "Written"], ["un", "Unsettled"], ["dead", "Dead letters"], ["err", "Errors, 15 min"]]) {
    const v = el("dd");
    $("totals").append(el("div", "", el("dt", "", label), v));
    totals[key] = v;
  }
  const filter = { text: "", state: "all" };
  const chips = {};
  for (const [key, label] of [["all", "All"], ["fail", "Fail"], ["warn", "Need a look"], ["note", "At rest"], ["ok", "Well"]]) {
    const input = el("input"), text = el("span"), n = el("label", "", input, ...(shapes[key] ? [glyph(key)] : []), text);
    input.type = "radio";
    input.name = "state";
    input.checked = key === "all";
    input.addEventListener("change", () => { filter.state = key; render(); });
    if (shapes[key]) n.dataset.state = key;
    $("chips").append(n);
    chips[key] = { n, show: (c) => { set(text, `${label} ${c}`); n.hidden = !c && key !== "all" && filter.state !== key; } };
  }
  $("filter").addEventListener("input", (e) => { filter.text = e.target.value.trim().toLowerCase(); render(); });
  document.addEventListener("keydown", (e) => {
    const typing = e.target instanceof HTMLInputElement && e.target.type === "search";
    if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey && !$("tools").hidden) { e.preventDefault(); $("filter").focus(); }
    if (e.key === "Escape" && typing) { e.target.value = ""; filter.text = ""; render(); }
  });

  const take = (next) => {
    if (version && next.version !== version) return location.reload(); // another program answers: its page may be another, too
    version = next.version;
    status = next;
    now = Date.parse(status.now);
    const seen = new Set();
    for (const p of status.pipelines) {
      seen.add(p.name);
      if (!pipes.has(p.name)) pipes.set(p.name, newPipe(p.name));
      const h = pipes.get(p.name).history;
      for (const k of Object.keys(h)) h[k] = (fresh ? [] : h[k]).concat(p.history[k] || []).slice(-status.history_points);
    }
    for (const [name, pipe] of pipes) if (!seen.has(name)) { pipe.n.remove(); pipes.delete(name); }
    fresh = false;
    announce();
    render();
  };

  // Only a change of a state is read out.
  const announce = () => {
    const changed = [];
    for (const p of status.pipelines) {
      const pipe = pipes.get(p.name);
      if (pipe.state && pipe.state !== p.state + p.word) changed.push(`${p.name}: ${p.word}`);
      pipe.state = p.state + p.word;
    }
    if (changed.length) $("say").textContent = changed.slice(0, 5).join(". ");
  };

  const render = () => {
    if (!status) return;
    const all = status.pipelines, sum = (f) => all.reduce((n, p) => n + f(p), 0), by = { ok: 0, note: 0, warn: 0, fail: 0 };
    for (const p of all) by[p.state]++;
    header(all, by);
    set(totals.in, rate(sum((p) => p.received.messages)));
    set(totals.out, rate(sum((p) => p.written.messages)));
    set(totals.un, count(sum((p) => p.unsettled)));
    set(totals.dead, count(sum((p) => p.dead_letters)));
    set(totals.err, count([...pipes.values()].reduce((n, p) => n + p.history.errors.reduce((a, b) => a + b, 0), 0)));
    $("tools").hidden = all.length < 6;
    $("pipes").classList.toggle("dense", all.length >= 6);
    $("heads").hidden = all.length < 6;
    chips.all.show(all.length);
    for (const k of Object.keys(by)) chips[k].show(by[k]);
    const order = all.map((p, i) => ({ p, i })).sort((a, b) => rank[b.p.state] - rank[a.p.state] || a.i - b.i);
    let shown = 0;
    for (const { p } of order) {
      const pipe = pipes.get(p.name);
      pipe.n.hidden = !(p.name.includes(filter.text) && (filter.state === "all" || filter.state === p.state));
      if (!pipe.n.hidden) { shown++; pipe.show(p, status); }
    }
    arrange(order.map(({ p }) => pipes.get(p.name).n));
    set($("shown"), shown < all.length ? `${shown} of ${all.length} shown` : "trouble stands on top");
    $("none").hidden = shown > 0;
    set($("none"), all.length ? "No pipeline is like that." : "No pipeline runs here.");
  };

  // What is focused keeps the focus when it moves.
  const arrange = (nodes) => {
    const host = $("pipes"), focused = document.activeElement;
    let moved = false;
    nodes.forEach((n, i) => { if (host.children[i] !== n) { host.insertBefore(n, host.children[i] || null); moved = true; } });
    if (moved && focused && focused !== document.activeElement && host.contains(focused)) focused.focus({ preventScroll: true });
  };

  let icon = "";
  const header = (all, by) => {
    const state = status.state, sumBox = $("sum");
    sumBox.hidden = false;
    attr(sumBox, "data-state", state);
    const trouble = ["fail", "warn"].filter((k) => by[k]);
    let text;
    $("refused").hidden = !status.refused;
    if (status.refused) set($("refused"), `Reload refused: ${status.refused.cause}. All goes on as before, for ${ago(since(status.refused.since))}; logpipe could not be started anew with these files.`);
    if (!all.length) text = "No pipeline runs here";
    else if (trouble.length && all.length === 1) text = `${all[0].name}: ${all[0].word}`;
    else if (trouble.length) text = trouble.map((k) => `${by[k]} of ${all.length} ${words[k].replace(/^(fail|need)/, by[k] === 1 ? "$1s" : "$1")}`).join(", ");
    else if (status.refused) text = "The reload is refused";
    else if (by.ok) text = all.length === 1 ? "All is well" : by.note ? `${by.ok} of ${all.length} are well, ${by.note} at rest` : `All ${all.length} pipelines are well`;
    else text = all.length === 1 ? `${all[0].name}: ${all[0].word}` : `All ${all.length} pipelines are at rest`;
    const v = $("verdict");
    if (!v.firstChild) v.append(glyph(state), el("span"));
    redraw(v.firstChild, state);
    set(v.lastChild, text);
    set($("about"), [status.version, status.host, `up ${ago(since(status.started))}`].filter(Boolean).join(" · "));
    document.title = `${{ ok: "✓", note: "–", warn: "▲", fail: "✕" }[state]} ${text} · logpipe`;
    if (icon !== state) {
      icon = state;
      const colour = { ok: "%231b7347", note: "%23586473", warn: "%23d59a1c", fail: "%23c5352c" }[state];
      const paths = shapes[state].map((d, i) => `<path d='${d}' fill='${i ? "none" : colour}' stroke='${i ? "white" : colour}' stroke-width='${i ? 2 : 1}' stroke-linecap='round'/>`).join("");
      $("icon").href = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${paths}</svg>`;
    }
  };

  // ---- the line to the process
  let source = null, heard = 0, gone = 0, ended = false, wait = 1000;
  const connect = () => {
    if (source) source.close();
    source = new EventSource("/events");
    heard = performance.now();
    source.addEventListener("open", () => { fresh = true; });
    source.addEventListener("status", (e) => {
      heard = performance.now();
      wait = 1000;
      ended = false;
      online();
      take(JSON.parse(e.data));
    });
    source.addEventListener("end", () => { ended = true; offline(); });
    source.addEventListener("error", () => {
      offline();
      if (source.readyState === EventSource.CLOSED) later();
    });
  };
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(connect, wait);
    wait = Math.min(wait * 1.5, 5000);
  };
  const online = () => {
    gone = 0;
    document.body.classList.remove("stale");
    $("lost").hidden = true;
    attr($("live"), "data-state", "on");
    set($("live-text"), "live");
  };
  const offline = () => {
    if (!gone) gone = Date.now();
    document.body.classList.add("stale");
    attr($("live"), "data-state", "off");
    set($("live-text"), "not connected");
    $("lost").hidden = false;
    set($("lost"), (ended ? "logpipe has ended, or its status page was turned off." : "The connection to logpipe is lost.") +
      (status ? ` What is shown is from ${new Date(gone).toLocaleTimeString()}.` : "") + " It is tried again; this page comes back by itself.");
    document.title = "not connected · logpipe";
  };
  // A connection can die without a word. There is an event every second, so silence says the same.
  setInterval(() => {
    if (source && performance.now() - heard > 6000) { offline(); connect(); }
  }, 1000);
  if (location.hash.length > 1 && location.hash !== "#main") {
    const name = decodeURIComponent(location.hash.slice(1));
    opened.set(name, true);
    const look = new MutationObserver(() => {
      const pipe = pipes.get(name);
      if (pipe?.body) { look.disconnect(); pipe.n.scrollIntoView(); pipe.row.focus(); }
    });
    look.observe($("pipes"), { childList: true, subtree: true });
  }
  connect();
})();
