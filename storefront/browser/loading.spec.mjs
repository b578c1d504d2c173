// Loading of pages: which requests are sent when, and that the layout does not shift.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, devices, person, refused, sell, signUp, tab } from './harness.mjs';

/**
 * A tab with an empty cache that opens an address. Responses are held back except for the document and the files that
 * it names.
 *
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} path
 * @param {string} operation that the page must have sent by then
 * @param {RegExp} script of the page itself
 */
async function cold(context, path, operation, script) {
  const page = await tab(context);
  const html = await (await page.request.get('/')).text();
  const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
  /** @type {string[]} */
  const early = [];
  /** @type {string[]} */
  const late = [];
  let answering = false;
  /** @type {() => void} */
  let answer = () => undefined;
  const answers = new Promise((resolve) => (answer = () => resolve((answering = true))));
  await page.route('**/*', async (route) => {
    const request = route.request();
    if (request.isNavigationRequest() || named.includes(new URL(request.url()).pathname)) return route.continue();
    const asked = request.postDataJSON()?.operationName;
    if (asked) (answering ? late : early).push(asked);
    await answers;
    await route.continue();
  });
  const asked = page.waitForRequest((request) => request.postDataJSON()?.operationName === operation);
  const own = page.waitForRequest((request) => script.test(request.url()));
  await page.goto(path, { waitUntil: 'commit' });
  await Promise.all([asked, own]);
  await page.locator('[aria-busy=true]').first().waitFor();
  answer();
  return { page, early, late };
}

/**
 * Records layout shifts without user input, like the browser's "cumulative layout shift".
 *
 * @param {import('playwright-core').BrowserContext} context
 */
async function watchShifts(context) {
  await context.addInitScript(() => {
    /** @type {any[]} */
    const shifts = [];
    const take = (/** @type {any[]} */ entries) => shifts.push(...entries.filter((entry) => !entry.hadRecentInput));
    const observer = new PerformanceObserver((list) => take(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    Object.assign(window, {
      shifts: () => {
        take(observer.takeRecords());
        return shifts.map(({ value, sources }) => ({
          value,
          sources: sources.map((/** @type {any} */ s) => s.node?.outerHTML?.slice(0, 120)),
        }));
      },
    });
  });
}

/**
 * @param {import('playwright-core').Page} page
 * @param {string} name
 */
async function assertNoShifts(page, name) {
  // Shifts are recorded when they are drawn.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const shifts = await page.evaluate(() => /** @type {any} */ (window).shifts());
  const sum = shifts.reduce((/** @type {number} */ total, /** @type {{ value: number }} */ { value }) => total + value, 0);
  assert.ok(sum < 0.1, `${name} has shifted by ${sum}: ${JSON.stringify(shifts, null, 2)}`);
}

test('a page’s scripts and queries load at once, and its layout does not shift', async () => {
  const { id } = await sell();
  for (const [device, viewport] of Object.entries(devices))
    for (const [path, operation, script, heading] of /** @type {const} */ ([
      ['/', 'ListTickets', /\/TicketsPage-/, 'They can’t go. You can.'],
      [`/tickets/${id}`, 'Ticket', /\/TicketPage-/, 'Cello Suites'],
    ])) {
      const context = await person({ viewport });
      await watchShifts(context);
      const { page, early, late } = await cold(context, path, operation, script);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.getByRole('article').first().waitFor();
      assert.ok(early.includes(operation));
      assert.deepEqual(late, [], `${path} sends more requests after the first response`);
      await assertNoShifts(page, `${path} on a ${device}`);
      page.assertNoFaults();
    }
});

test('the layout does not shift when a ticket is reserved and released', async () => {
  for (const [device, viewport] of Object.entries(devices)) {
    const { id, page: seller } = await sell();
    const [maria, johann] = [await person({ viewport, storageState: await seller.context().storageState() }), await person({ viewport })];
    await watchShifts(maria);
    await watchShifts(johann);
    const { page: edit } = await cold(maria, `/tickets/${id}/edit`, 'EditTicket', /\/EditPage-/);
    await edit.getByLabel('Price').waitFor();
    await assertNoShifts(edit, `the form on a ${device}`);

    const buyer = await tab(johann);
    await signUp(buyer);
    const { createOrder } = await api(buyer, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', {
      input: { ticketId: id },
    });
    const { page: order } = await cold(johann, `/orders/${createOrder.order.id}`, 'Order', /\/OrderPage-/);
    await order.getByRole('radio', { name: 'Mastercard' }).waitFor();
    await assertNoShifts(order, `the order on a ${device}`);

    await edit.getByText('Someone is buying this ticket right now').waitFor();
    await assertNoShifts(edit, `the disabled form on a ${device}`);
    await api(buyer, 'mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } } }', {
      input: { orderId: createOrder.order.id },
    });
    await order.getByRole('heading', { name: 'Order cancelled' }).waitFor();
    await edit.getByText('You can edit it again', { exact: true }).waitFor();
    await assertNoShifts(edit, `the enabled form on a ${device}`);
    await refused(seller, id, 'OWN_TICKET');
  }
});
