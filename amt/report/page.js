"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const lanes = byId("lanes"), timeline = byId("timeline"), seek = byId("seek"), play = byId("play");
  const heads = [...document.querySelectorAll(".head")];
  const thumbs = [...document.querySelectorAll(".thumb")];
  const blocks = [...document.querySelectorAll(".block")];
  const bars = document.querySelector("#cuts .plot");
  const rulers = [...document.querySelectorAll(".ruler")];
  const LONG_S = 600, VIEW_S = 300, SMALLEST_VIEW_S = 4, MOST_PIXELS = 200000;
  const NO_DRIFT_S = 0.006, SMALL_DRIFT_S = 0.02, LARGE_DRIFT_S = 0.08, MOST_DRIFT_S = 0.4;
  let at = 0, sound = null, clip = null, frame = 0;
  // Of a long clip the first minutes are shown, and the rest is reached by scrolling.
  let zoom = data.duration > LONG_S ? data.duration / VIEW_S : 1;

  const mostZoom = () =>
    Math.max(1, Math.min(data.duration / SMALLEST_VIEW_S, MOST_PIXELS / timeline.clientWidth));

  // The last of some rising times that has come.
  const indexAt = (times, t) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= t + 1e-6) low = middle + 1; else high = middle;
    }
    return low - 1;
  };

  const clock = (t) => {
    const s = Math.floor(t + 1e-6), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    const two = (n) => String(n).padStart(2, "0");
    return (h ? h + ":" + two(m) : m) + ":" + two(s % 60);
  };

  const show = () => {
    const left = (100 * at) / data.duration + "%";
    for (const head of heads) head.style.left = left;
    seek.value = at;
    const bar = indexAt(data.bars, at) + 1;
    const text = {
      now: clock(at),
      bar: bar + " of " + data.bars.length,
      chord: data.chords[1][indexAt(data.chords[0], at)] || "",
      mood: data.moods[1][indexAt(data.moods[0], at)] || "",
    };
    for (const id in text) if (byId(id).textContent !== text[id]) byId(id).textContent = text[id];
    seek.setAttribute("aria-valuetext", text.now + ", bar " + bar);
    const still = thumbs[Math.min(thumbs.length - 1, Math.floor((thumbs.length * at) / data.duration))];
    if (still && byId("still").src !== still.src) byId("still").src = still.src;
  };

  const go = (t) => {
    at = Math.min(Math.max(t, 0), data.duration);
    if (sound) sound.currentTime = at;
    if (clip) clip.currentTime = at;
    show();
  };

  // The music is the clock; where there is none, or no more of it, the clip is.
  const leader = () => (sound && !(sound.ended && clip) ? sound : clip);
  const isPlaying = () => leader() !== null && !leader().paused;

  // The clip is brought back to the music by a little speed, which nobody sees, or by a jump. The
  // speed changes rarely, as browsers stumble at each change.
  const steer = () => {
    if (!clip || clip.ended || clip.seeking) return;
    if (leader() === clip) return void (clip.playbackRate = 1);
    const drift = clip.currentTime - sound.currentTime, size = Math.abs(drift);
    if (size > MOST_DRIFT_S) clip.currentTime = sound.currentTime;
    let change = size > LARGE_DRIFT_S ? 0.25 : size > SMALL_DRIFT_S ? 0.1 : null;
    if (size < NO_DRIFT_S || (clip.playbackRate > 1) === (drift > 0)) change = change || 0;
    if (change === null) return;
    const rate = 1 - Math.sign(drift) * change;
    if (clip.playbackRate !== rate) clip.playbackRate = rate;
  };

  // Keep the playhead in view when only a part of the clip is.
  const follow = () => {
    const x = (at / data.duration) * lanes.clientWidth;
    if (zoom > 1 && (x < timeline.scrollLeft || x > timeline.scrollLeft + timeline.clientWidth * 0.95))
      timeline.scrollLeft = x - timeline.clientWidth * 0.1;
  };

  const step = () => {
    if (!isPlaying()) return;
    at = Math.min(leader().currentTime, data.duration);
    steer();
    show();
    follow();
    frame = requestAnimationFrame(step);
  };

  const word = (t, text, css) => {
    const mark = document.createElement("span");
    mark.className = css;
    mark.style.left = (100 * t) / data.duration + "%";
    mark.textContent = text;
    return mark;
  };

  const drawRulers = (width) => {
    const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
    const every = steps.find((s) => (s / data.duration) * width >= 70) || 3600;
    for (const ruler of rulers) {
      ruler.textContent = "";
      for (let t = 0; t < data.duration; t += every) {
        ruler.append(word(t, clock(t) + (t % 1 ? ".5" : ""), "label"));
      }
    }
  };

  const numberBars = (width) => {
    const every = Math.max(1, Math.ceil((60 * data.bars.length) / width));
    for (const old of bars.querySelectorAll(".low")) old.remove();
    for (let i = 0; i < data.bars.length; i += every)
      bars.append(word(data.bars[i], (i ? "" : "bar ") + (i + 1), "label low"));
    lanes.classList.toggle("dense", width / data.bars.length < 6);
  };

  // What depends on the width: which pictures and words find room.
  const layout = () => {
    const style = getComputedStyle(timeline);
    const view = timeline.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const width = view * zoom;
    lanes.style.width = width + "px";
    lanes.style.setProperty("--view", view + "px");
    const slot = width / thumbs.length;
    const keep = Math.max(1, Math.round(thumbs[0].clientHeight * (thumbs[0].naturalWidth / thumbs[0].naturalHeight || 1.78) / slot));
    thumbs.forEach((thumb, i) => { thumb.hidden = i % keep !== 0; });
    const roomy = blocks.map((block) => block.firstChild.scrollWidth <= block.clientWidth);
    blocks.forEach((block, i) => block.classList.toggle("tight", !roomy[i]));
    drawRulers(width);
    numberBars(width);
    byId("out").disabled = byId("all").disabled = zoom <= 1;
    byId("in").disabled = zoom >= mostZoom();
  };

  const zoomTo = (to) => {
    zoom = Math.min(Math.max(to, 1), mostZoom());
    layout();
    timeline.scrollLeft = (at / data.duration) * lanes.clientWidth - timeline.clientWidth / 2;
  };

  const bytesOf = (text) => {
    const coded = atob(text), bytes = new Uint8Array(coded.length);
    for (let i = 0; i < coded.length; i++) bytes[i] = coded.charCodeAt(i);
    return bytes;
  };

  const start = () => {
    if (at >= data.duration) go(0);
    if (clip && !clip.ended) clip.play().catch(() => {});
    if (sound && !sound.ended) sound.play().catch(() => {});
  };

  const toggle = () => {
    if (!isPlaying()) return start();
    if (sound) sound.pause();
    if (clip) clip.pause();
  };

  // Whatever started or stopped the leader, a key of the keyboard for instance, the other follows.
  const mark = () => {
    const playing = isPlaying();
    play.textContent = playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", playing ? "Pause" : "Play");
    if (playing && clip && clip.paused && !clip.ended) clip.play().catch(() => {});
    cancelAnimationFrame(frame);
    if (playing) return step();
    if (clip && leader() !== clip) {
      clip.pause();
      clip.playbackRate = 1;
      clip.currentTime = sound.currentTime;
    }
  };

  const watch = (medium) => {
    for (const event of ["play", "pause", "ended"]) medium.addEventListener(event, mark);
  };

  const openSound = () => {
    const text = byId("sound").textContent;
    if (!text) return;
    sound = new Audio(URL.createObjectURL(new Blob([bytesOf(text)], { type: "audio/mpeg" })));
    sound.preload = "auto";
    watch(sound);
  };

  const openClip = () => {
    const video = byId("clip");
    if (!video) return;
    const text = byId("clip-data").textContent;
    if (text) video.src = URL.createObjectURL(new Blob([bytesOf(text)]));
    const refuse = () => {
      clip = null;
      video.pause();
      video.hidden = true;
      byId("still").hidden = byId("clip-note").hidden = false;
      byId("stage").classList.add("alone");
      layout();
    };
    // Of a codec that it does not know a browser plays the sound alone, without a picture's width;
    // and some servers give a file from its beginning only, which leaves nothing to seek.
    const accept = () => {
      const ranges = video.seekable;
      if (!video.videoWidth || !ranges.length || !ranges.end(0)) return refuse();
      clip = video;
      clip.currentTime = at;
      byId("still").hidden = true;
      play.disabled = false;
      watch(clip);
      layout();
    };
    video.addEventListener("error", refuse);
    video.addEventListener("click", toggle);
    if (video.error) refuse();
    else if (video.readyState > 0) accept();
    else video.addEventListener("loadedmetadata", accept, { once: true });
  };

  lanes.addEventListener("click", (event) => {
    if (event.target.closest(".pin")) return;
    const box = lanes.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width) * data.duration);
  });
  addEventListener("keydown", (event) => {
    if (event.key !== " " || event.target.closest("button, summary") || !leader()) return;
    event.preventDefault();
    toggle();
  });
  play.addEventListener("click", toggle);
  seek.addEventListener("input", () => { go(Number(seek.value)); follow(); });
  byId("in").addEventListener("click", () => zoomTo(zoom * 2));
  byId("out").addEventListener("click", () => zoomTo(zoom / 2));
  byId("all").addEventListener("click", () => zoomTo(1));
  addEventListener("resize", layout);
  addEventListener("load", layout);
  openSound();
  openClip();
  layout();
  show();
})();
