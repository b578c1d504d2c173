// How a page comes: what it asks for in which step, and that nothing jumps on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, devices, person, refused, sell, signUp, tab } from './harness.mjs';

/**
 * A tab that opens an address for the first time, while nothing is answered but the document and what that names.
 *
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} path
 * @param {string} operation that the page must have asked the API for by then
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
 * Sums up how far things have jumped without anybody's doing, as browsers do it for their "cumulative layout shift".
 *
 * @param {import('playwright-core').BrowserContext} context
 */
async function watchJumps(context) {
  await context.addInitScript(() => {
    /** @type {any[]} */
    const jumps = [];
    const take = (/** @type {any[]} */ entries) => jumps.push(...entries.filter((entry) => !entry.hadRecentInput));
    const observer = new PerformanceObserver((list) => take(list.getEntries()));
    observer.observe({ type: 'layout-shift', buffered: true });
    Object.assign(window, {
      jumps: () => {
        take(observer.takeRecords());
        return jumps.map(({ value, sources }) => ({
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
async function assertNoJumps(page, name) {
  // What has changed by now is drawn, and so measured.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  const jumps = await page.evaluate(() => /** @type {any} */ (window).jumps());
  const sum = jumps.reduce((/** @type {number} */ total, /** @type {{ value: number }} */ { value }) => total + value, 0);
  assert.ok(sum < 0.1, `${name} has jumped by ${sum}: ${JSON.stringify(jumps, null, 2)}`);
}

test('the API is asked two steps after the document, for all that a page shows, and nothing jumps', async () => {
  const { id } = await sell();
  for (const [device, viewport] of Object.entries(devices))
    for (const [path, operation, script, heading] of /** @type {const} */ ([
      ['/', 'ListTickets', /\/TicketsPage-/, 'Somebody cannot go. You can.'],
      [`/tickets/${id}`, 'Ticket', /\/TicketPage-/, 'Cello Suites'],
    ])) {
      const context = await person({ viewport });
      await watchJumps(context);
      const { page, early, late } = await cold(context, path, operation, script);
      await page.getByRole('heading', { level: 1, name: heading }).waitFor();
      await page.getByRole('article').first().waitFor();
      assert.ok(early.includes(operation));
      assert.deepEqual(late, [], `${path} asks the API for more when it has answered`);
      await assertNoJumps(page, `${path} on a ${device}`);
      page.assertNoFaults();
    }
});

test('nothing jumps when a ticket closes for its seller, and when it is paid', async () => {
  for (const [device, viewport] of Object.entries(devices)) {
    const { id, page: seller } = await sell();
    const [maria, johann] = [await person({ viewport, storageState: await seller.context().storageState() }), await person({ viewport })];
    await watchJumps(maria);
    await watchJumps(johann);
    const { page: edit } = await cold(maria, `/tickets/${id}/edit`, 'EditTicket', /\/EditPage-/);
    await edit.getByLabel('Price').waitFor();
    await assertNoJumps(edit, `the edit on a ${device}`);

    const buyer = await tab(johann);
    await signUp(buyer);
    const { createOrder } = await api(buyer, 'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }', {
      input: { ticketId: id },
    });
    const { page: order } = await cold(johann, `/orders/${createOrder.order.id}`, 'Order', /\/OrderPage-/);
    await order.getByRole('radio', { name: 'Mastercard' }).waitFor();
    await assertNoJumps(order, `the order on a ${device}`);

    await edit.getByText('Somebody is buying this ticket right now').waitFor();
    await assertNoJumps(edit, `the edit that has closed, on a ${device}`);
    await api(buyer, 'mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } } }', {
      input: { orderId: createOrder.order.id },
    });
    await order.getByRole('heading', { name: 'You gave it back' }).waitFor();
    await edit.getByText('You can change it again', { exact: true }).waitFor();
    await assertNoJumps(edit, `the edit that is open again, on a ${device}`);
    await refused(seller, id, 'OWN_TICKET');
  }
});
