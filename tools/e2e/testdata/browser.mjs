// What a page has and Node.js 20 lacks: an address of its own, and cookies that go along to it. They stay in
// the file COOKIES, so that one snippet after the other is run by the same browser.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const { ROUTER, COOKIES } = process.env;
const cookies = new Map(existsSync(COOKIES) ? JSON.parse(readFileSync(COOKIES, 'utf8')) : []);
const header = () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');

globalThis.location = new URL(ROUTER);

// Only addresses without an origin are the page's: what runs on a server or at a script names its own.
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
