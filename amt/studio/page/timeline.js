// The lanes in which things are done by hand: bars, hit points, sections, moods, silences.
// Nothing is decided here: every gesture becomes an edit of the plan, which the server applies.

import { clock, element, indexAt } from "./words.js";

const MOODS = ["exciting", "fearful", "tense", "sad", "relaxing", "neutral"];
const FRAME_S = 0.04, KEYS_REST_MS = 700, DRAG_PX = 3;

const byId = (id) => document.getElementById(id);

export class Timeline {
  // `edit` takes an edit; `select` gets the selected bars; `go` moves the playhead.
  constructor({ edit, select, go, brush }) {
    Object.assign(this, { edit, select, go, brush });
    this.data = null;
    this.selection = null;
    this.active = 1;
    this.anchor = 1;
    this.frame_s = FRAME_S;
    this.lanes = Object.fromEntries(["bars", "hits", "sections", "moods", "silences"].map((name) => [name, byId(`lane-${name}`)]));
    this.listenToBars();
    this.listenToMoods();
    this.lanes.hits.addEventListener("dblclick", (event) => {
      if (!event.target.closest(".hit")) this.edit({ do: "hit.add", time_s: this.timeAt(event) });
    });
  }

  show(data) {
    this.data = data;
    const bars = data.bars_s.length;
    if (this.selection) this.selectBars(Math.min(this.selection[0], bars), Math.min(this.selection[1], bars));
    this.drawBars();
    this.drawHits();
    this.drawSections();
    this.drawMoods();
    this.drawSilences();
  }

  timeAt(event) {
    const box = this.lanes.bars.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * this.data.duration_s;
  }

  percent(time) { return `${(100 * time) / this.data.duration_s}%`; }
  barStart(bar) { return this.data.bars_s[bar - 1]; }
  barEnd(bar) { return bar < this.data.bars_s.length ? this.data.bars_s[bar] : this.data.duration_s; }
  barAt(time) { return Math.max(1, indexAt(this.data.bars_s, time) + 1); }
  nearestBar(time) {
    const distance = (start) => Math.abs(start - time);
    return this.data.bars_s.reduce((best, start, i) => (distance(start) < distance(this.data.bars_s[best]) ? i : best), 0) + 1;
  }

  place(made, start, end) {
    made.style.left = this.percent(start);
    if (end !== undefined) made.style.width = this.percent(end - start);
    return made;
  }

  // Bars: a list box of which a run is selected.

  isLocked(bar) { return this.data.locked.some(([first, last]) => first <= bar && bar <= last); }

  drawBars() {
    const lane = this.lanes.bars, had = lane.scrollLeft;
    lane.textContent = "";
    const { bars_s } = this.data;
    for (let bar = 1; bar <= bars_s.length; bar++) {
      const locked = this.isLocked(bar), again = this.data.rewrites.some(([first, last]) => first <= bar && bar <= last);
      const made = element("div", { role: "option", id: `bar-${bar}`, class: `bar${locked ? " locked" : ""}${again ? " anew" : ""}`, "aria-selected": "false" });
      made.append(element("b", {}, String(bar)));
      made.setAttribute("aria-label", `Bar ${bar}, ${clock(this.barStart(bar), 1)}${locked ? ", locked" : ""}${again ? ", composed again" : ""}`);
      lane.append(this.place(made, this.barStart(bar), this.barEnd(bar)));
    }
    lane.scrollLeft = had;
    this.markBars();
  }

  markBars() {
    const [first, last] = this.selection || [0, -1];
    for (const made of this.lanes.bars.children) {
      const bar = Number(made.id.slice(4)), chosen = first <= bar && bar <= last;
      made.setAttribute("aria-selected", String(chosen));
      made.classList.toggle("active", bar === this.active);
    }
    if (this.data) this.lanes.bars.setAttribute("aria-activedescendant", `bar-${this.active}`);
  }

  selectBars(first, last) {
    this.selection = first ? [Math.min(first, last), Math.max(first, last)] : null;
    this.markBars();
    this.select(this.selection);
  }

  span() {
    return this.selection && { start_s: this.barStart(this.selection[0]), end_s: this.barEnd(this.selection[1]) };
  }

