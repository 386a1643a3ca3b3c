// See client.d.ts, and docs/browser-client.md.

let { locks } = navigator;

export class RenewalError extends Error {
  name = "RenewalError";
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

const attempt = (work) => {
  try {
    return work();
  } catch {}
};

const jsonOf = (response) => response.clone().json().catch(() => null);

// Unverified: to tell users apart.
const userOf = (access) => attempt(() => JSON.parse(atob(access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub);

const challengeOf = ({ status, headers }) => {
  const found = status === 401 && /Bearer realm="devsess"(.*)/i.exec(headers.get("WWW-Authenticate"));
  return found && ((name) => found[1].match(`${name}="([^"]*)"`)?.[1]);
};

// A copy loses the referrer.
const changed = (request, init) => new Request(request, { referrer: request.referrer, referrerPolicy: request.referrerPolicy, ...init });

// The work goes on: others may want it.
const orAbort = (signal, work) =>
  new Promise((done, fail) => {
    signal.throwIfAborted();
    signal.addEventListener("abort", () => fail(signal.reason));
    work().then(done, fail);
  });

export class SessionClient extends EventTarget {
  #url;
  #name;
  #bearer;
  #session; // null: none yet; undefined: any
  #channel; // none: closed, or blocked
  #state; // of all tabs; no session: nobody, or unknown
  #ready;
  #release;
  #shared = {};
  #rest = 0; // no renewal before
  #refusal;
  #last = Promise.resolve();

  constructor({ endpoints = "/auth", bearer = false, session } = {}) {
    super();
    this.#url = new URL(endpoints.replace(/\/*$/, "/"), location);
    this.#name = `devsess ${this.#url} ${bearer ? "bearer" : "cookie"}`;
    this.#bearer = bearer;
    this.#session = session;
    this.#state = { at: 0, tokens: {}, live: !bearer };
    attempt(() => (this.#channel = new BroadcastChannel(this.#name)).onmessage = ({ data }) => this.#hear(data));
    const begin = () => (this.#ready = this.#newer().then(() => this.#know()));
    begin();
    // Else the page is not kept.
    addEventListener("pagehide", () => this.#release?.());
    addEventListener("pageshow", ({ persisted }) => persisted && begin());
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== this.#url.origin || (!this.#bearer && request.credentials === "omit")) return fetch(request);
    return orAbort(request.signal, async () => {
      await this.#ready;
      // Later it may be another's.
      if (!this.#state.session) await this.#once("session", () => this.#who());
      const { session } = this.#state;
      // It may still be good.
      if (Date.now() >= this.#state.due) await this.renew().catch(() => {});
      if (this.#state.live && this.#state.session?.userId !== session?.userId) throw new RenewalError("somebody else has signed in");
      return this.#send(request, true);
    });
  }

  async renew() {
    await this.#ready;
    return (await this.#renewal(this.#state.at)) !== false;
  }

  async exchange(input, init) {
    const given = new Request(input, init);
    if (new URL(given.url).origin !== this.#url.origin) throw new TypeError("another origin");
    // All tabs wait.
    const stop = new AbortController();
    for (const signal of [given.signal, AbortSignal.timeout(30000)]) signal.addEventListener("abort", () => stop.abort(signal.reason));
    const request = changed(given, { signal: stop.signal });
    return orAbort(given.signal, () =>
      this.#locked(async () => {
        const response = await this.#send(request);
        if (response.ok) {
          const members = await jsonOf(response);
          if (!this.#bearer || members?.refresh_token) await this.#adopt({ ...members, session: await this.#who() });
        }
        return response;
      }),
    );
  }

  async accounts() {
    const { accounts } = await this.#asked("accounts");
    this.#session ??= accounts.find((it) => it.current)?.session.sessionId ?? null;
    return accounts;
  }

  switchTo(slot) {
    return this.#locked(async () => {
      const { account } = await this.#asked("accounts/switch", { account: slot });
      this.#session = account.session.sessionId;
      await this.#adopt(account);
      this.#tell({ to: this.#session });
      return account;
    });
  }

  signOut({ forgetDevice, allAccounts } = {}) {
    return this.#locked(async () => {
      const { status } = await this.#ask(allAccounts ? "accounts/logout" : "logout", { forget_device: forgetDevice });
      if (status !== 204 && (this.#state.live || status !== 401)) throw new RenewalError("not signed out", status);
      this.#end("signout", forgetDevice);
    });
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
    this.#release?.();
  }

  async #send(request, waits) {
    const tried = {};
    const user = this.#state.session?.userId;
    for (;;) {
      const { at } = this.#state;
      const response = await this.#go(this.#dressed(request.clone()));
      const challenge = challengeOf(response);
      if (!challenge) return response;
      const error = challenge("error");
      if (error === "invalid_token" && !tried[error]) {
        tried[error] = await (waits ? this.#renewal(at) : this.#renewed(at));
        if (tried[error] === false) return response;
      } else if (error === "insufficient_user_authentication" && waits && !tried[error]) {
        tried[error] = this.#state.at === at;
        if (tried[error] && !(await this.#steppedUp(challenge))) return response;
        await this.#who();
      } else {
        if (error === "invalid_token") this.#refuse(response, 5);
        // A later sign-in may live.
        if (!error && this.#state.live && this.#state.at === at) this.#end("ended");
        return response;
      }
      const { session } = this.#state;
      if (!user || session?.userId !== user) return response; // somebody else
      // Other origins may not allow it.
      if (session.sessionId && this.#url.origin === location.origin) request.headers.set("Devsess-Session", session.sessionId);
      response.body?.cancel().catch(() => {});
    }
  }

  #dressed(request) {
    const { access_token, device_token } = this.#state.tokens;
    if (!this.#bearer) request = changed(request, { credentials: "include" });
    const set = (name, value) => value && request.headers.set(name, value);
    set("Authorization", access_token && `Bearer ${access_token}`);
    set("Devsess-Device", device_token);
    if (!this.#bearer) set("Devsess-Session", this.#session);
    return request;
  }

  #ask(name, members) {
    const { access_token, ...tokens } = this.#state.tokens;
    const request = new Request(new URL(name, this.#url), {
      method: members ? "POST" : "GET",
      redirect: "error",
      cache: "no-store",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: members && JSON.stringify({ ...members, ...tokens }),
      signal: AbortSignal.timeout(15000),
    });
    return this.#go(members && this.#bearer ? request : this.#dressed(request));
  }

  async #asked(name, members) {
    const response = await this.#ask(name, members);
    if (!response.ok) throw new RenewalError(`no ${name}`, response.status);
    return response.json();
  }

  // Cookies change without scripts.
  async #who() {
    if (this.#bearer) return;
    const now = this.#state; // others may know newer
    const { session } = await this.#asked("session").catch(() => ({}));
    if (this.#session && session && now.session && session.userId !== now.session.userId) this.dispatchEvent(new Event("switched"));
    return (now.session = session);
  }

  async #go(request) {
    const response = await fetch(request);
    if (response.status === 409 && (await jsonOf(response))?.error === "another_session") this.dispatchEvent(new Event("switched"));
    return response;
  }

  #refuse({ headers, status }, seconds = headers.get("Retry-After")) {
    this.#rest = Date.now() + seconds * 1000;
    return (this.#refusal = new RenewalError("not renewed", status));
  }

  #renewal(used) {
    return this.#once("renewal", () => this.#locked(() => this.#renewed(used)));
  }

  // What follows needs the lock.

  // False: the session has ended. Undefined: others have newer tokens.
  async #renewed(used) {
    if (this.#state.at !== used) return;
    if (this.#bearer && !this.#state.tokens.refresh_token) return false;
    if (Date.now() < this.#rest) throw this.#refusal;
    const refresh = () => this.#ask("refresh", {}).then(async (response) => [response, await response.text()]);
    const [response, text] = await refresh().catch(refresh); // a lost answer comes again
    const members = response.ok && attempt(() => JSON.parse(text));
    if (this.#state.at !== used) return; // the lock was stolen
    if (members && (!this.#bearer || members.refresh_token)) {
      await this.#adopt(members);
      return true;
    }
    if (!challengeOf(response)) throw this.#refuse(response);
    if (this.#state.live) this.#end("ended");
    return false;
  }

  async #catchUp() {
    const at = await this.#newer();
    if (!at) return;
    // Older ones look stolen. Cookies are never older.
    if (this.#bearer) throw new RenewalError("another tab does not answer");
    await this.#know({ at, tokens: {}, live: true });
  }

  // The number of newer tokens that no tab gives.
  async #newer() {
    // Blocked is as absent.
    const found = await locks?.query().catch(() => (locks = null));
    const at = Math.max(0, ...(found?.held ?? []).map(({ name }) => name.split(`${this.#name} @`)[1] ?? 0));
    if (at > this.#state.at) this.#tell({ ask: true });
    for (let left = 100; at > this.#state.at; left--) {
      if (!left) return at;
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async #adopt({ access_token, refresh_token, device_token, expires_in: seconds, session }) {
    if (this.#session !== undefined) this.#session = session?.sessionId ?? this.#session;
    await this.#know({
      at: Math.max(Date.now(), this.#state.at + 1),
      due: Date.now() + seconds * 900, // NaN is never
      tokens: this.#bearer ? { access_token, refresh_token, device_token: device_token ?? this.#state.tokens.device_token } : {},
      session: this.#bearer ? { userId: userOf(access_token) } : session,
      live: true,
    });
    this.#tell(this.#state);
  }

  #know(now = this.#state) {
    this.#state = now;
    this.#rest = 0;
    const before = this.#release;
    return new Promise((held) => {
      const hold = () => {
        held();
        before?.();
        // It may be over by now.
        return this.#channel && this.#state === now && now.live && new Promise((done) => (this.#release = done));
      };
      locks ? locks.request(`${this.#name} @${now.at}`, { mode: "shared" }, hold).catch(held) : held();
    });
  }

  #tell(message) {
    this.#channel?.postMessage(message);
  }

  #hear(data) {
    const { ask, end, at, to, forgetDevice } = data;
    const now = this.#state;
    if (ask && now.live && now.at) this.#tell(now);
    if (to && to !== this.#session) this.dispatchEvent(new Event("switched"));
    if (end) {
      if (at < now.at) return;
      now.at = at;
      if (now.live) this.#over(end, forgetDevice);
    } else if (at > now.at) this.#know(data);
  }

  #end(type, forgetDevice) {
    this.#tell({ end: type, forgetDevice, at: this.#state.at });
    this.#over(type, forgetDevice);
  }

  #over(type, forgetDevice) {
    const { at, tokens: { device_token } } = this.#state;
    this.#state = { at, tokens: forgetDevice ? {} : { device_token } };
    this.#release?.();
    this.dispatchEvent(new Event(type));
  }

  #steppedUp(challenge) {
    return this.#once("stepup", () => new Promise((done) => {
      const event = new Event("stepup");
      const age = challenge("max_age");
      event.maxAge = age ? +age : null;
      event.acrValues = challenge("acr_values")?.split(" ") ?? [];
      event.answer = (given) => {
        if (!event.eventPhase) throw new DOMException("too late", "InvalidStateError");
        done(given);
      };
      this.dispatchEvent(event);
      done(false);
    }));
  }

  #once(name, work) {
    return (this.#shared[name] ??= work().finally(() => delete this.#shared[name]));
  }

  async #locked(work) {
    await this.#ready;
    const whole = () => this.#catchUp().then(work);
    if (!locks) return (this.#last = this.#last.catch(() => {}).then(whole));
    let done;
    try {
      return await locks.request(this.#name, { signal: AbortSignal.timeout(60000) }, () => (done = whole()));
    } catch (error) {
      if (done) return done; // the lock was stolen
      throw error.name === "TimeoutError" ? new RenewalError("another tab does not answer") : error;
    }
  }
}
