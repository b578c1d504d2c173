// Listing a ticket, editing it, and following it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, exactly, look, newcomer, person, refused, signUp, tab } from './harness.mjs';

const update =
  'mutation($input: UpdateTicketInput!) { updateTicket(input: $input) { ticket { version } errors { ... on UserError { code } } } }';
const idOf = (/** @type {string} */ url) => /tkt_\w+/.exec(url)?.[0] ?? '';
const mark = () => crypto.randomUUID().slice(0, 8);

/**
 * A seller with a ticket.
 *
 * @param {string} title
 */
async function selling(title) {
  const context = await person();
  const page = await tab(context);
  await signUp(page, 'Maria');
  const { createTicket } = await api(page, 'mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }', {
    input: { title, price: { minorUnits: 6400, currency: 'EUR' } },
  });
  const id = /** @type {string} */ (createTicket.ticket.id);
  await refused(page, id, 'OWN_TICKET');
  return { context, page, id };
}

/** A buyer without an open page. */
async function buyer() {
  const page = await tab(await person());
  await api(page, 'mutation($input: SignUpInput!) { signUp(input: $input) { errors { ... on UserError { message } } } }', {
    input: { ...newcomer(), displayName: 'Johann' },
  });
  return {
    /** @param {string} ticketId */
    reserve: async (ticketId) => {
      const { createOrder } = await api(
        page,
        'mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } errors { ... on UserError { code } } } }',
        { input: { ticketId } },
      );
      return /** @type {string} */ (createOrder.order.id);
    },
    /** @param {string} orderId */
    cancel: (orderId) =>
      api(
        page,
        'mutation($input: CancelOrderInput!) { cancelOrder(input: $input) { order { id } errors { ... on UserError { code } } } }',
        { input: { orderId } },
      ),
    /** @param {string} orderId */
    pay: (orderId) =>
      api(
        page,
        'mutation($input: PayOrderInput!) { payOrder(input: $input) { payment { status } errors { ... on UserError { code } } } }',
        {
          input: { orderId, paymentMethodToken: 'pm_card_visa', idempotencyKey: crypto.randomUUID() },
        },
      ),
  };
}

test('a ticket is listed once, edited, and taken off sale', async () => {
  const page = await tab(await person({ locale: 'de-DE' }));
  await page.goto('/sell');
  await page.waitForURL('**/sign-in?next=%2Fsell');
  await signUp(page, 'Maria');
  await page.getByRole('link', { name: 'Sell', exact: true }).click();
  await page.getByRole('heading', { name: 'Sell a ticket' }).waitFor();
  await look(page, 'sell');

  // All errors are shown at once, each at its field.
  await page.getByLabel('Price').fill('a lot');
  await page.getByRole('button', { name: 'List ticket' }).click();
  await page.getByText('Enter the event.').waitFor();
  await page.getByText('Enter an amount like 64,00.').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'title');
  assert.equal(await page.getByLabel('Price').inputValue(), 'a lot');
  await look(page, 'sell-errors');

  const title = `Tosca ${mark()} – Teatro alla Scala – Galleria`;
  await page.getByLabel('Event').fill(title);
  await page.getByLabel('Price').fill('1.064,50');
  // The input survives a reload.
  await page.reload();
  assert.equal(await page.getByLabel('Event').inputValue(), title);
  await look(page, 'sell-filled');
  await page.getByRole('button', { name: 'List ticket' }).dblclick();
  await page.waitForURL('**/tickets/tkt_*');
  await page.getByRole('heading', { name: 'Tosca' }).waitFor();
  await page.getByText('1.064,50 €').waitFor();

  await page.getByRole('button', { name: 'Account of Maria' }).click();
  await page.getByRole('link', { name: 'Your listings' }).click();
  await page.waitForURL('**/listings');
  await page.getByRole('heading', { level: 1, name: 'Your listings' }).waitFor();
  await exactly(page.getByRole('article'), 1); // after a double click
  await page.getByRole('link', { name: 'Edit' }).click();
  await page.waitForURL('**/edit');
  await page.getByLabel('Price').waitFor();
  assert.equal(await page.getByLabel('Price').inputValue(), '1064,50');
  await look(page, 'edit');
  await page.getByLabel('Price').fill('999.00');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL('**/tickets/tkt_*');
  await page.getByText('999,00 €').waitFor();

  await page.goto(`/tickets/${idOf(page.url())}/edit`);
  await page.getByRole('button', { name: 'Take off sale' }).click();
  await page.getByRole('dialog').waitFor();
  await look(page, 'withdraw');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: 'Take off sale' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Take off sale' }).click();
  await page.waitForURL('**/listings');
  await page.getByText('Off sale', { exact: true }).first().waitFor();
  await page
    .getByRole('link', { name: /^Off sale/ })
    .filter({ hasText: '1' })
    .waitFor();
  page.assertNoFaults();
});

