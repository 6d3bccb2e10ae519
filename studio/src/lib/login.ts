type Told = Partial<Record<"client_id" | "scope" | "resource" | "issuer" | "authorization_endpoint" | "token_endpoint" | "end_session_endpoint", string>> & {
  mode: "none" | "keys" | "oidc" | "clerk";
};

function read(): Told {
  try {
    return JSON.parse(document.querySelector<HTMLMetaElement>('meta[name="dakora-login"]')?.content ?? "") as Told;
  } catch {
    return { mode: "none" }; // Vite's own server sends the page as it is
  }
}

/** How people get in, as the server wrote it into the page. */
export const login = read();
/** The issuer's addresses could not be had when the page was made. */
export const isServiceAway = login.mode === "oidc" && !login.authorization_endpoint;