  listenToBars() {
    const lane = this.lanes.bars;
    lane.addEventListener("keydown", (event) => this.onBarKey(event));
    lane.addEventListener("pointerdown", (event) => {
      if (event.button || !this.data) return;
      this.active = this.barAt(this.timeAt(event));
      if (!event.shiftKey) this.anchor = this.active;
      this.selectBars(this.anchor, this.active);
      this.go(this.barStart(Math.min(this.anchor, this.active)));
      this.drag(event, (moved) => {
        this.active = this.barAt(this.timeAt(moved));
        this.selectBars(this.anchor, this.active);
      });
    });
  }

  onBarKey(event) {
    if (!this.data || event.altKey) return;
    const bars = this.data.bars_s.length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -4, ArrowDown: 4, Home: -bars, End: bars };
    if (event.key in steps) {
      this.active = Math.min(Math.max(this.active + steps[event.key], 1), bars);
      if (!event.shiftKey) this.anchor = this.active;
      this.selectBars(this.anchor, this.active);
      byId(`bar-${this.active}`).scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key.toLowerCase() === "a" && (event.ctrlKey || event.metaKey)) {
      this.anchor = 1;
      this.active = bars;
      this.selectBars(1, bars);
    } else if (event.key === "Escape") {
      this.selectBars(0, 0);
    } else if (event.key === "Enter") {
      this.go(this.barStart(this.active));
    } else return;
    event.preventDefault();
  }

  // Follow a pointer until it is let go; `end` is called where it has moved.
  drag(event, move, end = () => {}) {
    const target = event.currentTarget, from = event.clientX;
    let moved = false;
    target.setPointerCapture(event.pointerId);
    const onMove = (next) => {
      moved = moved || Math.abs(next.clientX - from) >= DRAG_PX;
      if (moved) move(next);
    };
    const onEnd = (last) => {
      for (const [name, listener] of listeners) target.removeEventListener(name, listener);
      if (moved || last.type === "pointercancel") end(last, last.type === "pointercancel");
    };
    const listeners = [["pointermove", onMove], ["pointerup", onEnd], ["pointercancel", onEnd]];
    for (const [name, listener] of listeners) target.addEventListener(name, listener);
  }

  // Hit points, and the cuts of the clip for orientation.

  drawHits() {
    const lane = this.lanes.hits;
    const focused = document.activeElement?.classList.contains("hit") ? Number(document.activeElement.dataset.time) : null;
    lane.textContent = "";
    for (const cut of this.data.cuts) {
      const mark = element("i", { class: `cut ${cut.kind}`, title: `${cut.kind} at ${clock(cut.time_s, 1)}` });
      mark.style.height = `${30 + 70 * cut.strength}%`;
      lane.append(this.place(mark, cut.time_s));
    }
    if (!this.data.hits.length) lane.append(element("span", { class: "lane-hint" }, "double-click for a hit point, or press H"));
    for (const hit of this.data.hits) lane.append(this.hitHandle(hit));
    if (focused === null) return;
    const near = [...lane.querySelectorAll(".hit")].sort((a, b) => Math.abs(a.dataset.time - focused) - Math.abs(b.dataset.time - focused))[0];
    near?.focus();
  }

  hitHandle(hit) {
    const handle = element("button", { type: "button", role: "slider", class: `hit${hit.met ? "" : " unmet"}`, "aria-valuemin": 0, "aria-valuemax": this.data.duration_s, "aria-label": "Hit point", "data-time": hit.time_s });
    const from = hit.time_s;
    const show = (time) => {
      handle.setAttribute("aria-valuenow", time.toFixed(3));
      handle.setAttribute("aria-valuetext", `${clock(time, 2)}${hit.met ? "" : ", no bar line is there"}`);
      handle.title = clock(time, 2);
      this.place(handle, time);
    };
    const move = (to) => this.edit({ do: "hit.move", time_s: from, to_s: Number(to.toFixed(4)) });
    show(from);
    this.slide(handle, { value: from, step: this.frame_s, show, commit: move, remove: () => this.edit({ do: "hit.remove", time_s: from }), valueAt: (time) => time });
    return handle;
  }

  // Borders of sections.

  drawSections() {
    const lane = this.lanes.sections, { sections, duration_s } = this.data;
    lane.textContent = "";
    sections.forEach((section, i) => {
      const end = i + 1 < sections.length ? sections[i + 1].time_s : duration_s;
      const words = [section.label, section.mood].filter(Boolean).join(" · ");
      const block = element("span", { class: `block mood e${MOODS.indexOf(section.mood)}`, title: words });
      block.append(element("b", {}, words));
      lane.append(this.place(block, section.time_s, end));
    });
    for (const section of sections.slice(1)) if (section.bar) lane.append(this.borderHandle(section));
  }

  borderHandle(section) {
    const handle = element("button", { type: "button", role: "slider", class: "border", "aria-valuemin": 2, "aria-valuemax": this.data.bars_s.length, "aria-label": `Where section ${section.label || section.mood} begins` });
    const show = (bar) => {
      handle.setAttribute("aria-valuenow", bar);
      handle.setAttribute("aria-valuetext", `bar ${bar}`);
      handle.title = `bar ${bar}`;
      this.place(handle, this.barStart(bar));
    };
    const commit = (bar) => bar !== section.bar && this.edit({ do: "section.move", bar: section.bar, to: bar });
    show(section.bar);
    this.slide(handle, { value: section.bar, step: 1, show, commit, valueAt: (time) => Math.max(2, this.nearestBar(time)) });
    return handle;
  }

  // A handle that is dragged, or moved by keys; keys are sent when they have rested for a moment.
  slide(handle, { value, step, show, commit, remove, valueAt }) {
    let now = value, timer = 0;
    const low = Number(handle.getAttribute("aria-valuemin")), high = Number(handle.getAttribute("aria-valuemax"));
    handle.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      handle.focus();
      this.drag(event, (moved) => show((now = valueAt(this.timeAt(moved)))), (last, isCancelled) => {
        if (isCancelled) show((now = value));
        else commit(now);
      });
    });
    const send = () => {
      clearTimeout(timer);
      timer = 0;
      if (now !== value) commit(now);
    };
    handle.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10 };
      if (event.key in keys) {
        const steps = keys[event.key] * (event.shiftKey ? 10 : 1);
        show((now = Math.min(Math.max(now + steps * step, low), high)));
        clearTimeout(timer);
        timer = setTimeout(send, KEYS_REST_MS);
      } else if (event.key === "Enter") send();
      else if ((event.key === "Delete" || event.key === "Backspace") && remove) remove();
      else return;
      event.preventDefault();
    });
    handle.addEventListener("blur", () => timer && send());
  }

  // Moods, painted with the chosen one.

  drawMoods() {
    const lane = this.lanes.moods, { moods, duration_s } = this.data;
    lane.textContent = "";
    for (let start = 0; start < moods.length; ) {
      let end = start + 1;
      while (end < moods.length && moods[end] === moods[start]) end++;
      const block = element("span", { class: `block mood e${MOODS.indexOf(moods[start])}`, title: `${moods[start]}, from ${clock(start)}` });
      block.append(element("b", {}, moods[start]));
      lane.append(this.place(block, start, Math.min(end, duration_s)));
      start = end;
    }
  }

  listenToMoods() {
    const lane = this.lanes.moods;
    lane.addEventListener("pointerdown", (event) => {
      if (event.button || !this.data) return;
      const from = this.timeAt(event), mood = this.brush();
      const paint = element("span", { class: `block mood paint e${MOODS.indexOf(mood)}` });
      paint.append(element("b", {}, mood));
      const ends = (time) => [Math.floor(Math.min(from, time)), Math.min(Math.ceil(Math.max(from, time)), this.data.duration_s)];
      this.drag(event, (moved) => {
        lane.append(this.place(paint, ...ends(this.timeAt(moved))));
      }, (last, isCancelled) => {
        const [start_s, end_s] = ends(this.timeAt(last));
        if (isCancelled) paint.remove();
        else this.edit({ do: "mood", start_s, end_s, mood });
      });
    });
  }

  // Stretches without music.

  drawSilences() {
    const lane = this.lanes.silences;
    lane.textContent = "";
    for (const [start_s, end_s] of this.data.silences) {
      const words = `Silence from ${clock(start_s, 1)} to ${clock(end_s, 1)}: let the music sound again`;
      const block = element("button", { type: "button", class: "silence", "aria-label": words, title: words }, "silence ×");
      block.addEventListener("click", () => this.edit({ do: "sound", start_s, end_s }));
      lane.append(this.place(block, start_s, end_s));
    }
    lane.classList.toggle("empty", !this.data.silences.length);
  }

  isSilent() {
    const span = this.span();
    return Boolean(span) && this.data.silences.some(([start, end]) => start < span.end_s - 0.01 && span.start_s + 0.01 < end);
  }
}
