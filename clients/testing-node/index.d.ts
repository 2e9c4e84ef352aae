/** What Docket refused, or an expectation that was not met. The message says why. */
export class DocketError extends Error {
  readonly status: number;
  readonly answer?: any;
}

export interface StartOptions {
  /** The program; by default `DOCKET_BINARY`, or `docket` in the PATH. A `.dll` is run with `dotnet`. */
  binary?: string;
  /** The address of a server that runs, which is then used; by default `DOCKET_URL`. */
  url?: string;
  /** The token of the server's first portal; by default `DOCKET_TOKEN`, or `test`. */
  token?: string;
  /** More options of `docket serve`. */
  args?: string[];
}

/** Starts a server that keeps everything in memory and ends with this process; or uses the one at `url`. */
export function startDocket(options?: StartOptions): Promise<Docket>;

/** A running server. */
export interface Docket extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** Creates an empty portal, or one from a snapshot or with a seed. */
  newPortal(options?: { name?: string; token?: string; snapshot?: string; seed?: object }): Promise<Portal>;
  /** Ends the server, if `startDocket` started it. */
  stop(): Promise<void>;
}

/** A portal: records, properties, pipelines, limits, clock and faults of one test. */
export interface Portal extends AsyncDisposable {
  /** The base address, in place of `https://api.hubapi.com`. */
  readonly url: string;
  /** The access token, with all scopes. */
  readonly token: string;
  readonly portalId: number;
  readonly name: string;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly requests: Requests;
  /** Calls the portal with its token: `fetch` with a path in place of the address. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Calls the portal with JSON and returns the answer's. Throws a `DocketError` if it is an error. */
  call<T = any>(method: string, path: string, body?: unknown): Promise<T>;
  /** Keeps the state of the portal, for `rewind` and for new portals. */
  snapshot(name?: string): Promise<Snapshot>;
  /** Returns to a snapshot, or to the state in which the portal was created. */
  rewind(snapshot?: Snapshot | string): Promise<void>;
  /** Adds the content of a seed file, and returns the ids of the records that have names. */
  seed(content: object): Promise<Record<string, string>>;
  /** Deletes the portal with everything in it. */
  delete(): Promise<void>;
}

export interface Snapshot {
  id: string;
  name?: string;
  portalId: number;
  createdAt: string;
}

/** The time of the portal. */
export interface Clock {
  read(): Promise<ClockState>;
  set(now: Date | string | number, options?: { frozen?: boolean }): Promise<ClockState>;
  /** Moves the time by milliseconds, or by a duration such as `P1DT2H`. */
  advance(by: number | string): Promise<ClockState>;
  freeze(): Promise<ClockState>;
  /** Returns to the time of the server. */
  reset(): Promise<void>;
}

export interface ClockState {
  now: string;
  frozen: boolean;
}

/** What goes wrong on purpose. */
export interface Faults {
  add(rule: { match?: CallMatch & { call?: number; probability?: number; seed?: number }; answer: FaultAnswer; times?: number; for?: number }): Promise<Fault>;
  /** Adds the faults of a preset. With the same seed, the same calls in the same order meet the same faults. */
  preset(name: string, seed?: number): Promise<Fault[]>;
  list(): Promise<Fault[]>;
  clear(): Promise<void>;
}

/** What a call gets that meets a fault. */
export interface FaultAnswer {
  status?: 401 | 403 | 409 | 423 | 429 | 477 | 500 | 502 | 503 | 504;
  policyName?: 'TEN_SECONDLY_ROLLING' | 'DAILY' | 'SECONDLY';
  /** Milliseconds to wait before anything is done. */
  delay?: number;
  /** Cuts the connection before anything is done, or after the call was carried out. */
  cut?: 'before' | 'after';
  bytesPerSecond?: number;
  failRows?: number[];
  dropRows?: number[];
  lag?: number;
}

export interface Fault {
  id: string;
  preset?: string;
  /** How many calls matched, whether they met it or not. */
  matched: number;
  /** How many calls met it. */
  fired: number;
  active: boolean;
}

/** The last calls of the portal. */
export interface Requests {
  /** Newest first. */
  list(query?: { method?: string; path?: string; objectType?: string; status?: string; limit?: string }): Promise<LoggedRequest[]>;
  /** Returns the calls that match if there are as many as expected (at least one by default), otherwise throws a `DocketError` with what is different. */
  expect(match?: CallMatch, times?: number | { atLeast?: number; atMost?: number }): Promise<LoggedRequest[]>;
  clear(): Promise<void>;
}

/** Which calls are meant. What is not set matches every call. */
export interface CallMatch {
  method?: string;
  /** The path without the query; `*` is any text without a slash, `**` any text. */
  path?: string;
  objectType?: string;
  app?: number;
  status?: number;
  /** Members of the body with their values, such as `{ 'properties.subject': 'a' }`. */
  body?: Record<string, string>;
}

export interface LoggedRequest {
  number: number;
  time: string;
  durationMs: number;
  app: number;
  method: string;
  path: string;
  query: string;
  headers: Record<string, string>;
  body?: string;
  status: number;
  answerHeaders: Record<string, string>;
  answer?: string;
  fault?: string;
  beyondLimit?: string;
}
