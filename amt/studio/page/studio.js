// The page: what is shown, and what its buttons ask of the server.

import { Project, upload } from "./api.js";
import { Notices } from "./notices.js";
import { Player } from "./player.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";
import { clock, element, indexAt } from "./words.js";

const byId = (id) => document.getElementById(id);
const limits = { bytes: Number(document.body.dataset.maxBytes), takes: Number(document.body.dataset.maxTakes) };

let project = null, state = null, letter = "", timeline = null, version = 0;
let pending = [], busy = false, solo = new Set(), mutedBefore = null;
const texts = new Map();

const notices = new Notices();
const view = new View();
const player = new Player(byId("video"), (at) => showTime(at));
const lanes = new Timeline({
  edit: (row) => edit(row),
  select: (bars) => showSelection(bars),
  go: (time) => player.go(time),
  brush: () => byId("brush").value,
});

const take = () => state?.takes.find((one) => one.letter === letter);
const fail = (error) => { if (error.message) notices.alert(error.message); };
const guarded = (action) => (...values) => Promise.resolve(action(...values)).catch(fail);

// Beginning: a clip is dropped or chosen, or the address names a project.

const wishes = (form) => {
  const options = {};
  for (const [name, value] of new FormData(form)) {
    if (value === "" || name === "like") continue;
    options[name] = name === "seed" || name === "bpm" ? Number(value) : value;
  }
  return options;
};

const begin = guarded(async (file) => {
  if (!file) return;
  notices.clear();
  if (/\.json$/i.test(file.name)) return givePlan(file);
  if (file.size > limits.bytes) {
    throw new Error(`${file.name} has ${Math.ceil(file.size / 1e6)} MB, and this studio takes at most ${Math.floor(limits.bytes / 1e6)} MB: choose a shorter or smaller copy`);
  }
  if (project) await leave();
  let made;
  try {
    made = await upload(file, (share) => notices.progress(`Uploading ${file.name}`, share), (request) => notices.cancelBy(() => request.abort()));
  } finally {
    notices.done();
  }
  await open(new Project(made.id));
  await work(() => project.ask({ kind: "generate", options: wishes(byId("first")) }));
});

const givePlan = async (file) => {
  if (!project) throw new Error("drop the clip first, then the plan that was made for it");
  await work(async () => project.givePlan(await file.text()));
};

const open = async (next) => {
  project = next;
  state = await project.state();
  history.replaceState(null, "", `#${project.id}`);
  byId("clip-name").textContent = state.clip.name;
  document.title = `${state.clip.name}: amt studio`;
  lanes.frame_s = state.clip.frame_rate ? 1 / state.clip.frame_rate : 0.04;
  player.openClip(project.clip(), (refused) => { byId("no-video").hidden = !refused; byId("video").hidden = refused; });
};

const leave = async () => {
  const old = project;
  player.pause();
  player.choose(null, 0);
  byId("video").removeAttribute("src");
  project = state = timeline = null;
  letter = "";
  version = 0;
  pending = [];
  texts.clear();
  history.replaceState(null, "", location.pathname);
  view.showWork(false);
  byId("clip-name").textContent = "";
  document.title = "amt studio";
  await old.remove().catch(() => {});
};

const reopen = guarded(async () => {
  const id = location.hash.slice(1);
  if (!id) return;
  try {
    await open(new Project(id));
  } catch (error) {
    history.replaceState(null, "", location.pathname);
    project = null;
    throw error;
  }
  await show();
  const job = state.jobs.find((one) => one.state === "waiting" || one.state === "running");
  if (job) await work(async () => job);
});

// Work: a job at a time is followed; edits that come meanwhile wait and go together.

const work = async (ask) => {
  busy = true;
  view.showBusy(true);
  const current = project;
  try {
    const job = await ask();
    notices.cancelBy(() => current.cancel(job.id));
    const ended = await current.follow(job, (now) => notices.job(now));
    notices.messages(ended.messages);
    if (ended.result.take) letter = ended.result.take;
    return ended;
  } finally {
    try {
      if (current === project && project) {
        state = await project.state();
        await show(true);
      }
    } finally {
      busy = false;
      notices.done();
      view.showBusy(false);
    }
  }
};

