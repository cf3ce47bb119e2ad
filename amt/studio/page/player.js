// Plays the clip with the music of one take after another, at the same moment.
// The music is the clock; the clip is brought back to it by a little speed, or by a jump.

const SMALL_DRIFT_S = 0.02, LARGE_DRIFT_S = 0.08, MOST_DRIFT_S = 0.4, NO_DRIFT_S = 0.006;

export class Player {
  constructor(video, show) {
    this.video = video;
    this.show = show;
    this.sounds = new Map();
    this.sound = null;
    this.duration = 0;
    this.at = 0;
    this.playing = false;
    this.frame = 0;
    this.hasPicture = false;
  }

  openClip(address, refused) {
    const accept = () => {
      this.hasPicture = this.video.videoWidth > 0;
      refused(!this.hasPicture);
      this.seekVideo();
    };
    this.video.onloadedmetadata = accept;
    this.video.onerror = () => { this.hasPicture = false; refused(true); };
    this.video.src = address;
  }

  // Make ready the sound at an address; it is kept, so that changing takes has no gap.
  load(address) {
    if (!address || this.sounds.has(address)) return;
    const sound = new Audio(address);
    sound.preload = "auto";
    sound.addEventListener("ended", () => { if (sound === this.sound) this.stopAtEnd(); });
    this.sounds.set(address, sound);
  }

  // Let go of what is not among some addresses.
  keep(addresses) {
    for (const [address, sound] of this.sounds) {
      if (addresses.has(address) || sound === this.sound) continue;
      sound.removeAttribute("src");
      this.sounds.delete(address);
    }
  }

  choose(address, duration) {
    this.load(address);
    const next = address ? this.sounds.get(address) : null;
    this.duration = duration;
    if (next === this.sound) return;
    const before = this.sound;
    if (before && !before.paused) this.at = before.currentTime;
    if (next) {
      next.currentTime = Math.min(this.at, duration);
      if (this.playing) next.play().catch(() => this.pause());
    }
    if (before) before.pause();
    this.sound = next;
    this.show(this.at);
  }

  go(time) {
    this.at = Math.min(Math.max(time, 0), this.duration);
    if (this.sound) this.sound.currentTime = this.at;
    this.seekVideo();
    this.show(this.at);
  }

  seekVideo() {
    if (this.hasPicture) this.video.currentTime = Math.min(this.at, this.video.duration || this.at);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.start();
  }

  start() {
    if (!this.sound && !this.hasPicture) return;
    if (this.at >= this.duration - 0.05) this.go(0);
    this.playing = true;
    if (this.sound) this.sound.play().catch(() => this.pause());
    if (this.hasPicture) this.video.play().catch(() => {});
    this.show(this.at);
    this.step();
  }

  pause() {
    this.playing = false;
    cancelAnimationFrame(this.frame);
    if (this.sound) this.sound.pause();
    if (this.hasPicture) this.video.pause();
    this.seekVideo();
    this.show(this.at);
  }

  stopAtEnd() {
    this.at = this.duration;
    this.pause();
  }

  step() {
    cancelAnimationFrame(this.frame);
    if (!this.playing) return;
    const leader = this.sound || this.video;
    if (!leader.seeking) this.at = Math.min(leader.currentTime, this.duration);
    this.steer();
    this.show(this.at);
    if (!this.sound && this.video.ended) return this.stopAtEnd();
    this.frame = requestAnimationFrame(() => this.step());
  }

  steer() {
    const { video, sound } = this;
    if (!this.hasPicture || !sound || video.ended || video.seeking) return;
    const drift = video.currentTime - sound.currentTime, size = Math.abs(drift);
    if (size > MOST_DRIFT_S) video.currentTime = sound.currentTime;
    let change = size > LARGE_DRIFT_S ? 0.25 : size > SMALL_DRIFT_S ? 0.1 : null;
    if (size < NO_DRIFT_S) change = 0;
    if (change === null) return;
    const rate = 1 - Math.sign(drift) * change;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }
}
