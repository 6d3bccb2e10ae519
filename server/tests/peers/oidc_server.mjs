// A certified OpenID provider on loopback, with people made up by the tests that sign them in.
//
//   node oidc_server.mjs [--port N] [--audience URL] [--redirect-uri URL]... [--access-token-seconds N]
//
// Prints one line of JSON when it is ready, and ends when its standard input does. `PUT /people/{subject}` with
// {email, email_verified, name, in_token, refresh} introduces somebody. A sign-in with a `login_hint` goes through by itself;
// one without shows a page that asks who is there.
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { Provider, errors } from 'oidc-provider';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    audience: { type: 'string', default: 'https://dakora.test/api' },
    'redirect-uri': { type: 'string', multiple: true, default: [] },
    'access-token-seconds': { type: 'string', default: '3600' },
  },
});

const CLIENT_ID = 'studio';
const people = new Map();

const server = createServer();
await new Promise((resolve) => server.listen(Number(options.port), '127.0.0.1', resolve));
const issuer = `http://127.0.0.1:${server.address().port}`;
const redirectUris = ['http://127.0.0.1/callback', ...options['redirect-uri']];

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' };
}

function claimsOf(subject) {
  const { in_token: _, refresh: __, ...claims } = people.get(subject) ?? {};
  return { sub: subject, ...claims };
}

const provider = new Provider(issuer, {
  jwks: { keys: [signingKey()] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  clients: [{
    client_id: CLIENT_ID,
    application_type: 'native', // loopback addresses with any port
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: redirectUris,
    post_logout_redirect_uris: redirectUris,
  }],
  issueRefreshToken: (_, __, code) => people.get(code.accountId)?.refresh === true,
  clientBasedCORS: () => true,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  findAccount: (_, subject) => ({ accountId: subject, claims: () => claimsOf(subject) }),
  extraTokenClaims: (_, token) => {
    const { sub, ...claims } = claimsOf(token.accountId);
    return people.get(token.accountId)?.in_token ? claims : undefined;
  },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => {
        if (resource !== options.audience) throw new errors.InvalidTarget();
        return { scope: '', audience: resource, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
      },
    },
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  ttl: {
    AccessToken: Number(options['access-token-seconds']), AuthorizationCode: 60, Grant: 86400, IdToken: 3600, Interaction: 3600, RefreshToken: 86400, Session: 86400,
  },
});

async function grantEverything({ params, session, grantId }) {
  const grant = grantId
    ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  for (const resource of [params.resource ?? []].flat()) grant.addResourceScope(resource, params.scope);
  return { consent: { grantId: await grant.save() } };
}

const page = `<!doctype html><title>Sign in</title><form method="post">
<label>Subject <input name="subject" autofocus required></label> <button>Sign in</button></form>`;

async function interact(request, response) {
  const interaction = await provider.interactionDetails(request, response);
  if (interaction.prompt.name === 'consent') {
    return provider.interactionFinished(request, response, await grantEverything(interaction));
  }
  const accountId = request.method === 'POST'
    ? new URLSearchParams(await text(request)).get('subject')
    : interaction.params.login_hint;
  if (accountId) return provider.interactionFinished(request, response, { login: { accountId } });
  return response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
}

async function introduce(request, response, subject) {
  people.set(subject, JSON.parse(await text(request)));
  response.writeHead(204).end();
}

const answer = provider.callback();
server.on('request', async (request, response) => {
  const { pathname } = new URL(request.url, issuer);
  try {
    if (pathname.startsWith('/interaction/')) await interact(request, response);
    else if (pathname.startsWith('/people/') && request.method === 'PUT') {
      await introduce(request, response, decodeURIComponent(pathname.slice('/people/'.length)));
    } else answer(request, response);
  } catch (error) {
    console.error(error);
    response.writeHead(500).end();
  }
});

process.stdin.on('end', () => process.exit(0)).resume();
console.log(JSON.stringify({ issuer, audience: options.audience, client_id: CLIENT_ID, redirect_uri: redirectUris[0] }));
