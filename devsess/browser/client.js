// A session of devsess in a browser: requests with its tokens, renewed once for all tabs.
// A lock of all tabs guards each renewal. The tokens of a tab are numbered by the instant of their
// renewal, and the tab holds a shared lock of that name: so the holder of the first lock sees, without
// waiting for messages, whether other tabs have newer ones. Nothing is stored.

const EXPIRED = "invalid_token";
const STEP_UP = "insufficient_user_authentication";
// The ends of a renewal.
const [ENDED, RENEWED, BY_OTHERS] = [0, 1, 2];
const { locks } = navigator;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class RenewalError extends Error {
  name = "RenewalError";
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const challengeOf = (response) => {
  const text = response.status === 401 && response.headers.get("WWW-Authenticate");
  const found = text && /Bearer realm="devsess"(.*)/i.exec(text);
  return found ? Object.fromEntries(found[1].matchAll(/([a-z_]+)="([^"]*)"/g).map((it) => it.slice(1))) : null;
};

const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

// By its own unverified word: good for telling two users apart, and for nothing else.
const userOf = ({ access }) => {
  try {
    return JSON.parse(atob(access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub;
  } catch {
    return undefined;
  }
};

// Described in client.d.ts.
export class SessionClient extends EventTarget {
  #url;
  #name;
  #bearer;
  #session; // the id of the one that this page is for; null: of none yet; undefined: of any
  #channel; // null once it is closed
  #tokens = {};
  #at = 0; // the renewal that this tab knows
  #due = Infinity;
  #live;
  #ready;
  #unmark;
  #asking;
  #last = Promise.resolve();

  constructor({ endpoints = "/auth", bearer = false, session } = {}) {
    super();
    this.#url = new URL(endpoints.replace(/\/*$/, "/"), location.href);
    this.#name = `devsess ${this.#url} ${bearer ? "bearer" : "cookie"}`;
    this.#bearer = bearer;
    this.#session = session;
    this.#live = !bearer;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#ready = this.#begin();
    // A page that holds a lock is not kept for the way back.
    addEventListener("pagehide", () => this.#unmark?.());
    addEventListener("pageshow", (event) => {
      if (event.persisted && this.#channel) this.#ready = this.#begin();
    });
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== this.#url.origin) return fetch(request);
    await this.#ready;
    // If this fails, the rest of the token's life may be enough.
    if (Date.now() >= this.#due) await this.renew().catch(() => {});
    return this.#send(request, (used) => this.#alone(() => this.#renewed(used)), true);
  }

  async renew() {
    await this.#ready;
    const used = this.#at;
    return (await this.#alone(() => this.#renewed(used))) !== ENDED;
  }

  async exchange(input, init) {
    const given = new Request(input, init);
    // All tabs wait for it.
    const request = new Request(given, { signal: AbortSignal.any([given.signal, AbortSignal.timeout(30000)]) });
    if (new URL(request.url).origin !== this.#url.origin) throw new TypeError("this goes to another origin");
    await this.#ready;
    return this.#alone(async () => {
      await this.#catchUp();
      const response = await this.#send(request, (used) => this.#renewed(used), false);
      if (response.ok) {
        const members = parsed(await response.clone().text());
        if (!this.#bearer || members?.refresh_token) await this.#adopt(members ?? {});
        if (this.#session === null) await this.#list(); // the answer did not name it
      }
      return response;
    });
  }

  async accounts() {
    await this.#ready;
    return this.#list();
  }

  async switchTo(slot) {
    await this.#ready;
    return this.#alone(async () => {
      await this.#catchUp();
      const response = await this.#post("accounts/switch", { account: slot });
      if (!response.ok) throw new RenewalError("not switched", response.status);
      const { account: found } = await response.json();
      this.#session = null; // so that it names one from now on
      await this.#adopt(found, true);
      return found;
    });
  }

  async signOut({ forgetDevice = false, allAccounts = false } = {}) {
    await this.#ready;
    return this.#alone(async () => {
      await this.#catchUp();
      const response = await this.#post(allAccounts ? "accounts/logout" : "logout", { forget_device: forgetDevice });
      if (response.status !== 204 && !challengeOf(response)) throw new RenewalError("not signed out", response.status);
      this.#end("signout", this.#at, forgetDevice);
    });
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
    this.#unmark?.();
  }

  async #send(request, renew, asks) {
    const tried = {};
    const user = userOf(this.#tokens);
    for (;;) {
      const used = this.#at;
      const response = await this.#checked(fetch(this.#dressed(request.clone())));
      const challenge = challengeOf(response);
      if (!challenge) return response;
      const { error } = challenge;
      if (error === EXPIRED && !tried[error]) {
        const by = await renew(used);
        if (by === ENDED) return response;
        tried[error] = by === RENEWED;
      } else if (error === STEP_UP && asks && !tried[error]) {
        tried[error] = this.#at === used;
        if (tried[error] && !(await this.#steppedUp(challenge))) return response;
      } else {
        // One that comes late says nothing about a later sign-in.
        if (!error && this.#live && this.#at === used) this.#end("ended", used);
        return response;
      }
      if (userOf(this.#tokens) !== user) return response; // somebody else has signed in meanwhile
      response.body?.cancel();
    }
  }

  #dressed(request) {
    if (!this.#bearer) {
      request = new Request(request, { credentials: "include" });
      if (this.#session) request.headers.set("Devsess-Session", this.#session);
      return request;
    }
    const { access, device } = this.#tokens;
    if (access) request.headers.set("Authorization", `Bearer ${access}`);
    if (device) request.headers.set("Devsess-Device", device);
    return request;
  }

  #post(name, members) {
    const { refresh, device } = this.#tokens;
    const body = this.#bearer ? { ...members, refresh_token: refresh, device_token: device } : members;
    const request = new Request(new URL(name, this.#url), {
      method: "POST",
      redirect: "error",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(15000),
    });
    return this.#checked(fetch(this.#bearer ? request : this.#dressed(request)));
  }

  async #checked(asked) {
    const response = await asked;
    if (response.status === 409 && parsed(await response.clone().text())?.error === "another_session") this.dispatchEvent(new Event("switched"));
    return response;
  }

  async #list() {
    const response = await fetch(this.#dressed(new Request(new URL("accounts", this.#url))));
    if (!response.ok) throw new RenewalError("no accounts", response.status);
    const { accounts } = await response.json();
    this.#session ??= accounts.find((it) => it.current)?.session.sessionId ?? null;
    return accounts;
  }

  // The callers of all that renews below hold the lock.

  async #renewed(used) {
    await this.#catchUp();
    if (this.#at !== used) return BY_OTHERS;
    if (this.#bearer && !this.#tokens.refresh) return ENDED;
    const refresh = async () => {
      const response = await this.#post("refresh", {});
      return [response, await response.text()];
    };
    const [response, text] = await refresh().catch(refresh); // a lost answer is given again
    const members = response.ok && parsed(text);
    if (this.#at !== used) return BY_OTHERS; // the lock was stolen: others have got newer ones
    if (members && (!this.#bearer || members.refresh_token)) {
      await this.#adopt(members);
      return RENEWED;
    }
    if (!challengeOf(response)) throw new RenewalError("the session could not be renewed", response.status);
    if (this.#live) this.#end("ended", this.#at);
    return ENDED;
  }

  async #catchUp() {
    const at = await this.#newest();
    if (at <= this.#at) return;
    await this.#learn(at);
    if (this.#at >= at) return;
    // To use older tokens could look like theft; cookies are the browser's, and never older.
    if (this.#bearer) throw new RenewalError("another tab has renewed the session, and does not answer");
    await this.#know({ at, due: Infinity });
  }

  async #newest() {
    if (!locks) return 0;
    const start = `${this.#name} @`;
    const { held } = await locks.query();
    return Math.max(0, ...held.map(({ name }) => (name.startsWith(start) ? Number(name.slice(start.length)) : 0)));
  }

  async #learn(at) {
    this.#channel?.postMessage({ ask: true });
    for (let left = 100; left && this.#at < at; left--) await pause(20);
  }

  async #begin() {
    const at = await this.#newest();
    if (at > this.#at) await this.#learn(at);
    else if (this.#at) await this.#mark();
  }

  async #adopt({ access_token: access, refresh_token: refresh, device_token: device, expires_in: seconds, session }, isSwitch = false) {
    const id = session?.sessionId ?? null;
    if (this.#session !== undefined) this.#session = id;
    const at = Math.max(Date.now(), this.#at + 1);
    const tokens = this.#bearer ? { access, refresh, device: device ?? this.#tokens.device } : {};
    const state = { at, due: seconds >= 0 ? Date.now() + seconds * 900 : Infinity, tokens };
    await this.#know(state);
    this.#channel?.postMessage(isSwitch ? { ...state, to: id } : state);
  }

  #know({ at, due, tokens = {} }) {
    this.#at = at;
    this.#due = due;
    this.#tokens = tokens;
    this.#live = true;
    return this.#mark();
  }

  #mark() {
    if (!locks || !this.#channel) return;
    const before = this.#unmark;
    const at = this.#at;
    return new Promise((held) => {
      const hold = () => {
        held();
        before?.();
        // A busy tab comes late: what is over has no mark.
        if (!this.#channel || !this.#live || at !== this.#at) return;
        return new Promise((done) => (this.#unmark = done));
      };
      locks.request(`${this.#name} @${at}`, { mode: "shared" }, hold).catch(() => {});
    });
  }

  #hear({ ask, end, at, due, tokens, to }) {
    if (to && to !== this.#session) this.dispatchEvent(new Event("switched"));
    if (ask) {
      if (this.#live && this.#at) this.#channel.postMessage({ at: this.#at, due: this.#due, tokens: this.#tokens });
    } else if (end) {
      if (at < this.#at) return;
      this.#at = at; // an older one comes too late
      if (this.#live) this.#over(end.type, end.forgetDevice);
    } else if (at > this.#at) this.#know({ at, due, tokens });
  }

  #end(type, at, forgetDevice = false) {
    this.#channel?.postMessage({ end: { type, forgetDevice }, at });
    this.#over(type, forgetDevice);
  }

  #over(type, forgetDevice) {
    const { device } = this.#tokens;
    this.#tokens = device && !forgetDevice ? { device } : {};
    this.#due = Infinity;
    this.#live = false;
    this.#unmark?.();
    this.dispatchEvent(new Event(type));
  }

  #steppedUp({ max_age: age, acr_values: values }) {
    this.#asking ??= (async () => {
      let answer = false;
      let isLate = false;
      const event = new Event("stepup");
      event.maxAge = age === undefined ? null : Number(age);
      event.acrValues = values ? values.split(" ") : [];
      event.answer = (given) => {
        if (isLate) throw new DOMException("give a promise before the listener returns", "InvalidStateError");
        answer = given;
      };
      this.dispatchEvent(event);
      isLate = true;
      return answer;
    })().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #alone(work) {
    if (!locks) return (this.#last = this.#last.catch(() => {}).then(work));
    let done;
    try {
      return await locks.request(this.#name, { signal: AbortSignal.timeout(60000) }, () => (done = work()));
    } catch (error) {
      if (done) return done; // stolen: the work goes on
      if (error.name === "TimeoutError") throw new RenewalError("another tab takes too long");
      throw error;
    }
  }
}