test('a stale edit shows both versions to choose from', async () => {
  const what = `Norma ${mark()}`;
  const { page, id } = await selling(`${what} – Wiener Staatsoper – Row 3`);
  // Without live updates, the change is found when saving.
  await page.routeWebSocket(/graphql/, () => undefined);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByLabel('Price').fill('59,00');
  await page.getByLabel('Event').fill(`${what} – Wiener Staatsoper – Row 4`);
  await api(page, update, {
    input: { ticketId: id, title: `${what} – Wiener Staatsoper – Row 5`, price: { minorUnits: 7000, currency: 'EUR' } },
  });
  await page.getByRole('button', { name: 'Save' }).click();
  const merge = page.getByRole('group', { name: 'This listing was changed elsewhere' });
  await merge.waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-labelledby') === 'merge');
  assert.equal(await page.getByLabel('Price').inputValue(), '59,00', 'the input was lost');
  await look(page, 'stale-edit');

  // Both versions changed both fields: the seller has to choose.
  await page.getByRole('button', { name: 'Save this version' }).click();
  const choice = (/** @type {string} */ field, /** @type {string} */ side) =>
    merge.getByRole('group', { name: field }).getByRole('radio', { name: side });
  await choice('Price', 'Use theirs').check();
  assert.equal(await page.getByLabel('Price').inputValue(), '70.00');
  await choice('Event', 'Keep yours').check();
  await look(page, 'stale-edit-merged');
  await page.getByRole('button', { name: 'Save this version' }).click();
  await page.waitForURL(`**/tickets/${id}`);
  const { ticket } = await api(page, 'query($id: ID!) { ticket(id: $id) { title version price { minorUnits } } }', { id });
  assert.deepEqual(ticket, { title: `${what} – Wiener Staatsoper – Row 4`, version: 3, price: { minorUnits: 7000 } });
});

test('a change elsewhere shows in an open form, and untouched fields follow', async () => {
  const what = `Fidelio ${mark()}`;
  const { page, id } = await selling(`${what} – Row 3`);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByLabel('Price').waitFor();
  await api(page, update, { input: { ticketId: id, price: { minorUnits: 7000, currency: 'EUR' } } });
  await page.waitForFunction(() => /** @type {HTMLInputElement} */ (document.getElementsByName('price.minorUnits')[0]).value === '70.00');

  await page.getByLabel('Price').fill('71');
  await api(page, update, { input: { ticketId: id, title: `${what} – Row 4` } });
  const merge = page.getByRole('group', { name: 'This listing was changed elsewhere' });
  await merge.waitFor();
  // Each version changed another field: both changes are kept.
  assert.equal(await page.getByLabel('Event').inputValue(), `${what} – Row 4`);
  assert.equal(await page.getByLabel('Price').inputValue(), '71');
  await page.getByRole('button', { name: 'Save this version' }).click();
  await page.waitForURL(`**/tickets/${id}`);
  const { ticket } = await api(page, 'query($id: ID!) { ticket(id: $id) { title price { minorUnits } } }', { id });
  assert.deepEqual(ticket, { title: `${what} – Row 4`, price: { minorUnits: 7100 } });
  page.assertNoFaults();
});

test('a form is disabled while the ticket is reserved', async () => {
  const { page, id } = await selling(`Carmen ${mark()} – Arena di Verona – Gradinata`);
  const johann = await buyer();
  await page.goto(`/tickets/${id}/edit`);
  const price = page.getByLabel('Price');
  await price.fill('65.00');
  const order = await johann.reserve(id);
  await page.getByText('Someone is buying this ticket right now').waitFor();
  assert.ok(await price.isDisabled());
  assert.ok(await page.getByRole('button', { name: 'Save' }).isDisabled());
  assert.ok(await page.getByRole('button', { name: 'Take off sale' }).isDisabled());
  assert.equal(await price.inputValue(), '65.00', 'the input was lost');
  await look(page, 'edit-reserved');
  await johann.cancel(order);
  await page.getByText('You can edit it again', { exact: true }).waitFor();
  assert.ok(await price.isEnabled());
  await page.getByRole('button', { name: 'Save' }).click();
  await page.waitForURL(`**/tickets/${id}`);
  await page.getByText('€65.00').waitFor();
  page.assertNoFaults();
});

