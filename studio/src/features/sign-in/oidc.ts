/** The authorization code flow with PKCE (RFC 6749, RFC 7636), against any OpenID Connect issuer. */
import * as oauth from "oauth4webapi";
import { login } from "@/lib/login";
import { begin } from "@/lib/session";

const PENDING = "dakora:signing-in";
// Says that somebody was signed in in this tab, so that a reload asks the issuer at once. No token is kept.
const BEFORE = "dakora:signed-in";
const EARLY_MS = 30_000;

type Pending = { state: string; verifier: string; nonce: string; back: string };
type Tokens = { access: string; refresh: string | undefined; id: string | undefined; until: number };

const local = { [oauth.allowInsecureRequests]: true };
// An issuer on this machine may speak plain HTTP; the server has refused any other that does.
const options = login.token_endpoint?.startsWith("http://") ? local : {};
const server = (): oauth.AuthorizationServer => ({
  issuer: login.issuer ?? "",
  authorization_endpoint: login.authorization_endpoint,
  token_endpoint: login.token_endpoint,
});
const client = (): oauth.Client => ({ client_id: login.client_id ?? "" });
const callback = () => `${window.location.origin}/login`;
const meant = (): [string, string][] => (login.resource ? [["resource", login.resource], ["audience", login.resource]] : []);

export const wasSignedIn = () => sessionStorage.getItem(BEFORE) !== null;

/** Goes to the issuer; whoever comes back is where they were. */
export async function leaveForIssuer() {
  const { pathname, search, hash } = window.location;
  const pending: Pending = {
    state: oauth.generateRandomState(),
    verifier: oauth.generateRandomCodeVerifier(),
    nonce: oauth.generateRandomNonce(),
    back: pathname === "/login" ? "/" : pathname + search + hash,
  };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const address = new URL(login.authorization_endpoint ?? "");
  const asked: [string, string][] = [
    ["client_id", client().client_id],
    ["response_type", "code"],
    ["redirect_uri", callback()],
    ["scope", login.scope ?? "openid"],
    ["state", pending.state],
    ["nonce", pending.nonce],
    ["code_challenge", await oauth.calculatePKCECodeChallenge(pending.verifier)],
    ["code_challenge_method", "S256"],
    ...meant(),
  ];
  for (const [name, value] of asked) address.searchParams.set(name, value);
  window.location.assign(address);
}

/** Takes what the issuer sent along. Throws in words that can be shown. */
export async function comeBack() {
  const pending = JSON.parse(sessionStorage.getItem(PENDING) ?? "null") as Pending | null;
  sessionStorage.removeItem(PENDING);
  const returned = new URL(window.location.href);
  // A code works once and is nobody's business in the history.
  window.history.replaceState(null, "", pending?.back ?? "/");
  if (!pending) throw new Error("This sign-in was not begun in this tab. Begin it again.");
  try {
    const parameters = oauth.validateAuthResponse(server(), client(), returned, pending.state);
    const answer = await oauth.authorizationCodeGrantRequest(server(), client(), oauth.None(), parameters, callback(), pending.verifier, {
      ...options,
      additionalParameters: login.resource ? [["resource", login.resource]] : [],
    });
    const tokens = await oauth.processAuthorizationCodeResponse(server(), client(), answer, { expectedNonce: pending.nonce });
    start(tokens);
  } catch (error) {
    sessionStorage.removeItem(BEFORE);
    throw inWords(error);
  }
}

function inWords(error: unknown): Error {
  if (error instanceof oauth.AuthorizationResponseError)
    return new Error(error.error === "access_denied" ? "The sign-in was cancelled." : `The login service refused: ${error.error_description ?? error.error}.`);
  if (error instanceof oauth.ResponseBodyError) return new Error(`The login service refused: ${error.error_description ?? error.error}.`);
  return new Error("The sign-in did not succeed. Try again; if it stays so, the login service is set up in another way than this server.");
}

function start(given: oauth.TokenEndpointResponse) {
  let tokens = read(given);
  let renewing: Promise<void> | null = null;
  sessionStorage.setItem(BEFORE, "yes");
  const renew = async (refresh: string) => {
    const answer = await oauth.refreshTokenGrantRequest(server(), client(), oauth.None(), refresh, {
      ...options,
      additionalParameters: login.resource ? [["resource", login.resource]] : [],
    });
    tokens = read(await oauth.processRefreshTokenResponse(server(), client(), answer), tokens);
  };
  begin({
    headers: async () => {
      if (tokens.refresh && Date.now() > tokens.until - EARLY_MS) {
        // One at a time: a refresh token that is used twice counts as stolen. Failing, the server says 401.
        renewing ??= renew(tokens.refresh)
          .catch(() => undefined)
          .finally(() => (renewing = null));
        await renewing;
      }
      return { authorization: `Bearer ${tokens.access}` };
    },
    end: () => leave(tokens.id),
  });
}

function read(given: oauth.TokenEndpointResponse, before?: Tokens): Tokens {
  return {
    access: given.access_token,
    refresh: given.refresh_token ?? before?.refresh,
    id: given.id_token ?? before?.id,
    until: Date.now() + (given.expires_in ?? 3600) * 1000,
  };
}

async function leave(idToken: string | undefined) {
  sessionStorage.removeItem(BEFORE);
  if (!login.end_session_endpoint) return;
  const address = new URL(login.end_session_endpoint);
  address.searchParams.set("client_id", client().client_id);
  address.searchParams.set("post_logout_redirect_uri", callback());
  if (idToken) address.searchParams.set("id_token_hint", idToken);
  window.location.assign(address);
  await new Promise(() => undefined); // the page is about to go
}
