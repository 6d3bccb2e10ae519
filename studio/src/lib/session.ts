/** Who is calling: kept in memory only, because whatever runs in the page later could read it back from storage. */
export type Session = {
  /** What a request carries; asked each time, because tokens are renewed. */
  headers: () => Promise<Record<string, string>>;
  /** What else is to be done when somebody leaves: the login service has a session of its own. */
  end: () => Promise<void>;
};

let session: Session | null = null;
let over = false;
const listeners = new Set<() => void>();

function tell() {
  for (const listener of listeners) listener();
}

export function begin(next: Session) {
  [session, over] = [next, false];
  tell();
}

/** Forgets who is calling. */
export function forget() {
  [session, over] = [null, false];
  tell();
}

/** Says that the server does not take the session any more. The page stays as it is: nothing typed may be lost. */
export function sessionIsOver() {
  over = session !== null;
  tell();
}

export const isSignedIn = () => session !== null;
export const isOver = () => over;
export const current = () => session;
export const sessionHeaders = async () => (await session?.headers()) ?? {};

export function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
