// What the page shows of a take: takes, facts, parts, panels, and the playhead through them.

import { clock, element } from "./words.js";

const byId = (id) => document.getElementById(id);
const MOST_PIXELS = 100000, SMALLEST_VIEW_S = 4;

export class View {
  constructor() {
    this.zoom = 1;
    this.duration = 0;
    this.heads = [];
    this.bars = [];
    this.parts = [];
    byId("in").addEventListener("click", () => this.zoomTo(this.zoom * 2));
    byId("out").addEventListener("click", () => this.zoomTo(this.zoom / 2));
    byId("whole").addEventListener("click", () => this.zoomTo(1));
  }

  onResize(listener) {
    addEventListener("resize", () => { this.layout(); listener(); });
  }

  showWork(isShown) {
    byId("welcome").hidden = isShown;
    byId("work").hidden = !isShown;
    byId("takes").hidden = !isShown;
    document.querySelector(".top-actions").hidden = !isShown;
  }

  showBusy(isBusy) {
    document.body.classList.toggle("busy", isBusy);
    byId("work").setAttribute("aria-busy", String(isBusy));
  }

  showTakes(takes, letter, most, { choose, remove, add }) {
    const box = byId("takes"), focused = document.activeElement?.dataset?.take;
    box.textContent = "";
    takes.forEach((take, i) => {
      const chosen = take.letter === letter;
      const button = element("button", { type: "button", "aria-pressed": String(chosen), "data-take": take.letter, "aria-keyshortcuts": String(i + 1), title: `${take.style}, seed ${take.seed}, ${take.key}` }, `Take ${take.letter}`);
      button.addEventListener("click", () => choose(take.letter));
      box.append(button);
      if (chosen && takes.length > 1) {
        const gone = element("button", { type: "button", class: "remove", "aria-label": `Remove take ${take.letter}`, title: `Remove take ${take.letter}` }, "×");
        gone.addEventListener("click", () => remove(take.letter));
        box.append(gone);
      }
    });
    const more = element("button", { type: "button", id: "add-take", "aria-haspopup": "dialog" }, "New take…");
    more.disabled = takes.length >= most;
    more.addEventListener("click", add);
    box.append(more);
    if (focused) box.querySelector(`[data-take="${focused}"]`)?.focus();
  }

  showFacts(take) {
    const [low, high] = take.tempo_bpm.map(Math.round);
    const tempo = low === high ? `${low}` : `${low} to ${high}`;
    byId("facts").textContent = `${take.key} · ${tempo} beats a minute · ${take.bars} bars · ${take.notes} notes · seed ${take.seed}`;
    byId("silent").textContent = take.silent;
    byId("silent").hidden = !take.silent;
    for (const way of ["undo", "redo"]) {
      byId(way).disabled = !take[way];
      byId(way).title = take[way] ? `${way === "undo" ? "Undo" : "Do again"}: ${take[way]}` : "";
    }
  }

  showTracks(tracks, solo, { mute, listen }) {
    const list = byId("tracks");
    const focused = document.activeElement?.dataset?.part;
    list.textContent = "";
    // A part keeps its place when it is muted, and its colour is that of its notes in the panel.
    const names = tracks.map((track) => track.name);
    if (!names.every((name) => this.parts.includes(name))) this.parts = names;
    const colour = new Map(tracks.filter((track) => track.notes).map((track, i) => [track.name, `t${i % 8}`]));
    const placed = [...tracks].sort((a, b) => this.parts.indexOf(a.name) - this.parts.indexOf(b.name));
    placed.forEach((track) => {
      const row = element("li", { class: track.muted ? "muted" : "" });
      row.append(element("i", { class: `swatch ${colour.get(track.name) || "none"}` }), element("span", { class: "part" }, track.name));
      row.append(element("span", { class: "count" }, track.muted ? "muted" : `${track.notes} notes`));
      const toggles = [["Mute", "M", track.muted, mute], ["Solo", "S", solo.has(track.name), listen]];
      for (const [word, sign, on, act] of toggles) {
        const button = element("button", { type: "button", "aria-pressed": String(on), "aria-label": `${word} ${track.name}`, title: word, "data-part": `${word} ${track.name}` }, sign);
        button.addEventListener("click", () => act(track.name, !on));
        row.append(button);
      }
      list.append(row);
    });
    if (focused) [...list.querySelectorAll("button")].find((one) => one.dataset.part === focused)?.focus();
  }

