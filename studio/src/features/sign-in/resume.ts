import { isServiceAway, login } from "@/lib/login";

/** What went wrong while somebody signed in, for the page that asks again. */
export let failure: unknown = null;

/** Before the first page: comes back from the login service, or goes on with the session it has. */
export async function resume() {
  try {
    if (login.mode === "clerk") await (await import("./clerk")).resumeClerk();
    if (login.mode === "oidc") await resumeOidc();
  } catch (error) {
    failure = error;
  }
  if (window.location.pathname === "/login") window.history.replaceState(null, "", "/");
}

async function resumeOidc() {
  const oidc = await import("./oidc");
  const { pathname, search } = window.location;
  if (pathname === "/login" && /[?&](code|error)=/.test(search)) return oidc.comeBack();
  if (pathname !== "/login" && oidc.wasSignedIn() && !isServiceAway) {
    await oidc.leaveForIssuer();
    await new Promise(() => undefined); // the page is about to go
  }
}

/** Leaves for the login service, if there is one. */
export async function leave() {
  if (login.mode === "clerk") await (await import("./clerk")).leaveForClerk();
  if (login.mode === "oidc") await (await import("./oidc")).leaveForIssuer();
}
