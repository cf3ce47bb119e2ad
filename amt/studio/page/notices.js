// Sentences and progress: what a job is doing, what it has to say, and what went wrong.

import { shortened } from "./words.js";

const STAGES = {
  watching: "Watching the clip", composing: "Composing", arranging: "Writing the notes",
  rendering: "Playing the notes", drawing: "Drawing the panels", filming: "Making the film",
};
const KINDS = { generate: "A new take", edit: "Your edit", plan: "The plan", export: "The file", open: "The clip" };

export class Notices {
  constructor() {
    const byId = (id) => document.getElementById(id);
    this.box = byId("progress");
    this.words = byId("progress-words");
    this.bar = byId("progress-bar");
    this.alertBox = byId("alert");
    this.noteBox = byId("note");
    this.cancel = () => {};
    byId("cancel").addEventListener("click", () => this.cancel());
  }

  alert(sentence) {
    this.alertBox.textContent = shortened(sentence.charAt(0).toUpperCase() + sentence.slice(1));
  }

  messages(sentences) {
    const lines = sentences.map((sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1));
    this.noteBox.textContent = lines.join(". ");
  }

  clear() { this.alertBox.textContent = this.noteBox.textContent = ""; }

  progress(words, share) {
    this.box.hidden = false;
    if (this.words.textContent !== words) this.words.textContent = words;
    if (share === null) this.bar.removeAttribute("value");
    else this.bar.value = share;
  }

  job(job) {
    const what = KINDS[job.kind] || "Work";
    if (job.state === "waiting") {
      const ahead = job.ahead === 0 ? "is next in the queue" : `waits for ${job.ahead} ${job.ahead === 1 ? "job" : "jobs"} before it`;
      return this.progress(`${what} ${ahead}`, null);
    }
    return this.progress(`${what}: ${STAGES[job.stage] || "Beginning"}`, job.stage ? job.share : null);
  }

  cancelBy(cancel) { this.cancel = cancel; }

  done() {
    this.box.hidden = true;
    this.words.textContent = "";
    this.cancel = () => {};
  }
}