  showPanels(html, timeline) {
    const box = byId("timeline"), at = box.scrollLeft;
    byId("panels").innerHTML = html;
    this.duration = timeline.duration_s;
    this.bars = timeline.bars_s;
    this.heads = [...document.querySelectorAll("#lanes .head")];
    this.layout();
    box.scrollLeft = at;
  }

  showTime(at, timeline, isPlaying, words) {
    const left = `${(100 * at) / timeline.duration_s}%`;
    for (const head of this.heads) head.style.left = left;
    byId("seek").value = at;
    const here = { now: clock(at, 1), ...words };
    for (const id in here) if (byId(id).textContent !== here[id]) byId(id).textContent = here[id];
    byId("seek").setAttribute("aria-valuetext", `${here.now}, bar ${words.bar}`);
    const play = byId("play"), name = isPlaying ? "Pause" : "Play";
    if (play.getAttribute("aria-label") !== name) {
      play.setAttribute("aria-label", name);
      play.textContent = isPlaying ? "❚❚" : "▶";
    }
    if (isPlaying && this.zoom > 1) this.follow(at);
  }

  follow(at) {
    const box = byId("timeline"), x = (at / this.duration) * byId("lanes").clientWidth;
    if (x < box.scrollLeft || x > box.scrollLeft + box.clientWidth * 0.95) box.scrollLeft = x - box.clientWidth * 0.1;
  }

  mostZoom() {
    return Math.max(1, Math.min(this.duration / SMALLEST_VIEW_S, MOST_PIXELS / byId("timeline").clientWidth));
  }

  zoomTo(zoom) {
    const box = byId("timeline"), lanes = byId("lanes");
    const middle = (box.scrollLeft + box.clientWidth / 2) / lanes.clientWidth;
    this.zoom = Math.min(Math.max(zoom, 1), this.mostZoom());
    this.layout();
    box.scrollLeft = middle * lanes.clientWidth - box.clientWidth / 2;
  }

  // What depends on the width: which pictures and words find room.
  layout() {
    if (!this.duration) return;
    const box = byId("timeline"), lanes = byId("lanes");
    const view = box.clientWidth, width = view * this.zoom;
    lanes.style.width = `${width}px`;
    lanes.style.setProperty("--view", `${view}px`);
    const thumbs = [...lanes.querySelectorAll(".thumb")];
    const ratio = thumbs[0]?.naturalWidth ? thumbs[0].naturalWidth / thumbs[0].naturalHeight : 1.78;
    const keep = Math.max(1, Math.round((72 * ratio * thumbs.length) / width));
    thumbs.forEach((thumb, i) => { thumb.hidden = i % keep !== 0; });
    const blocks = [...lanes.querySelectorAll("#panels .block, .lane .block")];
    const roomy = blocks.map((block) => block.firstChild.scrollWidth <= block.clientWidth);
    blocks.forEach((block, i) => block.classList.toggle("tight", !roomy[i]));
    const step = width / this.bars.length, every = Math.max(1, Math.ceil(26 / step));
    lanes.style.setProperty("--bar-step", String(every));
    [...lanes.querySelectorAll(".bar")].forEach((bar, i) => bar.classList.toggle("unnamed", i % every !== 0));
    lanes.classList.toggle("dense", step < 6);
    byId("out").disabled = byId("whole").disabled = this.zoom <= 1;
    byId("in").disabled = this.zoom >= this.mostZoom();
  }
}
