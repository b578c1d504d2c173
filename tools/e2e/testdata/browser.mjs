// Gives Node.js 20 the location and the cookies of a page. The cookies are kept in the file COOKIES, so that all snippets
// run in the same browser.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const { ROUTER, COOKIES } = process.env;
const cookies = new Map(existsSync(COOKIES) ? JSON.parse(readFileSync(COOKIES, 'utf8')) : []);
const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');

globalThis.location = new URL(ROUTER);

// Only requests without an origin come from the page: servers and scripts name the origin.
const plain = globalThis.fetch;
globalThis.fetch = async (input, init = {}) => {
  if (typeof input !== 'string' || !input.startsWith('/')) return plain(input, init);
  const headers = new Headers(init.headers);
  headers.set('Sec-Fetch-Site', 'same-origin');
  if (init.method === 'POST') headers.set('Origin', location.origin);
  if (init.credentials !== 'omit' && cookies.size) headers.set('Cookie', header());
  const response = await plain(new URL(input, location), { ...init, headers });
  for (const cookie of response.headers.getSetCookie()) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
    if (value && !/;\s*max-age=(0|-\d+)/i.test(cookie)) cookies.set(name, value);
    else cookies.delete(name);
  }
  writeFileSync(COOKIES, JSON.stringify([...cookies]));
  return response;
};

const Plain = globalThis.WebSocket;
globalThis.WebSocket = class extends Plain {
  constructor(url, protocols) {
    super(url, { protocols, headers: { Origin: location.origin, ...(cookies.size && { Cookie: header() }) } });
  }
};
