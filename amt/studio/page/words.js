// Times and lists.

export const clock = (time, decimals = 0) => {
  const unit = 10 ** decimals, units = Math.round(time * unit), whole = Math.floor(units / unit);
  const seconds = String(whole % 60).padStart(2, "0");
  const tail = decimals ? "." + String(units % unit).padStart(decimals, "0") : "";
  return `${Math.floor(whole / 60)}:${seconds}${tail}`;
};

// Index of the last of some rising times that has come.
export const indexAt = (times, time) => {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time + 1e-6) low = middle + 1; else high = middle;
  }
  return low - 1;
};

export const element = (tag, attributes = {}, text = "") => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
};

const LONG_MOST = 200;
export const shortened = (text) => (text.length > LONG_MOST ? text.slice(0, LONG_MOST) + "…" : text);
