/** The nonce of this page's content security policy: style sheets made while the page runs carry it. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce || undefined;
