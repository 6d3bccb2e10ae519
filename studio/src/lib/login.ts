/** How people get in, as the server wrote it into the page: `none`, `keys`, `oidc` or `clerk`. */
export const login = document.querySelector<HTMLMetaElement>('meta[name="dakora-login"]')?.content ?? "none";
