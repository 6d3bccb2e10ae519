import createClient from "openapi-fetch";
import { sessionHeaders, sessionIsOver } from "../session";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
type Fault = Schemas["ProblemFault"];

/** What the server refused, in its own public words. `code` is stable; see docs/errors.md. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly faults: Fault[];

  constructor(status: number, body: Partial<Schemas["Problem"]>) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.name = "ApiProblem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.requestId = body.request_id;
    this.faults = body.errors ?? [];
  }
}

/** The server could not be reached at all. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer. Is it running? Nothing that you typed is lost.");
    this.name = "Unreachable";
  }
}

async function reach(request: Request): Promise<Response> {
  try {
    const answer = await fetch(request);
    if (answer.status === 401) sessionIsOver();
    return answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Unreachable();
  }
}

export const http = createClient<paths>({ baseUrl: window.location.origin, fetch: reach });
http.use({
  async onRequest({ request }) {
    for (const [name, value] of Object.entries(await sessionHeaders())) request.headers.set(name, value);
    return request;
  },
});

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** The body of an answer. Throws ApiProblem for anything but success. */
export async function body<T>(answer: Promise<Answer<T>>): Promise<T> {
  return (await withHeaders(answer)).data;
}

/** The body and what the headers say about it: its ETag, how many there are, where the next page begins. */
export async function withHeaders<T>(answer: Promise<Answer<T>>) {
  const { data, error, response } = await answer;
  if (!response.ok) throw new ApiProblem(response.status, (error ?? {}) as Partial<Schemas["Problem"]>);
  const next = /[?&]cursor=([^&>]+)[^>]*>;\s*rel="?next"?/.exec(response.headers.get("link") ?? "");
  return {
    data: data as T,
    etag: response.headers.get("etag") ?? undefined,
    total: response.headers.get("x-total-count") ? Number(response.headers.get("x-total-count")) : undefined,
    cursor: next?.[1] ? decodeURIComponent(next[1]) : undefined,
  };
}

/** Server-sent events of a POST, as they come. Aborting `signal` ends the run on the server too. */
export async function* events(path: string, payload: unknown, signal: AbortSignal) {
  const answer = await reach(
    new Request(new URL(path, window.location.origin), {
      method: "POST",
      headers: { "content-type": "application/json", ...(await sessionHeaders()) },
      body: JSON.stringify(payload),
      signal,
    }),
  );
  if (!answer.ok || !answer.body) throw new ApiProblem(answer.status, await answer.json().catch(() => ({})));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    waiting += value;
    const blocks = waiting.split("\n\n");
    waiting = blocks.pop() ?? "";
    for (const block of blocks) {
      const name = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (name && data) yield { name, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
}
