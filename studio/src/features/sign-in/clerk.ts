/** Clerk's own script, loaded by the page from Clerk's host, keeps the session; people sign in on Clerk's pages. */
import { begin } from "@/lib/session";

/** The part of Clerk's browser object that we use: https://clerk.com/docs/reference/javascript/clerk */
type Clerk = {
  load: (options: { telemetry: boolean }) => Promise<void>;
  session: { getToken: () => Promise<string | null> } | null | undefined;
  redirectToSignIn: (options: { signInForceRedirectUrl: string; signUpForceRedirectUrl: string }) => Promise<unknown>;
  signOut: (options: { redirectUrl: string }) => Promise<void>;
};

const PATIENCE_MS = 10_000;
const given = () => (window as { Clerk?: Clerk }).Clerk;

async function clerk(): Promise<Clerk> {
  const until = Date.now() + PATIENCE_MS;
  while (!given()) {
    if (Date.now() > until) throw new Error("Clerk cannot be reached. Check the connection, then reload the page.");
    await new Promise((done) => setTimeout(done, 50));
  }
  return given() as Clerk;
}

/** Goes on with Clerk's session, if there is one. */
export async function resumeClerk() {
  const found = await clerk();
  await found.load({ telemetry: false });
  if (!found.session) return;
  begin({
    headers: async () => {
      const token = await found.session?.getToken().catch(() => null);
      return token ? { authorization: `Bearer ${token}` } : ({} as Record<string, string>);
    },
    end: () => found.signOut({ redirectUrl: window.location.origin }),
  });
}

/** Goes to Clerk's page; whoever comes back is where they were. */
export async function leaveForClerk() {
  const back = window.location.href;
  await (await clerk()).redirectToSignIn({ signInForceRedirectUrl: back, signUpForceRedirectUrl: back });
}
