/**
 * Clerk on loopback, as far as a browser sees it: Clerk's own published script against a stand-in for its Frontend API
 * with one page to sign in. What the script needs of the answers: https://clerk.com/docs/reference/frontend-api
 */
import { execFileSync } from "node:child_process";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { createServer as createPlain, request as forward, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "../..");
const VERSION = "6.40.0";
const TARBALL = "2MnZ/ygvuCmeuqfXQmsxfQaLN/SSJvQbtT2cLXbgr5VKr3KmZFZBVvX977fG3eZ6pprl4J9pO+I2bbe6BvColg==";
const CERTIFICATE = `
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.UTC)
made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
made = made.serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False).sign(key, hashes.SHA256())
pem = serialization
print(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption()).decode() + made.public_bytes(pem.Encoding.PEM).decode())
`;

/** The folder with Clerk's browser build, fetched once; the package's dependencies are not needed for it. */
function clerkScripts(): string {
  const kept = join(ROOT, "studio/node_modules/.cache/clerk-js", VERSION);
  const dist = join(kept, "package/dist");
  if (existsSync(dist)) return dist;
  const folder = mkdtempSync(join(tmpdir(), "dk-clerk-"));
  try {
    const [name] = JSON.parse(execFileSync("npm", ["pack", `@clerk/clerk-js@${VERSION}`, "--json"], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })) as { filename: string }[];
    const file = join(folder, (name?.filename ?? "").replace("@", "").replace("/", "-"));
    const found = createHash("sha512").update(readFileSync(file)).digest("base64");
    if (found !== TARBALL) throw new Error("Clerk's package is not the one that was looked at.");
    execFileSync("tar", ["-xzf", file, "-C", folder]);
    mkdirSync(kept, { recursive: true });
    if (!existsSync(dist)) renameSync(join(folder, "package"), join(kept, "package"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return dist;
}

const certificate = () => execFileSync(join(ROOT, ".venv/bin/python"), ["-c", CERTIFICATE], { encoding: "utf8" });
const port = (server: { address: () => unknown }) => (server.address() as AddressInfo).port;

/** TLS in front of a server on loopback, as a proxy gives it in production: Clerk's cookies reach Clerk from there only. */
export async function withTls(target: number): Promise<{ address: string; stop: () => void }> {
  const pem = certificate();
  const server = createServer({ key: pem, cert: pem }, (request, response) => {
    const onward = forward({ port: target, host: "127.0.0.1", path: request.url, method: request.method, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { address: `https://dakora.localhost:${port(server)}`, stop: () => server.close() };
}

export type ClerkStandIn = { origin: string; keys: string; publishableKey: string; stop: () => void };

export async function startClerk(azp: string): Promise<ClerkStandIn> {
  const scripts = clerkScripts();
  const pem = certificate();
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const sessions = new Map<string, string>(); // client cookie → subject
  let origin = "";
  const now = () => Math.floor(Date.now() / 1000);
  const token = (subject: string) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { iss: origin, sub: subject, sid: `sess_${subject}`, azp, iat: now(), nbf: now() - 5, exp: now() + 60, email: `${subject}@example.com`, name: subject };
    const text = `${part({ alg: "RS256", typ: "JWT", kid: "clerk" })}.${part(claims)}`;
    return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
  };
  const sessionOf = (subject: string) => ({
    object: "session", id: `sess_${subject}`, status: "active", expire_at: Date.now() + 3.6e6, abandon_at: Date.now() + 3.6e6, last_active_at: Date.now(), actor: null, tasks: null,
    user: { object: "user", id: subject, first_name: subject, email_addresses: [], phone_numbers: [], web3_wallets: [], external_accounts: [], enterprise_accounts: [], passkeys: [], organization_memberships: [], public_metadata: {}, unsafe_metadata: {}, created_at: Date.now(), updated_at: Date.now() },
    public_user_data: { identifier: `${subject}@example.com`, first_name: subject, last_name: null, image_url: "", has_image: false, user_id: subject },
    last_active_token: { object: "token", jwt: token(subject) }, created_at: Date.now(), updated_at: Date.now(),
  });
  const clientOf = (subject: string | undefined) => ({
    object: "client", id: "client_1", sign_in: null, sign_up: null, sessions: subject ? [sessionOf(subject)] : [], last_active_session_id: subject ? `sess_${subject}` : null, cookie_expires_at: null, created_at: Date.now(), updated_at: Date.now(),
  });
  const environment = () => ({
    object: "environment", id: "env_1", auth_config: { object: "auth_config", single_session_mode: true, claimed_at: null, reverification: false },
    display_config: { object: "display_config", id: "display", instance_environment_type: "production", application_name: "Dakora", theme: {}, sign_in_url: `${origin}/sign-in`, sign_up_url: `${origin}/sign-in`, home_url: "", after_sign_in_url: "", after_sign_up_url: "", branded: false },
    user_settings: { attributes: {}, actions: {}, social: {}, sign_in: { second_factor: {} }, sign_up: {}, password_settings: {}, enterprise_sso: {}, saml: {}, passkey_settings: {}, username_settings: {} },
    organization_settings: { enabled: false, domains: {} }, commerce_settings: { billing: {} }, maintenance_mode: false,
  });

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", origin);
    const method = url.searchParams.get("_method") ?? request.method;
    const cookie = /__client=([\w-]+)/.exec(request.headers.cookie ?? "")?.[1] ?? "";
    const subject = sessions.get(cookie);
    if (request.headers.origin) {
      response.setHeader("access-control-allow-origin", request.headers.origin);
      response.setHeader("access-control-allow-credentials", "true");
      response.setHeader("access-control-allow-headers", "authorization,content-type");
    }
    const json = (value: object, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (url.pathname.startsWith("/npm/@clerk/clerk-js@6/dist/")) {
      const file = join(scripts, url.pathname.split("/").at(-1) ?? "");
      if (!existsSync(file)) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": "text/javascript" }).end(readFileSync(file));
    }
    if (url.pathname === "/sign-in") {
      const who = url.searchParams.get("who");
      if (!who) {
        // Clerk's pages are told behind the `#` where to go afterwards.
        const back = "document.forms[0].back.value = new URLSearchParams(location.hash.split('?')[1]).get('sign_in_force_redirect_url')";
        const form = `<form><input type="hidden" name="back"><label>Subject <input name="who"></label><button>Continue</button></form>`;
        return response.writeHead(200, { "content-type": "text/html" }).end(`<title>Clerk</title>${form}<script>${back}</script>`);
      }
      const client = randomUUID();
      sessions.set(client, who);
      return response.writeHead(303, { "set-cookie": `__client=${client}; Path=/; Secure; HttpOnly; SameSite=None`, location: url.searchParams.get("back") ?? "/" }).end();
    }
    if (url.pathname === "/v1/environment") return json(environment());
    if (url.pathname.endsWith("/tokens")) return subject ? json({ object: "token", jwt: token(subject) }) : json({ errors: [{ code: "signed_out", message: "Signed out" }] }, 401);
    if (/\/(end|remove)$/.test(url.pathname) || (url.pathname.startsWith("/v1/client/sessions") && method === "DELETE") || (url.pathname === "/v1/client" && method === "DELETE")) {
      sessions.delete(cookie);
      return json({ response: subject ? { ...sessionOf(subject), status: "ended" } : null, client: clientOf(undefined) });
    }
    if (url.pathname.endsWith("/touch") && subject) return json({ response: sessionOf(subject), client: clientOf(subject) });
    if (url.pathname === "/v1/client") return json({ response: clientOf(subject), client: null });
    return json({ errors: [{ code: "not_found", message: url.pathname }] }, 404);
  };
  const secure = createServer({ key: pem, cert: pem }, (request, response) => void answer(request, response));
  const plain = createPlain((_, response) => {
    const jwk = { ...publicKey.export({ format: "jwk" }), kid: "clerk", alg: "RS256", use: "sig" };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys: [jwk] }));
  });
  await Promise.all([secure, plain].map((one) => new Promise<void>((done) => one.listen(0, "127.0.0.1", done))));
  origin = `https://clerk.dakora.localhost:${port(secure)}`;
  return {
    origin,
    keys: `http://127.0.0.1:${port(plain)}/jwks.json`,
    publishableKey: `pk_live_${Buffer.from(`clerk.dakora.localhost:${port(secure)}$`).toString("base64")}`,
    stop: () => {
      secure.close();
      plain.close();
    },
  };
}