const edit = (row) => {
  pending.push(row);
  if (!busy) flush();
};

const flush = guarded(async () => {
  while (pending.length && !busy) {
    const edits = pending;
    pending = [];
    notices.clear();
    try {
      await work(() => project.ask({ kind: "edit", take: letter, version, edits }));
    } catch (error) {
      pending = [];
      await show(true);
      throw error;
    }
  }
});

// What is shown of the project.

const show = async (anew = false) => {
  const [first] = state.takes;
  if (!first) return view.showWork(false);
  if (!take()) letter = first.letter;
  view.showWork(true);
  const now = take(), changed = anew || now.version !== version;
  version = now.version;
  view.showTakes(state.takes, letter, limits.takes, { choose, remove: removeTake, add: newTake });
  view.showFacts(now);
  const sounds = new Set(state.takes.map(soundOf).filter(Boolean));
  sounds.forEach((address) => player.load(address));
  player.keep(sounds);
  player.choose(soundOf(now), now.duration_s);
  if (changed) await showTake(now);
  showTime(player.at);
};

const soundOf = (one) => one.artefacts.includes("song.mp3") ? project.versionFile(one.letter, one.version, "song.mp3") : null;

const textOf = async (one, name) => {
  const key = `${one.letter} ${one.version} ${name}`;
  if (!texts.has(key)) texts.set(key, await project.text(one.letter, one.version, name));
  return texts.get(key);
};

const showTake = async (now) => {
  const [data, panels] = await Promise.all([textOf(now, "timeline.json"), textOf(now, "panels.html")]);
  timeline = JSON.parse(data);
  lanes.show(timeline);
  view.showPanels(panels, timeline);
  view.showTracks(timeline.tracks, solo, { mute, listen });
  byId("style").value = timeline.style;
  byId("seek").max = timeline.duration_s;
  byId("length").textContent = clock(timeline.duration_s);
  showSelection(lanes.selection);
};

const showTime = (at) => {
  if (!timeline) return;
  const bar = indexAt(timeline.bars_s, at) + 1;
  view.showTime(at, timeline, player.playing, {
    bar: `${Math.max(bar, 1)} of ${timeline.bars_s.length}`,
    chord: timeline.chords[indexAt(timeline.chords.map(([start]) => start), at)]?.[1] || "",
    mood: timeline.moods[Math.min(Math.floor(at), timeline.moods.length - 1)] || "",
  });
};

const showSelection = (bars) => {
  const words = !bars ? "No bars selected" : bars[0] === bars[1] ? `Bar ${bars[0]}` : `Bars ${bars[0]} to ${bars[1]}`;
  byId("selected").textContent = words;
  for (const id of ["again", "lock", "silence", "paint"]) byId(id).disabled = !bars;
  byId("lock").textContent = bars && allLocked(bars) ? "Unlock" : "Lock";
  byId("silence").textContent = lanes.data && lanes.isSilent() ? "Sound again" : "Silence here";
};

const allLocked = ([first, last]) => {
  for (let bar = first; bar <= last; bar++) if (!lanes.isLocked(bar)) return false;
  return true;
};

// Takes.

const choose = guarded(async (chosen) => {
  if (chosen === letter || busy && pending.length) return;
  letter = chosen;
  solo = new Set();
  await show(true);
});

const removeTake = guarded(async (gone) => {
  await project.removeTake(gone);
  state = await project.state();
  await show(true);
});

const newTake = () => {
  const dialog = byId("new-take"), form = dialog.querySelector("form");
  form.elements.style.value = timeline.style;
  form.elements.seed.value = Math.max(...state.takes.map((one) => one.seed)) + 1;
  dialog.returnValue = "";
  dialog.showModal();
};

byId("new-take").addEventListener("close", guarded(async () => {
  const dialog = byId("new-take"), form = dialog.querySelector("form"), from = letter;
  if (dialog.returnValue === "copy") await work(() => project.ask({ kind: "edit", take: from, edits: [], as_new: true }));
  if (dialog.returnValue !== "compose") return;
  const like = form.elements.like.checked ? from : null;
  await work(() => project.ask({ kind: "generate", options: wishes(form), like }));
}));

