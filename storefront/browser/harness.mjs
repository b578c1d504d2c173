// The harness of the browser tests. TestPages in tools/e2e runs each as `node --test browser/NAME.spec.mjs` with
//   SHOP       address of the shop
//   PICTURES   folder for screenshots
//   CHROMIUM   path of the browser
// With a first line `// Variant: service.NAME=value …`, a test has replicas with these settings; with `// System: …`, a
// whole system. CONTROL is then the address for stopping and starting their services.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { chromium } from 'playwright-core';

export const shop = process.env.SHOP ?? 'http://127.0.0.1:4000';
const pictures = process.env.PICTURES ?? '/tmp/pictures';
mkdirSync(pictures, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const devices = { desktop: { width: 1280, height: 860 }, phone: { width: 390, height: 844 } };
/** Bounds every wait. Only a failure takes that long. */
const patience = 60_000;

/** @type {import('playwright-core').Browser} */
let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
    args: ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-default-apps', '--no-first-run'],
  });
});
// Open pages would go on using CPU time.
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
});
after(() => browser.close());

/**
 * A browser context with its own cookies and storage, until the test ends.
 *
 * @param {import('playwright-core').BrowserContextOptions} [options]
 */
export async function person(options) {
  const context = await browser.newContext({
    baseURL: shop,
    locale: 'en-GB',
    timezoneId: 'Europe/London',
    colorScheme: 'light',
    viewport: devices.desktop,
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(patience);
  return context;
}

/**
 * A tab that records script errors, violations of the page's policy and failed requests. `expected` matches those that
 * the test causes.
 *
 * @param {import('playwright-core').BrowserContext} context
 */
export async function tab(context) {
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on('pageerror', (error) => faults.push(`script: ${error.stack}`));
  page.on('console', (message) => message.type() === 'error' && faults.push(`console: ${message.text()}`));
  page.on('response', (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
  return Object.assign(page, {
    /** @param {RegExp} [expected] */
    assertNoFaults: (expected) =>
      assert.deepEqual(
        faults.filter((fault) => !expected?.test(fault)),
        [],
      ),
  });
}

/**
 * Makes the page as slow as on an old phone.
 *
 * @param {import('playwright-core').Page} page
 */
export async function slow(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 8 });
}

/**
 * Takes screenshots of the page, light and dark, on a desktop and a phone, and asserts that axe finds no serious
 * problem.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
export async function look(page, name) {
  await page.bringToFront(); // background tabs are not drawn
  const before = page.viewportSize();
  // A headless browser has no scrollbars, so it needs no space for them.
  await page.evaluate(() => document.documentElement.style.setProperty('scrollbar-gutter', 'auto'));
  await page.evaluate(axe); // the page's policy does not apply to the debugger
  for (const [device, viewport] of Object.entries(devices))
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() =>
        document.fonts.ready.then(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))),
      );
      await page.screenshot({ path: join(pictures, `${name}-${device}-${colorScheme}.png`) });
      // The dark theme differs in its colours only.
      assert.deepEqual(
        await serious(page, colorScheme === 'dark' ? ['color-contrast'] : undefined),
        [],
        `${name} on a ${device}, ${colorScheme}`,
      );
      const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(tooWide <= 0, `${name} scrolls sideways on a ${device}`);
    }
  await page.emulateMedia({ colorScheme: 'light' });
  if (before) await page.setViewportSize(before);
}

/**
 * The serious problems that axe finds, with all rules or only these.
 *
 * @param {import('playwright-core').Page} page
 * @param {string[]} [rules]
 */
async function serious(page, rules) {
  const { violations } = await page.evaluate(
    (runOnly) => /** @type {any} */ (window).axe.run(document, { resultTypes: ['violations'], runOnly }),
    rules,
  );
  return violations
    .filter((/** @type {{impact: string}} */ v) => v.impact === 'serious' || v.impact === 'critical')
    .map(
      (/** @type {any} */ v) =>
        `${v.id}: ${v.nodes.map((/** @type {any} */ n) => n.html.slice(0, 160) + ' ' + n.any.map((/** @type {any} */ a) => a.message).join(' ')).join('\n')}`,
    );
}

/** An email and a password without an account. */
export function newcomer() {
  return { email: `johann-${crypto.randomUUID().slice(0, 13)}@example.com`, password: 'correct horse battery' };
}

/**
 * Signs up through the form.
 *
 * @param {import('playwright-core').Page} page
 */
export async function signUp(page, displayName = 'Johann', account = newcomer()) {
  await page.goto('/sign-up');
  await page.getByLabel('Name').fill(displayName);
  await page.getByLabel('Email').fill(account.email);
  await page.getByLabel('Password', { exact: true }).fill(account.password);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.getByRole('button', { name: `Account of ${displayName}` }).waitFor();
  return account;
}

/**
 * Sends an operation to the API with the tab's cookies.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} query
 * @param {object} [variables]
 * @returns {Promise<any>}
 */
export async function api(page, query, variables) {
  const response = await page.request.post('/graphql', { data: { query, variables } });
  const { data, errors } = await response.json();
  assert.equal(errors, undefined);
  return data;
}

/**
 * Waits until there are `count` elements. Elements of the previous page count until it is gone: wait for the new page's
 * heading first.
 *
 * @param {import('playwright-core').Locator} locator
 * @param {number} count
 */
export async function exactly(locator, count) {
  if (count > 0) await locator.nth(count - 1).waitFor({ state: 'attached' });
  await locator.nth(count).waitFor({ state: 'detached' });
}

/**
 * Waits until createOrder with a wrong price fails with the code, because orders has handled the event before it, and
 * returns the error. For the ticket's own seller, OWN_TICKET means that the ticket can be bought.
 *
 * @param {import('playwright-core').Page} page
 * @param {string} ticketId
 * @param {string} code
 */
export async function refused(page, ticketId, code) {
  const input = { ticketId, expectedPrice: { minorUnits: 1, currency: 'EUR' } };
  for (const until = Date.now() + patience; ;) {
    const { createOrder } = await api(
      page,
      'mutation($input: CreateOrderInput!) { createOrder(input: $input) { errors { ... on UserError { code } ... on PriceChangedError { currentPrice { minorUnits } } } } }',
      { input },
    );
    const [error] = createOrder.errors;
    if (error.code === code) return error;
    assert.ok(Date.now() < until, `got ${error.code}, want ${code}`);
  }
}

/**
 * A ticket that can be bought, of a new seller, and the seller's tab.
 *
 * @param {{ title?: string, minorUnits?: number, currency?: string }} [ticket]
 */
export async function sell({ title = 'Cello Suites – Thomaskirche – Row 3', minorUnits = 6400, currency = 'EUR' } = {}) {
  const seller = await person();
  const page = await tab(seller);
  await api(page, 'mutation($input: SignUpInput!) { signUp(input: $input) { errors { ... on UserError { message } } } }', {
    input: { ...newcomer(), displayName: 'Maria' },
  });
  const { createTicket } = await api(page, 'mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }', {
    input: { title, price: { minorUnits, currency } },
  });
  const id = /** @type {string} */ (createTicket.ticket.id);
  await refused(page, id, 'OWN_TICKET');
  return { id, page };
}
