/** The session could not be renewed now, and may live: try again. */
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
   * returns, with a promise while the person still has to act.
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
}

export interface SessionOptions {
  /** Where the endpoints are served: "/auth", or an address of another origin. */
  endpoints?: string;
  /** Tokens in memory, and no cookies. */
  bearer?: boolean;
}

/** A session in this browser; make one for a page. */
export class SessionClient extends EventTarget {
  constructor(options?: SessionOptions);
  /**
   * As the browser's fetch: with tokens, and once more where new ones are needed. Other origins
   * than that of the endpoints get none.
   *
   * @throws RenewalError if new tokens are needed, and could not be had now.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** New tokens, unless another tab gets them meanwhile; false if the session has ended. */
  renew(): Promise<boolean>;
  /** A sign-in or step-up: a request whose answer has new tokens, or sets new cookies. */
  exchange(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;
  /** Ends the session, for all tabs. */
  signOut(options?: { forgetDevice?: boolean }): Promise<void>;
  /** Hears and holds nothing any more. */
  close(): void;
  addEventListener<K extends keyof SessionEvents>(
    type: K,
    listener: (event: SessionEvents[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
