// Somebody else's OpenID provider, on a free port of loopback: says its issuer on stdout, ends with its stdin.
// OPAQUE=1 gives access tokens that only introspection and userinfo understand.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const opaque = process.env.OPAQUE === '1';
const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: 'foreign-1', use: 'sig', alg: 'RS256' };

const program = {
  application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/'], response_types: ['code'],
};
const configuration = {
  clients: [
    { ...program, client_id: 'bravetui-laptop', grant_types: ['authorization_code', DEVICE] },
    { ...program, client_id: 'bravetui-no-devices', grant_types: ['authorization_code'] },
    { client_id: 'central', client_secret: process.env.CENTRAL_SECRET, redirect_uris: [], response_types: [], grant_types: [] },
  ],
  jwks: { keys: [key] },
  cookies: { keys: ['only for tests'] },
  scopes: ['openid', 'profile', 'email', 'user:org:read'],
  extraTokenClaims: () => ({ org_id: 'org_hill' }),
  features: {
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    resourceIndicators: {
      enabled: !opaque,
      defaultResource: () => 'https://central.example.com',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'user:org:read', audience: 'https://central.example.com', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  server.on('request', new Provider(issuer, configuration).callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