const step = guarded(async (way) => {
  if (!project || busy) return;
  state = await project.step(letter, way);
  await show(true);
});

// Parts: a muted part is left out of the music; solo mutes all the others, until it is let go.

const send = (names) => edit({ do: "mute", tracks: [...names] });

const mute = (name, isMuted) => {
  const muted = new Set(timeline.muted);
  if (isMuted) muted.add(name); else muted.delete(name);
  solo = new Set();
  send(muted);
};

const listen = (name, isSolo) => {
  if (!solo.size) mutedBefore = timeline.muted;
  if (isSolo) solo.add(name); else solo.delete(name);
  const others = timeline.tracks.map((track) => track.name).filter((one) => !solo.has(one));
  send(solo.size ? others : mutedBefore || []);
};

// Buttons and keys.

const onBars = (make) => () => {
  const bars = lanes.selection;
  if (bars) edit(make(bars, lanes.span()));
};

byId("again").addEventListener("click", onBars(([first, last]) => ({ do: "again", first, last })));
byId("lock").addEventListener("click", onBars(([first, last]) => ({ do: allLocked([first, last]) ? "unlock" : "lock", first, last })));
byId("silence").addEventListener("click", onBars((bars, span) => ({ do: lanes.isSilent() ? "sound" : "silence", ...span })));
byId("paint").addEventListener("click", onBars((bars, span) => ({ do: "mood", ...span, mood: byId("brush").value })));
byId("hit").addEventListener("click", () => hitHere());
byId("style").addEventListener("change", () => edit({ do: "style", style: byId("style").value }));
byId("undo").addEventListener("click", () => step("undo"));
byId("redo").addEventListener("click", () => step("redo"));
byId("play").addEventListener("click", () => player.toggle());
byId("video").addEventListener("click", () => player.toggle());
byId("seek").addEventListener("input", () => player.go(Number(byId("seek").value)));
byId("another").addEventListener("click", guarded(() => leave()));
byId("file").addEventListener("change", (event) => { begin(event.target.files[0]); event.target.value = ""; });
byId("panels").addEventListener("click", (event) => {
  if (timeline && !event.target.closest(".pin")) player.go(lanes.timeAt(event));
});

const hitHere = () => {
  if (timeline) edit({ do: "hit.add", time_s: Number(player.at.toFixed(3)) });
};

addEventListener("keydown", (event) => {
  if (!timeline || event.target.closest("input, select, textarea, dialog[open]")) return;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && key === "z") step(event.shiftKey ? "redo" : "undo");
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (key === " " && !event.target.closest("button, summary, a")) player.toggle();
  else if (key === "h") hitHere();
  else if (/^[1-9]$/.test(key) && state.takes[key - 1]) choose(state.takes[key - 1].letter);
  else return;
  event.preventDefault();
});

for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => { event.preventDefault(); byId("drop").classList.add("over"); });
}
addEventListener("dragleave", () => byId("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  begin(event.dataTransfer.files[0]);
});

// Another tab may have changed the project while this one was out of sight.
addEventListener("focus", guarded(async () => {
  if (!project || busy) return;
  state = await project.state();
  await show();
}));

// Downloads: what every version has is a link, the rest is made first.

byId("downloads").addEventListener("click", () => {
  byId("files-take").textContent = letter;
  byId("get-midi").href = project.file(letter, "song.mid");
  byId("get-plan").href = project.file(letter, "song.plan.json");
  byId("files").showModal();
});

for (const button of document.querySelectorAll("[data-file]")) {
  button.addEventListener("click", guarded(async () => {
    const artefact = button.dataset.file, from = letter, body = { kind: "export", take: from, artefact };
    if (artefact === "song.mp4" && byId("keep-sound").checked) body.keep_sound = -12;
    byId("files").close();
    await work(() => project.ask(body));
    const link = element("a", { href: project.file(from, artefact), download: "" });
    document.body.append(link);
    link.click();
    link.remove();
  }));
}

addEventListener("hashchange", () => location.reload());
view.onResize(() => lanes.data && lanes.show(lanes.data));
reopen();