test('an edit of a ticket that was just reserved shows the reason', async () => {
  const { page, id } = await selling(`Aida ${mark()} – Row 1`);
  const johann = await buyer();
  await page.routeWebSocket(/graphql/, () => undefined);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByLabel('Price').fill('65.00');
  const order = await johann.reserve(id);
  await api(page, 'query($id: ID!) { ticket(id: $id) { id } }', { id });
  await page.waitForFunction(
    async (ticketId) => {
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ ticket(id: "' + ticketId + '") { availability } }' }),
      });
      return (await response.json()).data.ticket.availability === 'RESERVED';
    },
    id,
    { polling: 200 },
  );
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Someone is buying this ticket right now').waitFor();
  await johann.pay(order);
  await page.goto('/');
  await page.goto(`/tickets/${id}/edit`);
  await page.getByText('This ticket is sold').waitFor();
});

test('only the seller can edit a ticket', async () => {
  const { id } = await selling(`Salome ${mark()}`);
  const page = await tab(await person());
  await signUp(page);
  await page.goto(`/tickets/${id}/edit`);
  await page.getByText('This ticket belongs to another account').waitFor();
  assert.ok(await page.getByLabel('Price').isDisabled());
  await exactly(page.getByRole('button', { name: 'Take off sale' }), 0);
  await page.goto('/tickets/tkt_none/edit');
  await page.getByRole('heading', { name: 'Ticket not found' }).waitFor();
  page.assertNoFaults();
});

test('live updates of listings', async () => {
  const { page, id } = await selling(`Lulu ${mark()} – Opernhaus Zürich – Parkett`);
  const list = (/** @type {string} */ title) =>
    api(page, 'mutation($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id } } }', {
      input: { title, price: { minorUnits: 12850, currency: 'GBP' } },
    });
  await list('Swan Lake – Royal Opera House – Amphitheatre');
  const { createTicket } = await list('Wimbledon – Centre Court – Ladies’ final');
  await api(page, 'mutation($input: WithdrawTicketInput!) { withdrawTicket(input: $input) { ticket { id } } }', {
    input: { ticketId: createTicket.ticket.id },
  });
  await page.goto('/listings');
  const row = page.getByRole('article').filter({ hasText: 'Lulu' });
  await row.getByText('Available').waitFor();
  await page
    .getByRole('link', { name: /^Available/ })
    .filter({ hasText: '2' })
    .waitFor();

  const johann = await buyer();
  const order = await johann.reserve(id);
  await row.getByText('Reserved', { exact: true }).first().waitFor();
  await page
    .getByRole('link', { name: /^Reserved/ })
    .filter({ hasText: '1' })
    .waitFor();
  await exactly(row.getByRole('link', { name: 'Edit' }), 0);
  await look(page, 'listings');
  await johann.pay(order);
  await row.getByText('Sold', { exact: true }).first().waitFor();
  await page.getByRole('link', { name: /^Sold/ }).filter({ hasText: '1' }).click();
  await page.waitForURL('**/listings?show=sold');
  await exactly(page.getByRole('article'), 1);
  await row.waitFor();
  await look(page, 'listings-sold');
  await page.getByRole('link', { name: /^Reserved/ }).click();
  await page.getByText('No tickets reserved').waitFor();
  page.assertNoFaults();
});

test('listings load page by page', async () => {
  const { page } = await selling('One');
  const offers = Array.from(
    { length: 44 },
    (_, i) => `t${i}: createTicket(input: { title: "Number ${i}", price: { minorUnits: 1000, currency: "EUR" } }) { ticket { id } }`,
  );
  for (let i = 0; i < offers.length; i += 11) await api(page, `mutation { ${offers.slice(i, i + 11).join(' ')} }`);
  await page.goto('/listings');
  await page.getByRole('article').first().waitFor();
  await page.getByRole('link', { name: /^All/ }).filter({ hasText: '45' }).waitFor();
  for (const last of ['Number 10', 'One']) {
    await page.waitForFunction((text) => {
      scrollTo(0, document.body.scrollHeight);
      return [...document.querySelectorAll('article h2')].some((h) => h.textContent === text);
    }, last);
  }
  await exactly(page.getByRole('article'), 45);
  page.assertNoFaults();
});
