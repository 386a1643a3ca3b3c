// Described in client.d.ts; its locks, in docs/browser-client.md.

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

// Unverified: only to tell two users apart.
const userOf = (access) => attempt(() => JSON.parse(atob(access.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub);

const challengeOf = ({ status, headers }) => {
  const found = status === 401 && /Bearer realm="devsess"(.*)/i.exec(headers.get("WWW-Authenticate"));
  return found && ((name) => found[1].match(`${name}="([^"]*)"`)?.[1]);
};

// A copy loses the referrer.
const changed = (request, init) => new Request(request, { referrer: request.referrer, referrerPolicy: request.referrerPolicy, ...init });

// The work goes on: others may want it.
const unless = (signal, work) =>
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
  #now; // as all tabs know it; no user: not known yet
  #ready;
  #unmark;
  #asking;
  #renewing;
  #rest = 0; // no renewal before
  #refusal;
  #last = Promise.resolve();

  constructor({ endpoints = "/auth", bearer = false, session } = {}) {
    super();
    this.#url = new URL(endpoints.replace(/\/*$/, "/"), location);
    this.#name = `devsess ${this.#url} ${bearer ? "bearer" : "cookie"}`;
    this.#bearer = bearer;
    this.#session = session;
    this.#now = { at: 0, due: Infinity, tokens: {}, live: !bearer };
    attempt(() => (this.#channel = new BroadcastChannel(this.#name)).onmessage = ({ data }) => this.#hear(data));
    const begin = () => (this.#ready = this.#missed().then(() => this.#know()));
    begin();
    // Else the page is not kept.
    addEventListener("pagehide", () => this.#unmark?.());
    addEventListener("pageshow", ({ persisted }) => persisted && begin());
  }

  async fetch(input, init) {
    const request = new Request(input, init);
    if (new URL(request.url).origin !== this.#url.origin || (!this.#bearer && request.credentials === "omit")) return fetch(request);
    return unless(request.signal, async () => {
      await this.#ready;
      const { due, user } = this.#now;
      // It may still be good.
      if (Date.now() >= due) await this.renew().catch(() => {});
      if ((this.#now.user ?? user) !== user) throw new RenewalError("somebody else has signed in");
      return this.#send(request, true);
    });
  }

  async renew() {
    await this.#ready;
    return (await this.#renewal(this.#now.at)) !== false;
  }

  async exchange(input, init) {
    const given = new Request(input, init);
    if (new URL(given.url).origin !== this.#url.origin) throw new TypeError("another origin");
    // All tabs wait.
    const stop = new AbortController();
    for (const signal of [given.signal, AbortSignal.timeout(30000)]) signal.addEventListener("abort", () => stop.abort(signal.reason));
    const request = changed(given, { signal: stop.signal });
    return unless(given.signal, () =>
      this.#alone(async () => {
        const response = await this.#send(request);
        if (response.ok) {
          const members = await jsonOf(response);
          if (!this.#bearer) await this.#adopt({ ...members, session: await this.#who() });
          else if (members?.refresh_token) await this.#adopt(members);
        }
        return response;
      }),
    );
  }

  async accounts() {
    const { accounts } = await this.#told("accounts");
    this.#session ??= accounts.find((it) => it.current)?.session.sessionId ?? null;
    return accounts;
  }

  switchTo(slot) {
    return this.#alone(async () => {
      const { account } = await this.#told("accounts/switch", { account: slot });
      this.#session = account.session.sessionId;
      this.#now.user = account.session.userId;
      await this.#adopt(account);
      this.#tell({ to: this.#session });
      return account;
    });
  }

  signOut({ forgetDevice, allAccounts } = {}) {
    return this.#alone(async () => {
      const { status } = await this.#ask(allAccounts ? "accounts/logout" : "logout", { forget_device: forgetDevice });
      if (status !== 204 && (this.#now.live || status !== 401)) throw new RenewalError("not signed out", status);
      this.#end("signout", forgetDevice);
    });
  }

  close() {
    this.#channel?.close();
    this.#channel = null;
    this.#unmark?.();
  }

  async #send(request, waits) {
    const tried = {};
    let { user } = this.#now;
    for (;;) {
      const { at } = this.#now;
      const response = await this.#go(this.#dressed(request.clone()));
      const challenge = challengeOf(response);
      if (!challenge) return response;
      const error = challenge("error");
      if (error === "invalid_token" && !tried[error]) {
        tried[error] = await (waits ? this.#renewal(at) : this.#renewed(at));
        if (tried[error] === false) return response;
      } else if (error === "insufficient_user_authentication" && waits && !tried[error]) {
        tried[error] = this.#now.at === at;
        if (!user?.length) user = (await this.#who())?.userId;
        if (tried[error] && !(await this.#steppedUp(challenge))) return response;
        await this.#who();
      } else {
        if (error === "invalid_token") this.#refuse(response, 5);
        // A later sign-in may live.
        if (!error && this.#now.live && this.#now.at === at) this.#end("ended");
        return response;
      }
      if (this.#now.user !== user) return response; // somebody else, by now
      response.body?.cancel().catch(() => {});
    }
  }

  #dressed(request) {
    const { access_token, device_token } = this.#now.tokens;
    if (!this.#bearer) request = changed(request, { credentials: "include" });
    const set = (name, value) => value && request.headers.set(name, value);
    set("Authorization", access_token && `Bearer ${access_token}`);
    set("Devsess-Device", device_token);
    set("Devsess-Session", !this.#bearer && this.#session);
    return request;
  }

  #ask(name, members) {
    const { access_token, ...tokens } = this.#now.tokens;
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

  async #told(name, members) {
    const response = await this.#ask(name, members);
    if (!response.ok) throw new RenewalError(`no ${name}`, response.status);
    return response.json();
  }

  // Cookies change without scripts. Unknown equals nobody.
  async #who() {
    if (this.#bearer) return;
    const now = this.#now; // others may know newer
    const { session } = await this.#told("session").catch(() => ({ session: { userId: {} } }));
    now.user = session?.userId;
    return session;
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
    return (this.#renewing ??= this.#alone(() => this.#renewed(used)).finally(() => (this.#renewing = undefined)));
  }

  // What follows needs the lock.

  // False: the session has ended. Undefined: others have newer tokens.
  async #renewed(used) {
    if (this.#now.at !== used) return;
    if (this.#bearer && !this.#now.tokens.refresh_token) return false;
    if (Date.now() < this.#rest) throw this.#refusal;
    const refresh = () => this.#ask("refresh", {}).then(async (response) => [response, await response.text()]);
    const [response, text] = await refresh().catch(refresh); // a lost answer comes again
    const members = response.ok && attempt(() => JSON.parse(text));
    if (this.#now.at !== used) return; // the lock was stolen
    if (members && (!this.#bearer || members.refresh_token)) {
      this.#now.user &&= members.session?.userId;
      await this.#adopt(members);
      return true;
    }
    if (!challengeOf(response)) throw this.#refuse(response);
    if (this.#now.live) this.#end("ended");
    return false;
  }

  async #catchUp() {
    const at = await this.#missed();
    if (!at) return;
    // Older ones look stolen. Cookies are never older.
    if (this.#bearer) throw new RenewalError("another tab does not answer");
    await this.#know({ at, due: Infinity, tokens: {}, user: {}, live: true });
  }

  // The number of newer tokens that no tab gives.
  async #missed() {
    // Blocked is as absent.
    const found = await locks?.query().catch(() => (locks = null));
    const at = Math.max(0, ...(found?.held ?? []).map(({ name }) => name.split(`${this.#name} @`)[1] ?? 0));
    if (at > this.#now.at) this.#tell({ ask: true });
    for (let left = 100; at > this.#now.at; left--) {
      if (!left) return at;
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async #adopt({ access_token, refresh_token, device_token, expires_in: seconds, session }) {
    if (this.#session !== undefined) this.#session = session?.sessionId ?? this.#session;
    await this.#know({
      at: Math.max(Date.now(), this.#now.at + 1),
      due: seconds >= 0 ? Date.now() + seconds * 900 : Infinity,
      tokens: this.#bearer ? { access_token, refresh_token, device_token: device_token ?? this.#now.tokens.device_token } : {},
      user: this.#bearer ? userOf(access_token) : this.#now.user,
      live: true,
    });
    this.#tell(this.#now);
  }

  #know(now = this.#now) {
    this.#now = now;
    this.#rest = 0;
    const before = this.#unmark;
    return new Promise((held) => {
      const hold = () => {
        held();
        before?.();
        // It may be over by now.
        return this.#channel && this.#now === now && now.live && new Promise((done) => (this.#unmark = done));
      };
      locks ? locks.request(`${this.#name} @${now.at}`, { mode: "shared" }, hold).catch(held) : held();
    });
  }

  #tell(message) {
    this.#channel?.postMessage(message);
  }

  #hear(data) {
    const { ask, end, at, to, forgetDevice } = data;
    const now = this.#now;
    if (ask && now.live && now.at) this.#tell(now);
    if (to && to !== this.#session) this.dispatchEvent(new Event("switched"));
    if (end) {
      if (at < now.at) return;
      now.at = at;
      if (now.live) this.#over(end, forgetDevice);
    } else if (at > now.at) this.#know(data);
  }

  #end(type, forgetDevice) {
    this.#tell({ end: type, forgetDevice, at: this.#now.at });
    this.#over(type, forgetDevice);
  }

  #over(type, forgetDevice) {
    const { at, tokens: { device_token } } = this.#now;
    this.#now = { at, due: Infinity, tokens: forgetDevice ? {} : { device_token } };
    this.#unmark?.();
    this.dispatchEvent(new Event(type));
  }

  #steppedUp(challenge) {
    return (this.#asking ??= new Promise((done) => {
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
    }).finally(() => (this.#asking = undefined)));
  }

  async #alone(work) {
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
