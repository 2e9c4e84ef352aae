/** HubSpot refused a call, or didn't answer in any of several attempts. */
export class HubSpotError extends Error {
  constructor(message: string, readonly status?: number) {
    super(message);
  }
}

const TRIES_MAX = 8;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

export interface HubSpotOptions {
  /** HubSpot's address; another one in tests. */
  url?: string;
  /** Gets an access token, for example with a refresh token. */
  newToken: () => Promise<string>;
  /** Waits for milliseconds. */
  wait?: (ms: number) => Promise<unknown>;
  /** How long HubSpot may take for one answer. */
  timeoutMs?: number;
}

/**
 * Calls HubSpot's API until it answers. A call may arrive more than once: it must be a read, or a write that does the same when it is
 * repeated.
 */
export class HubSpot {
  #options: Required<HubSpotOptions>;
  #token?: string;

  constructor(options: HubSpotOptions) {
    this.#options = { url: 'https://api.hubapi.com', wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)), timeoutMs: 30_000, ...options };
  }

  /** Sends a request and returns the body of the answer. */
  async call(method: string, path: string, body?: unknown): Promise<any> {
    let isNewToken = false;
    for (let attempt = 1; ; attempt++) {
      const { status, text, retryAfter } = await this.#try(method, path, body);
      if (status !== undefined && status < 300) {
        return text ? JSON.parse(text) : undefined;
      }

      if (status === 401 && !isNewToken && this.renewsToken) {
        [this.#token, isNewToken] = [undefined, true];
        continue;
      }

      if (attempt === TRIES_MAX || !this.isTemporary(status)) {
        throw new HubSpotError(`${method} ${path}: ${status ?? ''} ${text}`, status);
      }

      await this.#options.wait(this.waitBefore(attempt, retryAfter, status));
    }
  }

  /** Whether to get another token when HubSpot doesn't accept the one that was used. */
  protected get renewsToken() {
    return true;
  }

  /** Whether the same call may succeed later: HubSpot was not reached, its gateway failed, or there were too many calls. */
  protected isTemporary(status?: number) {
    return status === undefined || status === 423 || status === 429 || status >= 500;
  }

  /** How many milliseconds to wait before the next attempt: as long as HubSpot says, and otherwise longer each time. */
  protected waitBefore(attempt: number, retryAfter?: number, status?: number) {
    // Most limits are for ten seconds.
    return retryAfter !== undefined ? retryAfter * 1000 : status === 429 ? LONGEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  }

  async #try(method: string, path: string, body: unknown): Promise<{ status?: number; text: string; retryAfter?: number }> {
    this.#token ??= await this.#options.newToken();
    try {
      const response = await fetch(this.#options.url + path, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      const retryAfter = response.headers.get('retry-after');
      return { status: response.status, text: await response.text(), retryAfter: retryAfter ? Number(retryAfter) : undefined };
    } catch (failure) {
      return { text: String(failure) };
    }
  }
}
