/** A renewal, sign-out, list or switch of accounts could not be done now; the session may live. */
export class RenewalError extends Error {
  /** The server's status; undefined if another tab did not answer. */
  readonly status: number | undefined;
}

/** The server wants a newer or stronger sign-in (RFC 9470). */
export interface StepUpEvent extends Event {
  /** Seconds that may have passed since the person proved that it is them, or null. */
  readonly maxAge: number | null;
  /** Authentication contexts, one of which must be reached; [] for any. */
  readonly acrValues: string[];
  /**
   * Whether the person did so: then the request is sent once more. Call it before the listener
   * returns, with a promise while the person still has to act. The first call counts.
   *
   * @throws DOMException InvalidStateError if the listener has returned.
   */
  answer(given: boolean | Promise<boolean>): void;
}

export interface SessionEvents {
  /** The session has ended: by its deadline, on another device, or by an operator. */
  ended: Event;
  /** This tab or another one has signed out. */
  signout: Event;
  stepup: StepUpEvent;
  /** The browser acts for another session than the one that this page was made for: load it again. */
  switched: Event;
}

/** An account that this browser is signed in to. */
export interface Account {
  slot: number;
  /** Whether the browser's requests act for it. */
  current: boolean;
  /** Its session, as the endpoint `sessions` shows one. */
  session: { sessionId: string; userId: string; [member: string]: unknown };
}

export interface SessionOptions {
  /** Where the endpoints are served: "/auth", or an address of another origin. */
  endpoints?: string;
  /** Tokens in memory, and no cookies. */
  bearer?: boolean;
  /**
   * With cookies, the id of the session that this page was made for, or null for none yet: requests
   * then name it, and none acts for another one. Without it, from `accounts` or `switchTo` on; and
   * a request that is sent again names the session that it was sent for.
   */
  session?: string | null;
}

/** A function or an object, as for all events. */
export type SessionListener<E extends Event> =
  | ((this: SessionClient, event: E) => void)
  | { handleEvent(event: E): void };

/** A session in this browser; make one for a page. */
export class SessionClient extends EventTarget {
  constructor(options?: SessionOptions);
  /**
   * As the browser's fetch: with tokens, and once more, for the same person, where new ones are
   * needed. Other origins than that of the endpoints get none, nor, with cookies, requests of
   * `credentials: "omit"`.
   *
   * @throws RenewalError if new tokens are needed, and could not be had now, or if somebody else
   *   signed in while the request waited for them.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** New tokens, unless another tab gets them meanwhile; false if the session has ended. */
  renew(): Promise<boolean>;
  /** A sign-in or step-up: a request whose answer has new tokens, or sets new cookies. */
  exchange(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /**
   * The accounts that this browser is signed in to.
   *
   * @throws RenewalError if the server does not say.
   */
  accounts(): Promise<Account[]>;
  /**
   * Acts for another one of them from now on; pages of other accounts get the event `switched`.
   *
   * @throws RenewalError if it could not be done, with the status 404 if nobody is there.
   */
  switchTo(slot: number): Promise<Account>;
  /**
   * Ends the session, for all tabs; with `allAccounts`, or `forgetDevice`, those of all accounts.
   *
   * @throws RenewalError if it may live on, with the status 401 if the tokens are no good.
   */
  signOut(options?: { forgetDevice?: boolean; allAccounts?: boolean }): Promise<void>;
  /** Hears and holds nothing any more. */
  close(): void;
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: SessionListener<SessionEvents[K]> | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: SessionListener<SessionEvents[K]> | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
