// The HTTP interface: every call answers with JSON, or throws an error that is one sentence.

const JOBS_MS = 250;

const answered = async (response) => {
  if (response.status === 204) return null;
  const body = await response.json().catch(() => ({ error: `the server answered ${response.status}` }));
  if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
  return body;
};

const call = async (method, path, body) => {
  const init = { method };
  if (body !== undefined) {
    init.body = typeof body === "string" ? body : JSON.stringify(body);
    init.headers = { "content-type": "application/json" };
  }
  let response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error("the server does not answer: is amt studio still running?");
  }
  return answered(response);
};

export class Project {
  constructor(id) {
    this.id = id;
    this.path = `/api/projects/${id}`;
  }

  state() { return call("GET", this.path); }
  remove() { return call("DELETE", this.path); }
  ask(body) { return call("POST", `${this.path}/jobs`, body); }
  givePlan(text) { return call("POST", `${this.path}/plans`, text); }
  cancel(job) { return call("DELETE", `${this.path}/jobs/${job}`); }
  step(take, way) { return call("POST", `${this.path}/takes/${take}/${way}`); }
  removeTake(take) { return call("DELETE", `${this.path}/takes/${take}`); }
  clip() { return `${this.path}/clip`; }
  file(take, name) { return `${this.path}/takes/${take}/${name}`; }
  versionFile(take, version, name) { return `${this.path}/takes/${take}/versions/${version}/${name}`; }

  async text(take, version, name) {
    const response = await fetch(this.versionFile(take, version, name));
    if (!response.ok) return answered(response);
    return response.text();
  }

  // Follow a job to its end; `show` gets its state whenever it was asked for.
  async follow(job, show) {
    let state = job;
    while (state.state === "waiting" || state.state === "running") {
      show(state);
      await new Promise((resolve) => setTimeout(resolve, JOBS_MS));
      state = await call("GET", `${this.path}/jobs/${job.id}`);
    }
    if (state.state === "failed") throw new Error(state.error);
    return state;
  }
}

// Uploads by XMLHttpRequest, as fetch does not say how far it is.
export const upload = (file, progress, begin) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(), form = new FormData();
    form.append("clip", file, file.name);
    request.open("POST", "/api/projects");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve(request.response);
      else reject(new Error(request.response?.error || `the server answered ${request.status}`));
    });
    request.addEventListener("error", () => reject(new Error("the upload broke off: the file may be too large, or the server was ended")));
    request.addEventListener("abort", () => reject(new Error("")));
    begin(request);
    request.send(form);
  });
